#include "daemon/serve/request_check.h"

#include <cstring>
#include <functional>

#include "absl/status/status.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using inference::ModelInferRequest;

const std::vector<Model::Port> kInputs = {
    {"x", DataType::kF32, {1, 2}, 8},
    {"ids", DataType::kI8, {3}, 3},
};
const std::vector<Model::Port> kOutputs = {
    {"y", DataType::kF32, {1}, 4},
    {"z", DataType::kF32, {1}, 4},
};

// A request that fits: each test spoils one thing.
ModelInferRequest Raw() {
  ModelInferRequest request;
  auto* x = request.add_inputs();
  x->set_name("x");
  x->set_datatype("FP32");
  x->add_shape(1);
  x->add_shape(2);
  auto* ids = request.add_inputs();
  ids->set_name("ids");
  ids->set_datatype("INT8");
  ids->add_shape(3);
  request.add_raw_input_contents("12345678");
  request.add_raw_input_contents("abc");
  return request;
}

ModelInferRequest Typed() {
  ModelInferRequest request = Raw();
  request.clear_raw_input_contents();
  auto* x = request.mutable_inputs(0)->mutable_contents();
  x->add_fp32_contents(1.5f);
  x->add_fp32_contents(-2.0f);
  auto* ids = request.mutable_inputs(1)->mutable_contents();
  for (const int id : {-128, 0, 127}) ids->add_int_contents(id);
  return request;
}

TEST_CASE("Typed values are held once, as the model takes them") {
  constexpr uint64_t kCount = 1000;
  const std::vector<Model::Port> ids = {
      {"ids", DataType::kI64, {kCount}, 8 * kCount}};
  ModelInferRequest request;
  auto* input = request.add_inputs();
  input->set_name("ids");
  input->set_datatype("INT64");
  input->add_shape(kCount);
  for (uint64_t i = 0; i < kCount; ++i) {
    input->mutable_contents()->add_int64_contents(1);
  }
  const auto checked = CheckRequest(request, ids, kOutputs);
  REQUIRE(checked.ok());
  CHECK(request.ByteSizeLong() < 2 * kCount);

  CHECK(DropTyped(*checked, &request) >= 8 * kCount);
  CHECK(!request.inputs(0).has_contents());
}

TEST_CASE("Of raw values nothing is dropped") {
  ModelInferRequest request = Raw();
  const uint64_t bytes = request.ByteSizeLong();
  const auto checked = CheckRequest(request, kInputs, kOutputs);
  REQUIRE(checked.ok());

  CHECK(DropTyped(*checked, &request) == bytes);
  CHECK(request.raw_input_contents(1) == "abc");
}

TEST_CASE("Raw inputs are taken where they lie, in the model's order") {
  ModelInferRequest request = Raw();
  request.mutable_inputs()->SwapElements(0, 1);
  request.mutable_raw_input_contents()->SwapElements(0, 1);
  const auto checked = CheckRequest(request, kInputs, kOutputs);
  REQUIRE(checked.ok());
  CHECK(static_cast<const void*>(checked->inputs[0].data()) ==
        request.raw_input_contents(1).data());
  CHECK(checked->inputs[1].size() == 3);
  CHECK(checked->outputs == std::vector<size_t>{0, 1});
}

TEST_CASE("Raw truths are 0 or 1") {
  const std::vector<Model::Port> mask = {{"mask", DataType::kBool, {3}, 3}};
  ModelInferRequest request;
  auto* input = request.add_inputs();
  input->set_name("mask");
  input->set_datatype("BOOL");
  input->add_shape(3);
  request.add_raw_input_contents(std::string("\0\1\1", 3));
  CHECK(CheckRequest(request, mask, kOutputs).ok());
  request.set_raw_input_contents(0, std::string("\0\1\377", 3));
  const absl::Status refused = CheckRequest(request, mask, kOutputs).status();
  CHECK(absl::IsInvalidArgument(refused));
  CHECK(refused.message() ==
        "input 'mask': byte 2 is 255; each of BOOL is 0 or 1");
}

TEST_CASE("Typed inputs are narrowed to the model's type") {
  const auto checked = CheckRequest(Typed(), kInputs, kOutputs);
  REQUIRE(checked.ok());
  float x[2];
  std::memcpy(x, checked->inputs[0].data(), sizeof(x));
  CHECK((x[0] == 1.5f && x[1] == -2.0f));
  CHECK(static_cast<int8_t>(checked->inputs[1][0]) == -128);
  CHECK(static_cast<int8_t>(checked->inputs[1][2]) == 127);
}

TEST_CASE("Requested outputs come in the order of the request") {
  ModelInferRequest request = Raw();
  request.add_outputs()->set_name("z");
  const auto checked = CheckRequest(request, kInputs, kOutputs);
  REQUIRE(checked.ok());
  CHECK(checked->outputs == std::vector<size_t>{1});
}

