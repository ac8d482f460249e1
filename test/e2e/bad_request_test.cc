#include <arpa/inet.h>
#include <sys/socket.h>

#include <functional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "test/catch/catch.h"
#include "test/e2e/conversation.h"
#include "test/e2e/digits.h"
#include "test/e2e/served_digits.h"

namespace layerd {
namespace {

using inference::ModelInferRequest;

// One for all cases: each of them leaves it well.
ServedDigits& TheDaemon() {
  static ServedDigits served;
  return served;
}

void MakeTyped(ModelInferRequest* request) {
  request->clear_raw_input_contents();
  for (const float value : DigitImage(0)) {
    request->mutable_inputs(0)->mutable_contents()->add_fp32_contents(value);
  }
}

// Each row spoils one thing and gives what the client is told.
TEST_CASE("A bad request is refused with what was expected") {
  struct Row {
    const char* name;
    std::function<void(ModelInferRequest*)> spoil;
    absl::StatusCode code;
    const char* message;
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  constexpr auto kNotFound = absl::StatusCode::kNotFound;
  const std::vector<Row> rows = {
      {"unknown model", [](auto* r) { r->set_model_name("digit"); }, kNotFound,
       "there is no model 'digit'"},
      {"no model", [](auto* r) { r->clear_model_name(); }, kNotFound,
       "no model of that name"},
      {"a path", [](auto* r) { r->set_model_name("../digits"); }, kNotFound,
       "no model of that name"},
      {"unknown version", [](auto* r) { r->set_model_version("7"); }, kNotFound,
       "no such version"},
      {"wrong name", [](auto* r) { r->mutable_inputs(0)->set_name("img"); },
       kInvalid, "it has 'image'"},
      {"wrong datatype",
       [](auto* r) { r->mutable_inputs(0)->set_datatype("FP16"); }, kInvalid,
       "expected 'FP32'"},
      {"wrong shape", [](auto* r) { r->mutable_inputs(0)->set_shape(0, 2); },
       kInvalid, "expected [1,1,8,8]"},
      {"wrong rank", [](auto* r) { r->mutable_inputs(0)->add_shape(1); },
       kInvalid, "expected [1,1,8,8]"},
      {"too few bytes",
       [](auto* r) { r->mutable_raw_input_contents(0)->pop_back(); }, kInvalid,
       "255 bytes, expected 256"},
      {"too many bytes",
       [](auto* r) { r->mutable_raw_input_contents(0)->push_back(0); },
       kInvalid, "257 bytes, expected 256"},
      {"no bytes", [](auto* r) { r->clear_raw_input_contents(); }, kInvalid,
       "0 bytes, expected 256"},
      {"raw without an input", [](auto* r) { r->add_raw_input_contents("x"); },
       kInvalid, "2 entries for 1 inputs"},
      {"both raw and typed",
       [](auto* r) {
         r->mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
       },
       kInvalid, "send one of the two"},
      {"too few typed values",
       [](auto* r) {
         MakeTyped(r);
         r->mutable_inputs(0)
             ->mutable_contents()
             ->mutable_fp32_contents()
             ->RemoveLast();
       },
       kInvalid, "252 bytes, expected 256"},
      {"typed values of another type",
       [](auto* r) {
         r->clear_raw_input_contents();
         r->mutable_inputs(0)->mutable_contents()->add_int_contents(1);
       },
       kInvalid, "expected 256"},
      {"text without end",
       [](auto* r) {
         r->clear_raw_input_contents();
         auto* const contents = r->mutable_inputs(0)->mutable_contents();
         for (int i = 0; i < 1'000'000; ++i) contents->add_bytes_contents("");
       },
       kInvalid, "typed values of all inputs"},
      {"inputs without end",
       [](auto* r) {
         for (int i = 0; i < 1'000'000; ++i) r->add_inputs();
       },
       kInvalid, "more than 4096 tensors"},
      {"missing input",
       [](auto* r) {
         r->clear_inputs();
         r->clear_raw_input_contents();
       },
       kInvalid, "'image' is missing: expected FP32 [1,1,8,8]"},
      {"an input twice",
       [](auto* r) {
         *r->add_inputs() = r->inputs(0);
         r->add_raw_input_contents(r->raw_input_contents(0));
       },
       kInvalid, "'image': given twice"},
      {"unknown output", [](auto* r) { r->add_outputs()->set_name("logit"); },
       kInvalid, "it has 'logits'"},
      {"an output twice",
       [](auto* r) {
         r->add_outputs()->set_name("logits");
         r->add_outputs()->set_name("logits");
       },
       kInvalid, "asked for twice"},
      {"shared memory",
       [](auto* r) {
         (*r->mutable_inputs(0)->mutable_parameters())["shared_memory_region"]
             .set_string_param("region");
       },
       kInvalid, "'shared_memory_region' is not supported"},
      {"classification",
       [](auto* r) {
         auto* output = r->add_outputs();
         output->set_name("logits");
         (*output->mutable_parameters())["classification"].set_int64_param(3);
       },
       kInvalid, "take the largest elements of the output"},
      {"a timeout in words",
       [](auto* r) {
         (*r->mutable_parameters())["timeout"].set_string_param("soon");
       },
       kInvalid, "expected int64_param"},
  };
  ServedDigits& served = TheDaemon();

  for (const Row& row : rows) {
    INFO(row.name);
    ModelInferRequest request = DigitRequest("digits", 0);
    row.spoil(&request);
    const absl::Status status = Infer(&*served.client, request).status();
    CHECK(status.code() == row.code);
    CHECK_THAT(std::string(status.message()), Catch::Contains(row.message));
    CHECK(served.IsWell());
  }
}

TEST_CASE("A message of 100 MB is refused with the bound") {
  ServedDigits& served = TheDaemon();
  ModelInferRequest request = DigitRequest("digits", 0);
  request.mutable_raw_input_contents(0)->resize(100'000'000);

  const absl::Status status = Infer(&*served.client, request).status();

  CHECK(absl::IsResourceExhausted(status));
  CHECK_THAT(std::string(status.message()), Catch::Contains("67108864"));
  CHECK(served.IsWell());
}

TEST_CASE("Bytes that are no request are refused") {
  ServedDigits& served = TheDaemon();
  const std::string request = DigitRequest("digits", 0).SerializeAsString();

  for (const std::string& bytes :
       {std::string(1000, '\xff'), request.substr(0, 50)}) {
    const absl::Status status =
        served.client->Ask(kInferMethod, bytes).status();
    CHECK(absl::IsInvalidArgument(status));
    CHECK_THAT(std::string(status.message()),
               Catch::Contains("no inference.ModelInferRequest"));
  }
  CHECK(absl::IsNotFound(served.client->Ask(kInferMethod, "").status()));
  CHECK(served.IsWell());
}

TEST_CASE("A method that is not served is refused with what to do instead") {
  struct Row {
    const char* method;
    const char* words;
  };
  const std::vector<Row> rows = {
      {"SystemSharedMemoryRegister", "send and receive the bytes themselves"},
      {"CudaSharedMemoryStatus", "send and receive the bytes themselves"},
      {"TraceSetting", "layerctl trace"},
      {"LogSettings", "log_level"},
      {"ModelTrain", "layerd has no method"},
  };
  ServedDigits& served = TheDaemon();

  for (const Row& row : rows) {
    const std::string method =
        absl::StrCat("/inference.GRPCInferenceService/", row.method);
    const absl::Status status =
        served.client->Ask(method, std::string(1000, '\xff')).status();
    INFO(method);
    CHECK(absl::IsUnimplemented(status));
    CHECK_THAT(std::string(status.message()),
               Catch::Contains(method) && Catch::Contains(row.words));
  }
  CHECK(absl::IsUnimplemented(served.client->Ask("/nobody", "").status()));
  CHECK(served.IsWell());
}

TEST_CASE("A peer that speaks no HTTP/2 disturbs nobody") {
  ServedDigits& served = TheDaemon();
  const std::string& address = served.daemon->address();
  int port = 0;
  REQUIRE(absl::SimpleAtoi(address.substr(address.find(':') + 1), &port));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<uint16_t>(port));
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

  for (const std::string& words :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(5000, '\0'),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") +
            std::string(5000, '\xff')}) {
    const UniqueFd peer(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(connect(peer.get(), reinterpret_cast<sockaddr*>(&name),
                    sizeof(name)) == 0);
    REQUIRE(send(peer.get(), words.data(), words.size(), MSG_NOSIGNAL) > 0);
    CHECK(served.IsWell());
  }
}

TEST_CASE("Typed contents give the answer of raw ones") {
  ServedDigits& served = TheDaemon();
  ModelInferRequest typed = DigitRequest("digits", 0);
  MakeTyped(&typed);

  const auto raw = Infer(&*served.client, DigitRequest("digits", 0));
  const auto answer = Infer(&*served.client, typed);

  REQUIRE(raw.ok());
  REQUIRE(answer.ok());
  CHECK(answer->raw_output_contents(0) == raw->raw_output_contents(0));
}

TEST_CASE("A reply has the request's id, the model's name and its output") {
  ServedDigits& served = TheDaemon();
  ModelInferRequest request = DigitRequest("digits", 0);
  request.set_id("seven");
  request.add_outputs()->set_name("logits");

  const auto answer = Infer(&*served.client, request);

  REQUIRE(answer.ok());
  CHECK(answer->id() == "seven");
  CHECK(answer->model_name() == "digits");
  CHECK(answer->model_version() == "1");
  REQUIRE(answer->outputs_size() == 1);
  CHECK(answer->outputs(0).name() == "logits");
  CHECK(answer->outputs(0).datatype() == "FP32");
  CHECK(answer->raw_output_contents(0).size() == kClasses * sizeof(float));
}

}  // namespace
}  // namespace layerd
