#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <string>

#include "test/catch/catch.h"
#include "test/e2e/conversation.h"
#include "test/e2e/daemon_process.h"
#include "test/e2e/digits.h"
#include "test/e2e/program.h"
#include "test/e2e/tiny_onnx.h"

namespace layerd {
namespace {

constexpr char kServerReady[] = "/inference.GRPCInferenceService/ServerReady";

// A service manager's end of sd_notify(3).
class NotifySocket {
 public:
  explicit NotifySocket(const std::string& path)
      : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, path.c_str(), sizeof(name.sun_path) - 1);
    REQUIRE(bind(fd_.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)) ==
            0);
  }

  // The next message; empty if none comes within half a minute.
  std::string Receive() {
    pollfd polled{fd_.get(), POLLIN, 0};
    if (poll(&polled, 1, 30'000) != 1) return "";
    char bytes[1024];
    const ssize_t got = recv(fd_.get(), bytes, sizeof(bytes), 0);
    return {bytes, static_cast<size_t>(got > 0 ? got : 0)};
  }

 private:
  UniqueFd fd_;
};

TEST_CASE("SIGTERM lets requests in flight finish and refuses new ones") {
  TestRepository repository;
  repository.AddOnnx("slow", SlowOnnx(40));
  DaemonProcess daemon(repository, {.flags = {"--weight-budget", "1MiB"}});
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());
  const std::vector<float> ones(kSlowElements, 1.0f);
  const std::string request =
      RawRequest("slow", "x", {1, 64, 64, 64}, ones).SerializeAsString();

  // It has arrived when more is read than any ring prefetched.
  const admin::StatusResponse before = AskStatus(&client);
  const auto in_flight = client.Begin(kInferMethod, request);
  while (AskStatus(&client).loading().read_bytes() <=
         before.loading().read_bytes() + before.memory().ring_bytes()) {
  }
  daemon.program().Signal(SIGTERM);
  absl::Status refused;
  while (refused.ok()) {
    refused = client.Ask(kServerReady, "").status();
    if (refused.ok()) {
      inference::ModelInferRequest unknown;
      refused = Infer(&client, unknown).status();
      if (absl::IsNotFound(refused)) refused = absl::OkStatus();
    }
  }

  INFO(refused);
  CHECK(absl::IsUnavailable(refused));
  const auto answer = in_flight->Answer();
  INFO(answer.status());
  CHECK(answer.ok());
  const Ended ended = daemon.program().Wait();
  INFO(ended.err);
  CHECK(ended.status == 0);
}

TEST_CASE("SIGTERM ends an idle daemon, and one that packs") {
  TestRepository repository;
  SECTION("idle") {
    repository.AddLayers("digits", DigitsLayers());
    DaemonProcess daemon(repository);
    REQUIRE(daemon.WaitUntilReady());
    CHECK(daemon.Terminate().status == 0);
  }
  SECTION("packing") {
    const ScratchFolder folder;
    repository.AddOnnx("digits", ReadFile(kDigitsOnnx));
    DaemonOptions options;
    options.layerd = LayerdWithEndlessPacker(folder);
    DaemonProcess daemon(repository, options);
    WireClient client(daemon.socket_address());
    CHECK(!AskReady(&client));
    CHECK(daemon.Terminate().status == 0);
  }
}

TEST_CASE(
    "A terminal that closes ends the daemon, unless it is to outlive it") {
  const bool nohup = GENERATE(false, true);
  TestRepository repository;
  repository.AddLayers("digits", DigitsLayers());
  const auto before = signal(SIGHUP, nohup ? SIG_IGN : SIG_DFL);
  DaemonProcess daemon(repository);
  signal(SIGHUP, before);
  REQUIRE(daemon.WaitUntilReady());
  daemon.program().Signal(SIGHUP);
  if (nohup) {
    WireClient client(daemon.socket_address());
    CHECK(AskDigit(&client, "digits", 0).ok());
    daemon.program().Signal(SIGTERM);
  }
  CHECK(daemon.program().Wait().status == 0);
}

