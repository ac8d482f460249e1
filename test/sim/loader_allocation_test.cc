// Nothing is allocated per request: every operator new of the process is
// counted, whichever thread calls it.

#include <iostream>

#include "loader/io/open_io_engine.h"
#include "loader/loader.h"
#include "test/catch/catch.h"
#include "test/sim/allocations.h"
#include "test/sim/loader_fixture.h"

namespace layerd {
namespace {

// True if all of `reads` came and went.
bool RunJob(RunningLoader* loader, WeightStream* stream,
            const StreamRequest& request, size_t reads) {
  (*loader)->Start(stream, request);
  bool well = true;
  for (size_t i = 0; i < reads; ++i) {
    well = well && stream->Wait(i).ok();
    if (well) stream->Release(i);
  }
  (*loader)->Stop(stream);
  return well;
}

TEST_CASE("The counter counts") {
  const uint64_t before = Allocations();
  ::operator delete(::operator new(1));
  CHECK(Allocations() == before + 1);
}

TEST_CASE("Jobs allocate nothing, on neither thread") {
  const auto kind = GENERATE(IoEngineKind::kIoUring, IoEngineKind::kPread);
  auto choice = OpenIoEngine(kind, 4);
  if (!choice.ok()) {
    std::cout << "SKIPPED: " << choice.status().message() << "\n";
    return;
  }
  RandomWeights weights(1, std::vector<uint64_t>(40, 32 << 10), 16 << 10);
  RingInSlab ring(100 << 10);
  RunningLoader loader(choice->engine.get(), {.read_bytes_max = 64 << 10});
  WeightStream stream(weights.extents());
  const auto reads = ReadAll(weights);
  const StreamRequest request = {&weights.file(), reads, &ring.ring};
  REQUIRE(RunJob(&loader, &stream, request, reads.size()));

  const uint64_t before = Allocations();
  bool well = true;
  for (size_t job = 0; job < 60; ++job) {
    // Every third is stopped half way.
    const size_t count = job % 3 == 0 ? reads.size() / 2 : reads.size();
    well = RunJob(&loader, &stream, request, count) && well;
  }
  const uint64_t after = Allocations();

  CHECK(well);
  CHECK(after == before);
}

}  // namespace
}  // namespace layerd
