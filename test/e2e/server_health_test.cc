#include <string>

#include "daemon/serve/server.h"
#include "test/catch/catch.h"
#include "test/e2e/conversation.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

// With no model, and ready.
class EmptyRepository final : public Repository {
 public:
  using Done = std::function<void(const absl::Status&)>;
  void Load(const std::string&, Done done) override { done(NotHere()); }
  void Unload(const std::string&, Done done) override { done(NotHere()); }
  void MeasureAgain(const std::string&, Done done) override { done(NotHere()); }
  void Stop() override {}
  std::vector<ModelStatus> Index() const override { return {}; }
  bool ready() const override { return true; }
  bool WaitUntilReady() const override { return true; }
  absl::StatusOr<std::shared_ptr<Model>> Find(
      const std::string&, const std::string&) const override {
    return NotHere();
  }

 private:
  static absl::Status NotHere() { return absl::NotFoundError("no model"); }
};

// The thread that waits for the models may be told of them at any time.
TEST_CASE("Health does not say SERVING once more when models are ready late") {
  TestEngine engine({}, Drive::kSim);
  EmptyRepository repository;
  const auto server = Server::Start({.listeners = {{.address = "127.0.0.1:0"}}},
                                    engine.operator->(), &repository);
  REQUIRE(server.ok());
  WireClient client((*server)->addresses().at(0));

  CHECK(!AskHealth(&client));
  (*server)->MarkReady();
  CHECK(AskHealth(&client));
  (*server)->Refuse();
  CHECK(!AskHealth(&client));
  (*server)->MarkReady();
  CHECK(!AskHealth(&client));
}

}  // namespace
}  // namespace layerd