TEST_CASE("While one model is packed the others serve, and we are not ready") {
  const ScratchFolder folder;
  TestRepository repository;
  repository.AddLayers("digits", DigitsLayers());
  repository.AddOnnx("packing", ReadFile(kDigitsOnnx));
  DaemonOptions options;
  options.layerd = LayerdWithEndlessPacker(folder);
  DaemonProcess daemon(repository, options);
  WireClient client(daemon.socket_address());

  CHECK(!AskReady(&client));
  CHECK(!AskHealth(&client));
  while (AskStatusOf(&client, "digits").state() == "LOADING") {
  }
  CHECK(AskDigit(&client, "digits", 0).ok());
  const auto packing = AskDigit(&client, "packing", 0);
  CHECK(absl::IsUnavailable(packing.status()));
  CHECK_THAT(std::string(packing.status().message()),
             Catch::Contains("LOADING"));
  CHECK(!AskReady(&client));
}

TEST_CASE("A ready daemon says so, on every listener, and names its services") {
  TestRepository repository;
  repository.AddLayers("digits", DigitsLayers());
  DaemonProcess daemon(repository);
  REQUIRE(daemon.WaitUntilReady());
  for (const std::string& address :
       {daemon.address(), daemon.socket_address()}) {
    INFO(address);
    WireClient client(address);
    CHECK(AskReady(&client));
    CHECK(AskHealth(&client));
    const auto reflect = [&client](const char* question) {
      const auto answer = client.Ask(
          "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
          question);
      return answer.ok() ? *answer : std::string();
    };
    constexpr char kListServices[] = "\x3a\x01*";
    CHECK_THAT(reflect(kListServices),
               Catch::Contains("inference.GRPCInferenceService") &&
                   Catch::Contains("layerd.admin.Admin") &&
                   Catch::Contains("grpc.health.v1.Health"));
    constexpr char kWhoDefinesHealth[] =
        "\x22\x15"
        "grpc.health.v1.Health";
    CHECK_THAT(reflect(kWhoDefinesHealth),
               Catch::Contains("HealthCheckRequest"));
    constexpr char kFileOfAdmin[] =
        "\x1a\x0b"
        "admin.proto";
    CHECK_THAT(reflect(kFileOfAdmin), Catch::Contains("SetBudgetRequest"));
    // What is in our memory and not on the wire is nobody's business.
    constexpr char kFileOfLayers[] =
        "\x1a\x10"
        "layer_file.proto";
    CHECK_THAT(reflect(kFileOfLayers), Catch::Contains("nothing of that name"));
  }
}

TEST_CASE("A damaged model does not keep the daemon from being ready") {
  TestRepository repository;
  repository.AddLayers("damaged", "layers?");
  DaemonProcess daemon(repository);
  REQUIRE(daemon.WaitUntilReady());
  WireClient client(daemon.address());
  CHECK(AskReady(&client));
}

TEST_CASE("io_uring that is asked for and refused is status 1, no device's 3") {
  TestRepository repository;
  repository.AddLayers("digits", DigitsLayers());
  // Three descriptors are open, and the ring wants two more.
  const Ended ended =
      Run({"/bin/sh", "-c", "ulimit -n 4 && exec \"$0\" \"$@\"", kLayerd,
           "--repository", repository.models_path(), "--listen", "127.0.0.1:0",
           "--io-engine", "io_uring"});
  INFO(ended.err);
  CHECK(ended.status == 1);
  CHECK_THAT(ended.err, Catch::Contains("io_uring is refused") &&
                            Catch::Contains("ask for auto or pread"));
}

// A port of the loopback interface that is free.
std::string FreeAddress() {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(name);
  REQUIRE(bind(fd.get(), reinterpret_cast<sockaddr*>(&name), size) == 0);
  REQUIRE(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size) ==
          0);
  return "127.0.0.1:" + std::to_string(ntohs(name.sin_port));
}