TEST_CASE("The shortest timeout counts, and 0 is none") {
  ModelInferRequest request = Raw();
  CHECK(!CheckRequest(request, kInputs, kOutputs)->timeout.has_value());
  (*request.mutable_parameters())["timeout"].set_int64_param(0);
  CHECK(!CheckRequest(request, kInputs, kOutputs)->timeout.has_value());
  (*request.mutable_parameters())["timeout"].set_int64_param(500);
  (*request.mutable_parameters())["layerd_deadline_us"].set_uint64_param(300);
  (*request.mutable_parameters())["priority"].set_uint64_param(2);
  const auto checked = CheckRequest(request, kInputs, kOutputs);
  CHECK(checked->timeout == std::chrono::microseconds(300));
  CHECK(checked->priority == 2u);
}

TEST_CASE("What does not fit is refused with what would") {
  struct Row {
    const char* name;
    std::function<void(ModelInferRequest*)> spoil;
    const char* message;
  };
  const auto rows = std::vector<Row>{
      {"name", [](auto* r) { r->mutable_inputs(0)->set_name("w"); },
       "input 'w': the model has no such input; it has 'x', 'ids'"},
      {"binary name", [](auto* r) { r->mutable_inputs(0)->set_name("\n\xff"); },
       "input '\\n\\xff'"},
      {"datatype", [](auto* r) { r->mutable_inputs(0)->set_datatype("FP16"); },
       "input 'x': datatype is 'FP16', expected 'FP32'"},
      {"shape", [](auto* r) { r->mutable_inputs(0)->set_shape(1, 3); },
       "input 'x': shape is [1,3], expected [1,2]"},
      {"rank", [](auto* r) { r->mutable_inputs(0)->add_shape(1); },
       "shape is [1,2,1]"},
      {"bytes", [](auto* r) { r->set_raw_input_contents(0, "1234567"); },
       "input 'x': 7 bytes, expected 8"},
      {"raw count", [](auto* r) { r->add_raw_input_contents("x"); },
       "3 entries for 2 inputs"},
      {"both",
       [](auto* r) {
         r->mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
       },
       "has contents although raw_input_contents is used"},
      {"duplicate",
       [](auto* r) {
         *r->mutable_inputs(1) = r->inputs(0);
         r->set_raw_input_contents(1, "12345678");
       },
       "input 'x': given twice"},
      {"missing",
       [](auto* r) {
         r->mutable_inputs()->RemoveLast();
         r->mutable_raw_input_contents()->RemoveLast();
       },
       "input 'ids' is missing: expected INT8 [3]"},
      {"output", [](auto* r) { r->add_outputs()->set_name("x"); },
       "output 'x': the model has no such output; it has 'y', 'z'"},
      {"output twice",
       [](auto* r) {
         r->add_outputs()->set_name("y");
         r->add_outputs()->set_name("y");
       },
       "output 'y': asked for twice"},
      {"shared memory",
       [](auto* r) {
         (*r->mutable_inputs(0)->mutable_parameters())["shared_memory_region"]
             .set_string_param("a");
       },
       "'shared_memory_region' is not supported"},
      {"classification",
       [](auto* r) {
         auto* output = r->add_outputs();
         output->set_name("y");
         (*output->mutable_parameters())["classification"].set_int64_param(1);
       },
       "'classification' is not supported"},
      {"timeout",
       [](auto* r) {
         (*r->mutable_parameters())["timeout"].set_int64_param(-1);
       },
       "parameter 'timeout'"},
      {"priority",
       [](auto* r) {
         (*r->mutable_parameters())["priority"].set_string_param("high");
       },
       "parameter 'priority'"},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    ModelInferRequest request = Raw();
    row.spoil(&request);
    const auto checked = CheckRequest(request, kInputs, kOutputs);
    REQUIRE(absl::IsInvalidArgument(checked.status()));
    CHECK_THAT(std::string(checked.status().message()),
               Catch::Contains(row.message));
  }
}

TEST_CASE("Typed values that are too many or too large are refused") {
  ModelInferRequest request = Typed();
  request.mutable_inputs(1)->mutable_contents()->set_int_contents(0, -129);
  CHECK_THAT(
      std::string(CheckRequest(request, kInputs, kOutputs).status().message()),
      Catch::Contains("value -129 does not fit INT8"));
  request = Typed();
  request.mutable_inputs(0)->mutable_contents()->add_fp32_contents(0);
  CHECK_THAT(
      std::string(CheckRequest(request, kInputs, kOutputs).status().message()),
      Catch::Contains("12 bytes, expected 8"));
}

TEST_CASE("Typed values may take what the longest of all inputs would") {
  // Two floats, and three negative numbers of ten bytes each.
  CHECK(CheckTypedBytes(Typed().ByteSizeLong(), kInputs).ok());
  const absl::Status status = CheckTypedBytes(1000, kInputs);
  CHECK(absl::IsInvalidArgument(status));
  CHECK_THAT(std::string(status.message()),
             Catch::Contains("'x', 'ids'") && Catch::Contains("contents"));
}

TEST_CASE("A name of megabytes does not come back whole") {
  ModelInferRequest request = Raw();
  request.mutable_inputs(0)->set_name(std::string(1 << 20, 'a'));
  const auto checked = CheckRequest(request, kInputs, kOutputs);
  CHECK(checked.status().message().size() < 1000);
}

}  // namespace
}  // namespace layerd
