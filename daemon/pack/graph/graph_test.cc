#include "daemon/pack/graph/graph.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/graph/source_file.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

std::unique_ptr<SourceFile> FileOf(const std::vector<std::byte>& bytes) {
  auto file = std::make_unique<SourceFile>();
  file->path = "weights.bin";
  file->fd = UniqueFd(memfd_create("weights", MFD_CLOEXEC));
  file->bytes = bytes.size();
  REQUIRE(write(file->fd.get(), bytes.data(), bytes.size()) ==
          static_cast<ssize_t>(bytes.size()));
  return file;
}

// 40 000 elements, 3 bytes into the file: more than one chunk, not aligned.
struct Stored {
  explicit Stored(DataType type) {
    std::vector<float> elements(40000);
    std::iota(elements.begin(), elements.end(), 0.0f);
    for (float& element : elements) element = std::fmod(element, 128.0f);
    std::vector<std::byte> bytes(3 + elements.size() * SizeOf(type));
    StoreElements(std::span<const float>(elements), type, bytes.data() + 3);
    graph.files.push_back(FileOf(bytes));
    constant.dtype = type;
    constant.shape = {200, 200};
    constant.file = 0;
    constant.offset_bytes = 3;
  }
  Graph graph;
  Constant constant;
};

TEST_CASE("Weights of every type read as f32, whatever the range") {
  const auto type = GENERATE(
      values<DataType>({DataType::kF32, DataType::kF16, DataType::kBF16,
                        DataType::kF64, DataType::kI64, DataType::kU8}));
  INFO(NameOf(type));
  const Stored stored(type);
  std::vector<float> out(35000);

  REQUIRE(stored.graph.ReadF32(stored.constant, 4000, out).ok());

  CHECK(out[0] == 4000 % 128);
  CHECK(out[34999] == 38999 % 128);
}

// Byte i is i, so that what it holds repeats after 256 of them.
TEST_CASE("Elements of a few bits read from any of them on") {
  struct Row {
    DataType dtype;
    int per_byte, first;
    std::vector<float> expected;
  };
  const auto row = GENERATE(
      values<Row>({{DataType::kU8, 2, 0xab * 2, {11, 10, 12, 10}},
                   {DataType::kI8, 2, 0xab * 2 + 1, {-6, -4, -6}},
                   {DataType::kU8, 4, 0x9c * 4, {0, 3, 1, 2, 1, 3, 1, 2}},
                   {DataType::kI8, 4, 0x9c * 4 + 2, {1, -2, 1, -1, 1, -2}}}));
  INFO(row.per_byte << ", from " << row.first);
  Graph graph;
  Constant constant;
  constant.dtype = row.dtype;
  constant.per_byte = row.per_byte;
  constant.shape = {row.per_byte * 256};
  for (int i = 0; i < 256; ++i) {
    constant.held.push_back(static_cast<std::byte>(i));
  }
  REQUIRE(constant.bytes() == 256);
  std::vector<float> out(row.expected.size());

  REQUIRE(graph.ReadF32(constant, row.first, out).ok());

  CHECK(out == row.expected);
}

TEST_CASE("Held and stored constants read alike") {
  const Stored stored(DataType::kI32);
  const auto bytes = stored.graph.ReadBytes(stored.constant);
  REQUIRE(bytes.ok());
  Constant held = stored.constant;
  held.file = -1;
  held.held = *bytes;

  CHECK(*stored.graph.ReadI64(held) == *stored.graph.ReadI64(stored.constant));
  CHECK((*stored.graph.ReadI64(held))[39999] == 39999 % 128);
}

TEST_CASE("Integers are not read out of floats") {
  const Stored stored(DataType::kF32);
  const auto integers = stored.graph.ReadI64(stored.constant);
  CHECK(absl::IsInvalidArgument(integers.status()));
}

TEST_CASE("A file that shrank is DATA_LOSS that names file and shape") {
  const Stored stored(DataType::kF32);
  REQUIRE(ftruncate(stored.graph.files[0]->fd.get(), 1000) == 0);
  std::vector<float> out(1000);

  const absl::Status status = stored.graph.ReadF32(stored.constant, 0, out);

  REQUIRE(absl::IsDataLoss(status));
  CHECK_THAT(std::string(status.message()),
             Catch::Contains("FP32 [200, 200]") &&
                 Catch::Contains("weights.bin: ends at 1000 bytes"));
}

TEST_CASE("A node is described by name, operator and opset") {
  Node node;
  node.name = "conv\n7";
  node.op_type = "Conv";
  node.opset = 13;
  CHECK(Describe(node) == "node \"conv\\n7\" (Conv, opset 13)");
}

}  // namespace
}  // namespace layerd