// gRPC by itself looks at a connection that was refused every five seconds.
TEST_CASE("Who waits for a daemon knows at once when it is ready") {
  TestRepository repository;
  repository.AddLayers("digits", DigitsLayers());
  const std::string address = FreeAddress();
  Program waiting({kLayerctl, "status", "--wait", "50", "--address", address});
  DaemonProcess daemon(repository, {.flags = {"--listen", address}});
  REQUIRE(daemon.WaitUntilReady());
  const auto ready = std::chrono::steady_clock::now();

  CHECK(waiting.Wait().status == 0);
  CHECK(std::chrono::steady_clock::now() - ready < std::chrono::seconds(4));
}

TEST_CASE("What nothing can be served with is said at the start") {
  struct Row {
    const char* flag;
    std::string value;
    const char* words;
  };
  TestRepository repository;
  repository.AddLayers("digits", DigitsLayers());
  const ScratchFolder folder;
  WriteFile(folder / "file", "");
  const std::vector<Row> rows = {
      {"--repository", folder.path(), "holds no model yet"},
      {"--cache", folder / "file/cache", "ONNX files cannot be packed"},
  };
  for (const Row& row : rows) {
    INFO(row.words);
    DaemonProcess daemon(repository, {.flags = {row.flag, row.value}});
    REQUIRE(daemon.WaitUntilReady());
    CHECK_THAT(daemon.program().Err(), Catch::Contains(row.words));
  }
}

TEST_CASE("The service manager is told of the beginning and the end") {
  TestRepository repository;
  repository.AddLayers("digits", DigitsLayers());
  NotifySocket notify(repository.SocketPath("notify"));
  DaemonOptions options;
  options.environment["NOTIFY_SOCKET"] = repository.SocketPath("notify");
  DaemonProcess daemon(repository, options);

  CHECK_THAT(notify.Receive(), Catch::StartsWith("READY=1"));
  CHECK(daemon.Terminate().status == 0);
  CHECK_THAT(notify.Receive(), Catch::StartsWith("STOPPING=1"));
}

TEST_CASE("The log says which file is not read, and which folder is not made") {
  struct Row {
    std::vector<std::string> flags;
    const char* words;
  };
  const auto row = GENERATE(values<Row>({
      {{}, "config.pbtxt is Triton's and is not read; a model.yaml"},
      {{"--cache", "/dev/null/cache"}, "the cache folder: Not a directory"},
  }));
  TestRepository repository;
  repository.AddOnnx("digits", ReadFile(kDigitsOnnx));
  WriteFile(repository.FolderOf("digits") + "/../config.pbtxt", "name: 'x'");
  DaemonProcess daemon(repository, {.flags = row.flags});
  REQUIRE(daemon.WaitUntilReady());
  CHECK_THAT(daemon.Terminate().err, Catch::Contains(row.words));
}

// What is logged would be written into what else has the number.
TEST_CASE("A daemon without standard error keeps its number") {
  namespace fs = std::filesystem;
  const ScratchFolder folder;
  const std::string script = folder / "layerd";
  WriteFile(script, "#!/bin/sh\nexec '" + fs::absolute(kLayerd).string() +
                        "' \"$@\" 2>&-\n");
  fs::permissions(script, fs::perms::owner_all);
  TestRepository repository;
  repository.AddOnnx("digits", ReadFile(kDigitsOnnx));
  DaemonProcess daemon(repository, {.layerd = script});
  REQUIRE(daemon.WaitUntilReady());
  const std::string fds =
      "/proc/" + std::to_string(daemon.program().pid()) + "/fd/";
  CHECK(fs::read_symlink(fds + "2") == "/dev/null");
}

