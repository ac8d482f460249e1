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
absl::StatusOr<RequestHead> HeadOf(const std::string& bytes,
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
    CHECK(MessageDifferencer::Equals(head->request, whole));
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
  CHECK(head->request.model_name() == "faces");
  CHECK(head->request.parameters().at("timeout").int64_param() == 6);
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

std::string Times(size_t times, const std::string& bytes) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += bytes;
  return all;
}

// A field of the top, or of an input.
std::string Field(char tag, const std::string& bytes) {
  std::string field(1, tag);
  for (size_t left = bytes.size();; left >>= 7) {
    field += static_cast<char>((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    if (left <= 0x7f) return field + bytes;
  }
}

// Each of them is of a size that is allowed, and would be gigabytes of objects.
TEST_CASE("What would be far larger in memory is refused unparsed") {
  constexpr size_t kMany = 1 << 20;
  struct Row {
    const char* name;
    std::string bytes;
    const char* words;
  };
  const auto row = GENERATE_COPY(values<Row>({
      {"inputs", Times(kMany, Field('\x2a', "")), "tensors"},
      {"outputs", Times(kMany, Field('\x32', "")), "tensors"},
      {"raw contents", Times(kMany, Field('\x3a', "")), "tensors"},
      {"parameters", Times(kMany, Field('\x22', "")), "names, shapes"},
      {"an id", Field('\x1a', std::string(kMany, 'x')), "names, shapes"},
      {"unknown fields", Times(kMany, Field('\x7a', "")), "names, shapes"},
      {"unknown numbers", Times(kMany, std::string("\x78\x01")),
       "names, shapes"},
      {"a shape", Field('\x2a', Field('\x1a', std::string(kMany, '\x01'))),
       "names, shapes"},
      {"parameters of an input", Field('\x2a', Times(kMany, Field('\x22', ""))),
       "names, shapes"},
      {"contents again and again",
       Field('\x2a', Times(kMany, Field('\x2a', ""))), "names, shapes"},
      {"parameters of an output",
       Field('\x32', Times(kMany, Field('\x12', ""))), "names, shapes"},
  }));
  INFO(row.name);
  const auto head = HeadOf(row.bytes, 4096);
  REQUIRE(absl::IsInvalidArgument(head.status()));
  CHECK_THAT(std::string(head.status().message()), Catch::Contains(row.words));
}

TEST_CASE("Typed values are counted as they came, and all else as objects") {
  ModelInferRequest request;
  auto* const contents = request.add_inputs()->mutable_contents();
  CHECK(HeadOf(request.SerializeAsString())->typed_bytes == 0);
  for (int i = 0; i < 1000; ++i) contents->add_fp32_contents(1);
  CHECK(HeadOf(request.SerializeAsString())->typed_bytes >= 4000);
  CHECK(HeadOf(request.SerializeAsString())->typed_bytes < 4010);
  contents->clear_fp32_contents();
  for (int i = 0; i < 1000; ++i) contents->add_bytes_contents("");
  CHECK(HeadOf(request.SerializeAsString())->typed_bytes >= 64'000);
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
  CHECK(head->request.model_name() == "m");
}

}  // namespace
}  // namespace layerd
