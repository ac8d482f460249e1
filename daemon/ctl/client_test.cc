#include "daemon/ctl/client.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "loader/io/unique_fd.h"
#include "open_inference.pb.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

// A port of this machine that is taken, so that nobody else listens there, but
// where nobody listens either.
class SilentPort {
 public:
  SilentPort() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof(address);
    REQUIRE(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), bytes) == 0);
    REQUIRE(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address),
                        &bytes) == 0);
    address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  }
  const std::string& address() const { return address_; }
  // Somebody listens, and is stopped.
  void Listen() { REQUIRE(listen(fd_.get(), 8) == 0); }

 private:
  UniqueFd fd_;
  std::string address_;
};

TEST_CASE("Where nobody listens every call is UNAVAILABLE, and at once") {
  SilentPort port;
  const bool is_unix = GENERATE(false, true);
  const std::string address =
      is_unix ? "unix:/nonexistent/layerd.sock" : port.address();
  INFO(address);
  // A proxy would answer in its place.
  setenv("http_proxy", "http://127.0.0.1:9", 1);
  const auto client = Client::Connect(address);
  REQUIRE(client.ok());
  const auto start = std::chrono::steady_clock::now();

  for (const absl::Status& status :
       {(*client)->Status().status(), (*client)->ServerLive().status(),
        (*client)->ModelMetadata("m", "").status(),
        (*client)->Infer({.model = "m"}).status(),
        (*client)->Health("").status(), (*client)->Services().status(),
        (*client)->Call("/x/y", "z").status()}) {
    CHECK(absl::IsUnavailable(status));
    CHECK_THAT(std::string(status.message()), Catch::Contains(address));
  }

  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
}

TEST_CASE("Who listens and says nothing is given up, in words") {
  SilentPort port;
  port.Listen();
  const auto client =
      Client::Connect(port.address(), std::chrono::milliseconds(50));
  REQUIRE(client.ok());

  const absl::Status status = (*client)->Status().status();

  CHECK(absl::IsUnavailable(status));
  CHECK_THAT(std::string(status.message()),
             Catch::Contains(port.address() + " for 50ms"));
}

TEST_CASE("An address is HOST:PORT or unix:PATH") {
  for (const char* right :
       {"127.0.0.1:8001", "[::1]:8001", "box.local:1", "unix:/run/l.sock"}) {
    CHECK(Client::Connect(right).ok());
  }
  const auto wrong = GENERATE("", "127.0.0.1", ":8001", "h:", "h:0", "h:65536",
                              "http://h:1", "h:-1", "h:http", "unix:");
  INFO(wrong);
  CHECK(absl::IsInvalidArgument(Client::Connect(wrong).status()));
}

TEST_CASE("A request goes over the wire as the protocol says") {
  const std::string bytes =
      Serialize({.model = "digits",
                 .version = "2",
                 .inputs = {{"a", "FP32", {1, 1}, "1234"},
                            {"b", "BOOL", {2}, std::string("\1\0", 2)}},
                 .outputs = {"logits"},
                 .priority = 1,
                 .timeout = std::chrono::microseconds(500)});

  inference::ModelInferRequest message;
  REQUIRE(message.ParseFromString(bytes));
  CHECK(message.model_name() == "digits");
  CHECK(message.model_version() == "2");
  REQUIRE(message.inputs_size() == 2);
  CHECK(message.inputs(0).name() == "a");
  CHECK(message.inputs(0).datatype() == "FP32");
  CHECK(message.inputs(0).shape_size() == 2);
  CHECK_FALSE(message.inputs(0).has_contents());
  REQUIRE(message.raw_input_contents_size() == 2);
  CHECK(message.raw_input_contents(0) == "1234");
  REQUIRE(message.outputs_size() == 1);
  CHECK(message.outputs(0).name() == "logits");
  CHECK(message.parameters().at("priority").uint64_param() == 1);
  CHECK(message.parameters().at("timeout").int64_param() == 500);
}

}  // namespace
}  // namespace layerd
