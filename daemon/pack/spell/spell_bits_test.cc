// Bits of integers, against what C++ makes of them.

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "daemon/pack/import/onnx_test_model.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/sim/imported_answers.h"

namespace layerd {
namespace {

using Floats = std::vector<float>;
using Integers = std::vector<int64_t>;

// U64 as the I64 that has its bits.
template <typename T>
int64_t Narrowed(int64_t number) {
  return static_cast<int64_t>(static_cast<T>(number));
}

struct Type {
  const char* name;
  int64_t onnx;
  int64_t (*narrowed)(int64_t);
  int64_t bits;
  bool is_signed;
};

Type AnyType() {
  using Onnx = onnx::TensorProto;
  return GENERATE(
      values<Type>({{"I8", Onnx::INT8, Narrowed<int8_t>, 8, true},
                    {"I16", Onnx::INT16, Narrowed<int16_t>, 16, true},
                    {"I32", Onnx::INT32, Narrowed<int32_t>, 32, true},
                    {"I64", Onnx::INT64, Narrowed<int64_t>, 64, true},
                    {"U8", Onnx::UINT8, Narrowed<uint8_t>, 8, false},
                    {"U16", Onnx::UINT16, Narrowed<uint16_t>, 16, false},
                    {"U32", Onnx::UINT32, Narrowed<uint32_t>, 32, false},
                    {"U64", Onnx::UINT64, Narrowed<uint64_t>, 64, false}}));
}

// Two lists, each of the first with each of the second.
struct Pairs {
  Integers a, b;
};

Pairs PairsOf(const Integers& first, const Integers& second, const Type& type) {
  Pairs pairs;
  for (const int64_t a : first) {
    for (const int64_t b : second) {
      pairs.a.push_back(type.narrowed(a));
      pairs.b.push_back(type.narrowed(b));
    }
  }
  return pairs;
}

const Integers kNumbers = {0,
                           1,
                           2,
                           5,
                           100,
                           127,
                           128,
                           200,
                           255,
                           -1,
                           -2,
                           -77,
                           32768,
                           0x7fffffff,
                           0x80000000,
                           0x123456789abcdef,
                           std::numeric_limits<int64_t>::max(),
                           std::numeric_limits<int64_t>::min()};

// Which answers are as expected: of numbers that only a request knows.
Floats Agreement(const std::string& op_type, const char* direction,
                 const Type& type, const std::vector<Integers>& operands,
                 const Integers& expected) {
  const auto count = static_cast<int64_t>(expected.size());
  TestModel model(18);
  model.Input("zeros", {count});
  SetInt(model.Add("Cast", {"zeros"}, {"zero"}), "to",
         onnx::TensorProto::INT64);
  std::vector<std::string> inputs;
  for (size_t i = 0; i < operands.size(); ++i) {
    const std::string name(1, static_cast<char>('a' + i));
    model.Ints(name + "known", {count}, operands[i]);
    model.Add("Add", {name + "known", "zero"}, {name + "wide"});
    SetInt(model.Add("Cast", {name + "wide"}, {name}), "to", type.onnx);
    inputs.push_back(name);
  }
  onnx::NodeProto* node = model.Add(op_type, inputs, {"narrow"});
  if (direction != nullptr) SetString(node, "direction", direction);
  SetInt(model.Add("Cast", {"narrow"}, {"wide"}), "to",
         onnx::TensorProto::INT64);
  model.Ints("expected", {count}, expected);
  model.Add("Equal", {"wide", "expected"}, {"agrees"});
  SetInt(model.Add("Cast", {"agrees"}, {"y"}), "to", onnx::TensorProto::FLOAT);
  model.Output("y");
  return ImportedAnswers(model, {Floats(expected.size(), 0)},
                         *MakeReferenceBackend())[0];
}

TEST_CASE("Bits of two integers are joined, of every type") {
  const Type type = AnyType();
  INFO(type.name);
  const auto [a, b] = PairsOf(kNumbers, kNumbers, type);
  Integers both, either, one, none;
  for (size_t i = 0; i < a.size(); ++i) {
    both.push_back(type.narrowed(a[i] & b[i]));
    either.push_back(type.narrowed(a[i] | b[i]));
    one.push_back(type.narrowed(a[i] ^ b[i]));
    none.push_back(type.narrowed(~a[i]));
  }
  const Floats all(a.size(), 1);
  CHECK(Agreement("BitwiseAnd", nullptr, type, {a, b}, both) == all);
  CHECK(Agreement("BitwiseOr", nullptr, type, {a, b}, either) == all);
  CHECK(Agreement("BitwiseXor", nullptr, type, {a, b}, one) == all);
  CHECK(Agreement("BitwiseNot", nullptr, type, {a}, none) == all);
}

TEST_CASE("Bits are shifted; beyond the type nothing but the sign is left") {
  const Type type = AnyType();
  INFO(type.name);
  const auto [x, places] = PairsOf(
      kNumbers, {0, 1, 3, 7, 8, 15, 16, 31, 32, 62, 63, 64, 65, -1}, type);
  Integers left, right;
  for (size_t i = 0; i < x.size(); ++i) {
    const bool is_within = places[i] >= 0 && places[i] < type.bits;
    const auto bits = static_cast<uint64_t>(x[i]);
    left.push_back(
        is_within ? type.narrowed(static_cast<int64_t>(bits << places[i])) : 0);
    if (!is_within) {
      right.push_back(type.is_signed && x[i] < 0 ? -1 : 0);
    } else {
      right.push_back(type.is_signed ? x[i] >> places[i]
                                     : static_cast<int64_t>(bits >> places[i]));
    }
  }
  const Floats all(x.size(), 1);
  CHECK(Agreement("BitShift", "LEFT", type, {x, places}, left) == all);
  CHECK(Agreement("BitShift", "RIGHT", type, {x, places}, right) == all);
}

TEST_CASE("Arithmetic of U64 knows no sign") {
  const Type type = {"U64", onnx::TensorProto::UINT64, Narrowed<uint64_t>, 64,
                     false};
  auto [a, b] = PairsOf(kNumbers, kNumbers, type);
  std::map<std::string, Integers> expected;
  for (size_t i = 0; i < a.size(); ++i) {
    if (b[i] == 0) b[i] = 3;  // A division by it fails the job.
    const auto x = static_cast<uint64_t>(a[i]);
    const auto y = static_cast<uint64_t>(b[i]);
    const auto add = [&](const char* op_type, uint64_t z) {
      expected[op_type].push_back(static_cast<int64_t>(z));
    };
    add("Add", x + y);
    add("Sub", x - y);
    add("Mul", x * y);
    add("Div", x / y);
    add("Mod", x % y);
    add("Equal", x == y);
    add("Less", x < y);
    add("LessOrEqual", x <= y);
    add("Greater", x > y);
    add("GreaterOrEqual", x >= y);
  }
  for (const auto& [op_type, y] : expected) {
    INFO(op_type);
    CHECK(Agreement(op_type, nullptr, type, {a, b}, y) == Floats(a.size(), 1));
  }
}

TEST_CASE("What has no bits to speak of is refused") {
  TestModel model(18);
  model.Input("x", {2});
  model.Add("BitwiseNot", {"x"}, {"y"});
  model.Output("y");
  CHECK_THAT(std::string(model.Import().status().message()),
             Catch::Contains("its inputs are no integers"));
}

}  // namespace
}  // namespace layerd
