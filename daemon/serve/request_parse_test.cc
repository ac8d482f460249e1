#include "daemon/serve/request_parse.h"

#include <random>
#include <string>
#include <vector>

#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/util/message_differencer.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using google::protobuf::io::ArrayInputStream;
using google::protobuf::util::MessageDifferencer;
using inference::ModelInferRequest;

// As gRPC has it: in pieces.
absl::StatusOr<ModelInferRequest> HeadOf(const std::string& bytes,
                                         int piece_bytes = 7) {
  ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()),
                          piece_bytes);
  return ParseHead(&stream);
}

// One field each, so that they can be put into any order.
std::vector<std::string> Fields() {
  std::vector<std::string> fields;
  const auto add = [&fields](const auto& set) {
    ModelInferRequest request;
    set(&request);
    fields.push_back(request.SerializeAsString());
  };
  add([](auto* r) { r->set_model_name("digits"); });
  add([](auto* r) { r->set_model_version("2"); });
  add([](auto* r) { r->set_id("7"); });
  add([](auto* r) {
    (*r->mutable_parameters())["timeout"].set_int64_param(5);
  });
  add([](auto* r) {
    (*r->mutable_parameters())["priority"].set_uint64_param(4);
  });
  add([](auto* r) { r->add_inputs()->set_name("image"); });
  add([](auto* r) { r->add_outputs()->set_name("scores"); });
  add([](auto* r) { r->add_raw_input_contents(std::string(1000, '\x0a')); });
  return fields;
}

TEST_CASE("A head is the request without its tensors, in whatever order") {
  const uint32_t seed = GENERATE(range(0u, 50u));
  INFO("seed " << seed);
  std::vector<std::string> fields = Fields();
  std::shuffle(fields.begin(), fields.end(), std::mt19937(seed));
  std::string bytes;
  for (const std::string& field : fields) bytes += field;
  ModelInferRequest whole;
  REQUIRE(whole.ParseFromString(bytes));
  whole.clear_inputs();
  whole.clear_outputs();
  whole.clear_raw_input_contents();

  for (const int piece_bytes : {1, 7, 4096}) {
    const auto head = HeadOf(bytes, piece_bytes);
    REQUIRE(head.ok());
    CHECK(MessageDifferencer::Equals(*head, whole));
  }
}

TEST_CASE("Of a field that comes twice the last one counts, as everywhere") {
  ModelInferRequest first, second;
  first.set_model_name("digits");
  (*first.mutable_parameters())["timeout"].set_int64_param(5);
  second.set_model_name("faces");
  (*second.mutable_parameters())["timeout"].set_int64_param(6);
  const auto head =
      HeadOf(first.SerializeAsString() + second.SerializeAsString());
  REQUIRE(head.ok());
  CHECK(head->model_name() == "faces");
  CHECK(head->parameters().at("timeout").int64_param() == 6);
}

TEST_CASE("What is no request is refused") {
  ModelInferRequest request;
  request.set_model_name("digits");
  request.add_raw_input_contents(std::string(100, 'x'));
  const std::string good = request.SerializeAsString();
  struct Row {
    const char* name;
    std::string bytes;
  };
  const auto row = GENERATE_COPY(values<Row>({
      {"cut in the tensor", good.substr(0, good.size() - 1)},
      {"cut in the name", good.substr(0, 3)},
      {"a length of ten bytes", "\x0a" + std::string(10, '\xff')},
      {"a tensor longer than the message", "\x3a\xff\xff\xff\x7f"},
      {"a group that does not end", "\x53"},
      {"the end of a group", "\x54"},
      {"field number 0", std::string("\x02\x00", 2)},
      {"a name that is no UTF-8", "\x0a\x02\xc3\x28"},
  }));
  INFO(row.name);

  ArrayInputStream stream(row.bytes.data(), static_cast<int>(row.bytes.size()));
  CHECK(absl::IsInvalidArgument(ParseWhole(&stream).status()));
  CHECK(absl::IsInvalidArgument(HeadOf(row.bytes).status()));
}

TEST_CASE("Damage anywhere is refused or read, and never worse") {
  std::string good;
  for (const std::string& field : Fields()) good += field;
  std::mt19937 random(5);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = good;
    for (int n = 0; n < 3; ++n) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    ModelInferRequest whole;
    if (!whole.ParseFromString(bytes)) continue;
    CHECK(HeadOf(bytes).ok());
  }
}

TEST_CASE("Fields of other types and unknown ones are passed over") {
  const auto head = HeadOf("\x08\x05" + std::string("\xa2\x06\x01z") +
                           std::string("\x0a\x01m"));
  REQUIRE(head.ok());
  CHECK(head->model_name() == "m");
}

}  // namespace
}  // namespace layerd