TEST_CASE("A service that names no repository serves its state folder's") {
  TestRepository repository;
  repository.AddLayers("digits", DigitsLayers());
  const std::filesystem::path models = repository.models_path();
  Program service(
      {kLayerd, "--cache", repository.cache_path(), "--listen",
       "unix:" + repository.SocketPath("layerd"), "--metrics", "off"},
      {.environment = {{"STATE_DIRECTORY", models.parent_path()}}});
  REQUIRE(service.ReadLine());
  WireClient client("unix:" + repository.SocketPath("layerd"));
  CHECK(AskDigit(&client, "digits", 0).ok());
  service.Signal(SIGTERM);
  CHECK(service.Wait().status == 0);

  DaemonProcess told(repository,
                     {.environment = {{"STATE_DIRECTORY", "/nonexistent"}}});
  CHECK(told.WaitUntilReady());
}

TEST_CASE("layerd says what is wrong with its command line, with status 2") {
  TestRepository repository;
  repository.AddLayers("digits", DigitsLayers());
  const std::string models = repository.models_path();
  DaemonProcess other(repository);
  REQUIRE(other.WaitUntilReady());
  struct Row {
    const char* name;
    std::vector<std::string> arguments;
    std::string message;
  };
  const std::vector<Row> rows = {
      {"unknown flag", {"--repositry", models}, "unknown option --repositry"},
      {"no value", {"--repository"}, "--repository needs a value"},
      {"no repository", {}, "no repository"},
      {"a repository that is not there",
       {"--repository", models + "/none", "--listen", "127.0.0.1:0"},
       models + "/none: No such file or directory; --repository"},
      {"a port that is taken",
       {"--repository", models, "--listen", other.address()},
       "cannot listen on " + other.address()},
      {"a socket that is taken",
       {"--repository", models, "--listen", other.socket_address()},
       "another process serves it"},
      {"an address that is none",
       {"--repository", models, "--listen", "everywhere"},
       "HOST:PORT"},
      {"a size that is none",
       {"--repository", models, "--memory-budget", "much"},
       "--memory-budget"},
      {"a configuration that is not there",
       {"--config", models + "/none.yaml"},
       "none.yaml"},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    std::vector<std::string> command{kLayerd};
    command.insert(command.end(), row.arguments.begin(), row.arguments.end());
    const Ended ended = Run(command);
    CHECK(ended.status == 2);
    CHECK_THAT(ended.err, Catch::Contains(row.message));
  }
  WireClient client(other.address());
  CHECK(AskDigit(&client, "digits", 0).ok());
}

TEST_CASE("What cannot be promised is said in the log") {
  TestRepository repository;
  repository.AddOnnx("slow", SlowOnnx(40));
  repository.Configure("slow", "period_ms: 1\ndeadline_ms: 1\n");
  DaemonProcess daemon(repository, {.flags = {"--admission", "advisory"}});
  REQUIRE(daemon.WaitUntilReady());
  CHECK_THAT(daemon.program().Err(),
             Catch::Contains("slow/1: a response of") &&
                 Catch::Contains("its deadline is 1.000"));
}

TEST_CASE("--check-config reads the configuration and serves nothing") {
  const ScratchFolder folder;
  WriteFile(folder / "good.yaml", "repository: /models\nthreads: 1\n");
  WriteFile(folder / "bad.yaml", "repository: /models\nthreads: many\n");

  const Ended good =
      Run({kLayerd, "--check-config", "--config", folder / "good.yaml"});
  CHECK(good.status == 0);
  // As the package has it: the service's own repository.
  WriteFile(folder / "part.yaml", "threads: 1\n");
  CHECK(Run({kLayerd, "--check-config", "--config", folder / "part.yaml"})
            .status == 0);
  const Ended bad =
      Run({kLayerd, "--check-config", "--config", folder / "bad.yaml"});
  CHECK(bad.status == 2);
  CHECK_THAT(bad.err,
             Catch::Contains("bad.yaml") && Catch::Contains("threads"));
}

}  // namespace
}  // namespace layerd
