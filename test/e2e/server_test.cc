// The server in this process, on an engine whose parts a test can hold up:
// health, streams and their end.
#include "daemon/serve/server.h"

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "test/catch/catch.h"
#include "test/e2e/conversation.h"
#include "test/sim/test_engine.h"

namespace layerd {
namespace {

constexpr char kCheck[] = "/grpc.health.v1.Health/Check";
constexpr char kWatch[] = "/grpc.health.v1.Health/Watch";
constexpr char kStreamInfer[] =
    "/inference.GRPCInferenceService/ModelStreamInfer";
constexpr char kReflection[] =
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
// On the wire: field 1 of a message about health.
constexpr char kServing[] = "\x08\x01";
constexpr char kNotServing[] = "\x08\x02";
constexpr char kServiceUnknown[] = "\x08\x03";
constexpr char kNobody[] = "\x0a\x06nobody";

// What the engine has, and ready.
class ReadyRepository final : public Repository {
 public:
  using Done = std::function<void(const absl::Status&)>;
  explicit ReadyRepository(Engine* engine) : engine_(*engine) {}
  void Load(const std::string&, Done done) override { done(NotHere()); }
  void Unload(const std::string&, Done done) override { done(NotHere()); }
  void MeasureAgain(const std::string&, Done done) override { done(NotHere()); }
  void Stop() override {}
  std::vector<ModelStatus> Index() const override { return {}; }
  bool ready() const override { return true; }
  bool WaitUntilReady() const override { return true; }
  absl::StatusOr<std::shared_ptr<Model>> Find(
      const std::string& name, const std::string& version) const override {
    const auto model = engine_.Find(name, version);
    if (model == nullptr) return NotHere();
    return model;
  }
  std::optional<std::string> VersionFor(
      const std::string& name, const std::string& version) const override {
    const auto model = engine_.Find(name, version);
    if (model == nullptr) return std::nullopt;
    return model->version();
  }

 private:
  static absl::Status NotHere() { return absl::NotFoundError("no model"); }

  Engine& engine_;
};

struct Fixture {
  Fixture() : repository(engine.operator->()) {
    auto started = Server::Start({.listeners = {{.address = "127.0.0.1:0"}}},
                                 engine.operator->(), &repository);
    REQUIRE(started.ok());
    server = *std::move(started);
    client.emplace(server->addresses().at(0));
  }

  TestEngine engine{{}, Drive::kSim};
  ReadyRepository repository;
  std::unique_ptr<Server> server;
  std::optional<WireClient> client;
};

// "": it had the message.
std::string EndOf(WireClient::Stream& stream) {
  const auto received = stream.Receive();
  return received.ok() ? "" : received.status().ToString();
}
constexpr char kEnd[] = "UNAVAILABLE: the server is shutting down";

// The thread that waits for the models may be told of them at any time.
TEST_CASE("Health does not say SERVING once more when models are ready late") {
  Fixture f;
  CHECK(!AskHealth(&*f.client));
  f.server->MarkReady();
  CHECK(AskHealth(&*f.client));
  f.server->Refuse();
  CHECK(!AskHealth(&*f.client));
  f.server->MarkReady();
  CHECK(!AskHealth(&*f.client));
}

TEST_CASE("Who watches health is told of each change, and of the end") {
  Fixture f;
  const auto watch = f.client->OpenStream(kWatch);
  REQUIRE(watch->Send(""));
  CHECK(*watch->Receive() == kNotServing);
  f.server->MarkReady();
  CHECK(*watch->Receive() == kServing);
  f.server->Refuse();
  CHECK(*watch->Receive() == kNotServing);
  f.server->Drain(Instant::max());
  CHECK(EndOf(*watch) == kEnd);
}

TEST_CASE("Who no longer watches health disturbs nobody") {
  Fixture f;
  for (int i = 0; i < 20; ++i) {
    const auto watch = f.client->OpenStream(kWatch);
    REQUIRE(watch->Send(""));
    if (i % 2 == 0) CHECK(watch->Receive().ok());
  }
  f.server->MarkReady();
  CHECK(AskHealth(&*f.client));
}

TEST_CASE("Of a service that is not known the health is not, in words") {
  Fixture f;
  const auto watch = f.client->OpenStream(kWatch);
  REQUIRE(watch->Send(kNobody));
  CHECK(*watch->Receive() == kServiceUnknown);
  const absl::Status status = f.client->Ask(kCheck, kNobody).status();
  CHECK(absl::IsNotFound(status));
  CHECK_THAT(std::string(status.message()),
             Catch::Contains("'nobody'") &&
                 Catch::Contains("inference.GRPCInferenceService"));
}

TEST_CASE("A stream on which nothing is asked ends as a drain begins") {
  const std::string method = GENERATE(kStreamInfer, kReflection);
  const bool was_asked = GENERATE(false, true);
  INFO(method << ", asked before: " << was_asked);
  Fixture f;
  const auto stream = f.client->OpenStream(method);
  if (was_asked) {
    REQUIRE(stream->Send(""));
    CHECK(stream->Receive().ok());
  }
  f.server->Refuse();
  CHECK(EndOf(*stream) == kEnd);
  CHECK(EndOf(*f.client->OpenStream(method)) == kEnd);
}

TEST_CASE("A stream ends behind the answer that is due") {
  Fixture f;
  REQUIRE(f.engine.Load(WriteModel("m.layers", 6), "m", 3).ok());
  const Model::Port input = f.engine->Find("m", "")->inputs().at(0);
  const std::vector<float> zeros(input.bytes / sizeof(float));
  std::promise<void> begun, go_on;
  f.engine.OnPart([&](size_t part) {
    if (part > 0) return;
    begun.set_value();
    go_on.get_future().wait();
  });
  // Without a deadline that jobs would have: the engine's clock stands still.
  const auto stream =
      f.client->OpenStream(kStreamInfer, std::chrono::hours(24 * 366));
  REQUIRE(stream->Send(
      RawRequest("m", input.name, input.shape, zeros).SerializeAsString()));
  begun.get_future().wait();
  f.server->Refuse();
  go_on.set_value();

  const auto received = stream->Receive();
  REQUIRE(received.ok());
  inference::ModelStreamInferResponse answer;
  REQUIRE(answer.ParseFromString(*received));
  CHECK(answer.error_message() == "");
  CHECK(answer.infer_response().outputs_size() > 0);
  CHECK(EndOf(*stream) == kEnd);
}

}  // namespace
}  // namespace layerd
