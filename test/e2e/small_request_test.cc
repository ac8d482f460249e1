#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "test/catch/catch.h"
#include "test/e2e/conversation.h"
#include "test/e2e/served_digits.h"

namespace layerd {
namespace {

constexpr char kProtocol[] = "/inference.GRPCInferenceService/";
constexpr char kAdmin[] = "/layerd.admin.Admin/";
constexpr char kReflection[] =
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
constexpr char kHealthCheck[] = "/grpc.health.v1.Health/Check";
constexpr size_t kBytesMax = 64 << 10;

// Fields that nobody knows, of two bytes each.
std::string Unknown(size_t bytes) {
  std::string fields;
  while (fields.size() < bytes) fields += "\x78\x01";
  return fields;
}

std::vector<std::string> MethodsWithoutTensors() {
  std::vector<std::string> methods{kReflection, kHealthCheck,
                                   "/grpc.health.v1.Health/Watch"};
  for (const char* name :
       {"ServerLive", "ServerReady", "ModelReady", "ServerMetadata",
        "ModelMetadata", "ModelConfig", "ModelStatistics", "RepositoryIndex",
        "RepositoryModelLoad", "RepositoryModelUnload"}) {
    methods.push_back(absl::StrCat(kProtocol, name));
  }
  for (const char* name : {"Status", "Plan", "SetBudget", "Measure", "Trace"}) {
    methods.push_back(absl::StrCat(kAdmin, name));
  }
  return methods;
}

// Parsed, 8 MiB of them would take 290 MiB.
TEST_CASE("What has no tensors and is large is refused before it is parsed") {
  ServedDigits served;
  const std::string large = Unknown(8 << 20);
  const uint64_t before = served.daemon->PeakBytes();

  for (const std::string& method : MethodsWithoutTensors()) {
    INFO(method);
    const absl::Status status = served.client->Ask(method, large).status();
    CHECK(absl::IsResourceExhausted(status));
    CHECK_THAT(std::string(status.message()),
               Catch::Contains("8388608 bytes") && Catch::Contains("65536"));
  }

  CHECK(served.daemon->PeakBytes() - before < 64 << 20);
  CHECK(AskHealth(&*served.client));
  CHECK(served.IsWell());
}

TEST_CASE("Up to 64 KiB what nobody knows changes nothing") {
  ServedDigits served;
  for (const std::string& method : {absl::StrCat(kProtocol, "ServerLive"),
                                    absl::StrCat(kProtocol, "ServerMetadata"),
                                    absl::StrCat(kProtocol, "RepositoryIndex"),
                                    std::string(kHealthCheck)}) {
    INFO(method);
    const auto plain = served.client->Ask(method, "");
    const auto stuffed = served.client->Ask(method, Unknown(kBytesMax));
    REQUIRE(plain.ok());
    REQUIRE(stuffed.ok());
    CHECK(*stuffed == *plain);
    CHECK(absl::IsResourceExhausted(
        served.client->Ask(method, Unknown(kBytesMax + 1)).status()));
  }
}

TEST_CASE("Bytes that are no request are refused with what was expected") {
  ServedDigits served;
  for (const std::string& method : MethodsWithoutTensors()) {
    INFO(method);
    const absl::Status status =
        served.client->Ask(method, std::string(100, '\xff')).status();
    CHECK(absl::IsInvalidArgument(status));
    CHECK_THAT(
        std::string(status.message()),
        Catch::Contains("the message is no ") && Catch::Contains("Request"));
  }
  CHECK(served.IsWell());
}

}  // namespace
}  // namespace layerd
