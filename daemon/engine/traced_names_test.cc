#include "daemon/engine/traced_names.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "daemon/model/model.h"
#include "daemon/model/random_model.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

using std::chrono::nanoseconds;

// A loaded model of version 3, and whatever has been at its address.
struct Traced {
  Traced() {
    RandomModel(7).Write(folder / "m.layers", MakeReferenceBackend()->key());
    auto model = Model::Open(folder / "m.layers", "m", "3", {});
    REQUIRE(model.ok());
    loaded.push_back(*std::move(model));
  }
  void Go(const std::string& version, int64_t at_ns) {
    names.NoteGone(place(), {"m", version}, Instant(nanoseconds(at_ns)));
  }
  // Of an event.
  std::string VersionAt(int64_t begin_ns) const {
    const TraceEvent event{.begin = nanoseconds(begin_ns), .model = place()};
    return names.Of(event, is_gone ? Models() : loaded).version;
  }
  const Model* place() const { return loaded.front().get(); }

  using Models = std::vector<std::shared_ptr<Model>>;
  const ScratchFolder folder;
  TracedNames names;
  Models loaded;
  bool is_gone = false;
};

TEST_CASE("Who has come to lie where others went has no events of theirs") {
  Traced traced;
  traced.Go("1", 100);
  traced.Go("2", 200);
  CHECK(traced.VersionAt(50) == "1");
  CHECK(traced.VersionAt(100) == "1");
  CHECK(traced.VersionAt(101) == "2");
  CHECK(traced.VersionAt(201) == "3");
  CHECK(traced.names.Of({}, traced.loaded).model.empty());  // Of no model.
}

TEST_CASE("A request that came upon a model just before it went is of it") {
  Traced traced;
  traced.is_gone = true;
  CHECK(traced.VersionAt(1).empty());
  traced.Go("1", 100);
  CHECK(traced.VersionAt(101) == "1");
}

TEST_CASE("Of many that are gone the oldest has no name any more") {
  Traced traced;
  traced.Go("1", 1);
  for (size_t n = 1; n < TracedNames::kGoneMax; ++n) traced.Go("2", 2);
  CHECK(traced.VersionAt(0) == "1");
  traced.Go("2", 2);
  CHECK(traced.VersionAt(0) == "2");
}

}  // namespace
}  // namespace layerd
