// Operators that become several: what is computed then is what ONNX says.

#include "daemon/pack/spell/spell_out.h"

#include <limits>
#include <map>
#include <set>

#include "absl/strings/str_split.h"
#include "daemon/pack/import/onnx_test_model.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/sim/imported_answers.h"

namespace layerd {
namespace {

using Floats = std::vector<float>;
using Shape = std::vector<int64_t>;

// What "y" is.
Floats Answer(TestModel& model, const std::vector<Floats>& inputs) {
  model.Output("y");
  return ImportedAnswers(model, inputs, *MakeReferenceBackend())[0];
}

Floats Counted(int64_t count) {
  Floats numbers;
  for (int64_t i = 0; i < count; ++i) {
    numbers.push_back(static_cast<float>(i * 7 % 11) - 4);
  }
  return numbers;
}

int64_t Product(const Shape& shape) {
  int64_t product = 1;
  for (const int64_t dimension : shape) product *= dimension;
  return product;
}

TEST_CASE("A running sum or product is one of neighbours") {
  const bool is_sum = GENERATE(true, false);
  const bool exclusive = GENERATE(false, true);
  const bool reverse = GENERATE(false, true);
  const int64_t length = GENERATE(1, 2, 5, 8, 13);
  INFO(length << " exclusive " << exclusive << " reverse " << reverse);
  TestModel model(26);
  model.Input("x", {2, length, 3});
  model.Ints("axis", {}, {-2});
  onnx::NodeProto* node =
      model.Add(is_sum ? "CumSum" : "CumProd", {"x", "axis"}, {"y"});
  SetInt(SetInt(node, "exclusive", exclusive), "reverse", reverse);
  const Floats x = Counted(6 * length);

  const Floats y = Answer(model, {x});

  REQUIRE(y.size() == x.size());
  for (int64_t row = 0; row < 2; ++row) {
    for (int64_t column = 0; column < 3; ++column) {
      float sum = is_sum ? 0 : 1;
      for (int64_t i = 0; i < length; ++i) {
        const int64_t along = reverse ? length - 1 - i : i;
        const auto at =
            static_cast<size_t>((row * length + along) * 3 + column);
        if (exclusive) CHECK(y[at] == Approx(sum));
        sum = is_sum ? sum + x[at] : sum * x[at];
        if (!exclusive) CHECK(y[at] == Approx(sum));
      }
    }
  }
}

// The sum as it is defined: over all labels, whatever they are.
Floats NaiveEinsum(const std::string& equation,
                   const std::vector<Shape>& shapes,
                   const std::vector<Floats>& inputs) {
  const std::vector<std::string> sides = absl::StrSplit(equation, "->");
  const std::vector<std::string> terms = absl::StrSplit(sides[0], ',');
  std::map<char, int64_t> lengths;
  for (size_t i = 0; i < terms.size(); ++i) {
    for (size_t d = 0; d < terms[i].size(); ++d) {
      lengths[terms[i][d]] = shapes[i][d];
    }
  }
  std::map<char, int64_t> at;
  const auto place = [&](const std::string& term) {
    int64_t element = 0;
    for (const char label : term)
      element = element * lengths[label] + at[label];
    return static_cast<size_t>(element);
  };
  int64_t count = 1, all = 1;
  for (const char label : sides[1]) count *= lengths[label];
  for (const auto& [label, length] : lengths) all *= length;
  Floats y(static_cast<size_t>(count), 0);
  for (int64_t step = 0; step < all; ++step) {
    int64_t rest = step;
    for (const auto& [label, length] : lengths) {
      at[label] = rest % length;
      rest /= length;
    }
    float product = 1;
    for (size_t i = 0; i < terms.size(); ++i) {
      product *= inputs[i][place(terms[i])];
    }
    y[place(sides[1])] += product;
  }
  return y;
}

struct Equation {
  const char* text;
  std::vector<Shape> shapes;
};

const std::vector<Equation> kEquations = {
    {"ij,jk->ik", {{2, 3}, {3, 4}}},
    {"ij,jk->ki", {{2, 3}, {3, 4}}},
    {"bij,bjk->bik", {{2, 3, 4}, {2, 4, 5}}},
    {"bhqd,bhkd->bhqk", {{1, 2, 3, 4}, {1, 2, 5, 4}}},
    {"bqhd,bkhd->bhqk", {{2, 3, 2, 4}, {2, 5, 2, 4}}},
    {"bsd,dhe->bshe", {{2, 3, 4}, {4, 2, 5}}},
    {"bshe,hed->bsd", {{2, 3, 2, 5}, {2, 5, 4}}},
    {"i,j->ij", {{3}, {4}}},
    {"ij,ij->ij", {{3, 2}, {3, 2}}},
    {"ij,ij->", {{3, 2}, {3, 2}}},
    {"bi,bj->bji", {{2, 3}, {2, 4}}},
    {"ijk->kj", {{2, 3, 4}}},
    {"ij->", {{2, 3}}},
    {"ijx,kj->ik", {{2, 3, 2}, {4, 3}}},
    {"ij,jk,kl->il", {{2, 3}, {3, 4}, {4, 2}}},
    {"ij,kj,lj->ikl", {{2, 3}, {4, 3}, {2, 3}}},
    {"ii->i", {{3, 3}}},
    {"ii->", {{3, 3}}},
    {"bijij->jb", {{2, 3, 4, 3, 4}}},
    {"bii,bi->b", {{2, 3, 3}, {2, 3}}},
};

TEST_CASE("A contraction is products of matrices") {
  const Equation equation = GENERATE(from_range(kEquations));
  const bool last_is_weight = GENERATE(false, true);
  INFO(equation.text << " " << last_is_weight);
  TestModel model(13);
  std::vector<Floats> inputs;
  std::vector<std::string> names;
  for (const Shape& shape : equation.shapes) {
    names.push_back("x" + std::to_string(names.size()));
    inputs.push_back(Counted(Product(shape)));
    if (last_is_weight && names.size() > 1 &&
        names.size() == equation.shapes.size()) {
      model.Weights(names.back(), shape, inputs.back());
    } else {
      model.Input(names.back(), shape);
    }
  }
  SetString(model.Add("Einsum", names, {"y"}), "equation", equation.text);
  const Floats want = NaiveEinsum(equation.text, equation.shapes, inputs);
  inputs.resize(static_cast<size_t>(model.proto.graph().input_size()));

  CHECK(Answer(model, inputs) == want);
}

TEST_CASE("Labels may be left out: an ellipsis, an output, a length of 1") {
  const Floats a = Counted(2 * 3 * 4), b = Counted(4 * 5);
  const Floats want = NaiveEinsum("bij,jk->bik", {{2, 3, 4}, {4, 5}}, {a, b});
  const auto equation =
      GENERATE("...ij,jk->...ik", "...ij,...jk", " b i j , j k -> b i k ");
  INFO(equation);
  TestModel model(13);
  model.Input("a", {2, 3, 4});
  model.Input("b", {4, 5});
  SetString(model.Add("Einsum", {"a", "b"}, {"y"}), "equation", equation);
  CHECK(Answer(model, {a, b}) == want);

  TestModel repeated(13);
  repeated.Input("a", {2, 3, 4});
  repeated.Input("b", {1, 4, 5});
  SetString(repeated.Add("Einsum", {"a", "b"}, {"y"}), "equation",
            "bij,bjk->bik");
  CHECK(Answer(repeated, {a, b}) == want);
}

TEST_CASE("Single elements are picked by known places") {
  const Floats x = {0, 1, 2, 3, 4, 5};
  TestModel model(13);
  model.Input("x", {2, 3});
  SECTION("along an axis") {
    model.Ints("i", {2, 2}, {2, 0, -1, 1});
    SetInt(model.Add("GatherElements", {"x", "i"}, {"y"}), "axis", 1);
    CHECK(Answer(model, {x}) == Floats{2, 0, 5, 4});
  }
  SECTION("along the first") {
    model.Ints("i", {1, 3}, {1, 0, -1});
    model.Add("GatherElements", {"x", "i"}, {"y"});
    CHECK(Answer(model, {x}) == Floats{3, 1, 5});
  }
  SECTION("by all coordinates") {
    model.Ints("i", {2, 2}, {1, 2, 0, -2});
    model.Add("GatherND", {"x", "i"}, {"y"});
    CHECK(Answer(model, {x}) == Floats{5, 1});
  }
  SECTION("whole rows") {
    model.Ints("i", {3, 1}, {1, 0, -1});
    model.Add("GatherND", {"x", "i"}, {"y"});
    CHECK(Answer(model, {x}) == Floats{3, 4, 5, 0, 1, 2, 3, 4, 5});
  }
  SECTION("by tuples of each batch") {
    model.Ints("i", {2, 2, 1}, {2, 0, -1, 1});
    SetInt(model.Add("GatherND", {"x", "i"}, {"y"}), "batch_dims", 1);
    CHECK(Answer(model, {x}) == Floats{2, 0, 5, 4});
  }
}

TEST_CASE("Elements are put where known places say") {
  const Floats x = {0, 1, 2, 3, 4, 5};
  TestModel model(16);
  model.Input("x", {2, 3});
  SECTION("along an axis; the last of two wins") {
    model.Input("u", {2, 2});
    model.Ints("i", {2, 2}, {2, 0, -3, 0});
    SetInt(model.Add("ScatterElements", {"x", "i", "u"}, {"y"}), "axis", 1);
    CHECK(Answer(model, {x, {10, 11, 12, 13}}) == Floats{11, 1, 10, 13, 4, 5});
  }
  SECTION("by all coordinates") {
    model.Input("u", {2});
    model.Ints("i", {2, 2}, {1, 2, 0, -2});
    model.Add("ScatterND", {"x", "i", "u"}, {"y"});
    CHECK(Answer(model, {x, {10, 11}}) == Floats{0, 11, 2, 3, 4, 10});
  }
  SECTION("whole rows") {
    model.Input("u", {1, 3});
    model.Ints("i", {1, 1}, {-1});
    model.Add("ScatterND", {"x", "i", "u"}, {"y"});
    CHECK(Answer(model, {x, {10, 11, 12}}) == Floats{0, 1, 2, 10, 11, 12});
  }
}

TEST_CASE("The largest elements come with their places") {
  const Floats x = {3, 9, 1, 9, 5, 2, 8, 0};
  const bool is_largest = GENERATE(true, false);
  const int64_t dtype =
      GENERATE(onnx::TensorProto::FLOAT, onnx::TensorProto::DOUBLE);
  TestModel model(13);
  model.Input("x", {2, 4});
  model.Ints("k", {1}, {2});
  SetInt(model.Add("Cast", {"x"}, {"given"}), "to", dtype);
  onnx::NodeProto* top =
      model.Add("TopK", {"given", "k"}, {"values", "places"});
  SetInt(top, "largest", is_largest);
  SetInt(model.Add("Cast", {"values"}, {"floats"}), "to",
         onnx::TensorProto::FLOAT);
  SetInt(model.Add("Cast", {"places"}, {"numbers"}), "to",
         onnx::TensorProto::FLOAT);
  SetInt(model.Add("Concat", {"floats", "numbers"}, {"y"}), "axis", 1);
  CHECK(Answer(model, {x}) == (is_largest ? Floats{9, 9, 1, 3, 8, 5, 2, 0}
                                          : Floats{1, 3, 2, 0, 0, 2, 3, 1}));
}

TEST_CASE("A triangle is a mask") {
  const Floats x = {1, 2, 3, 4, 5, 6};
  TestModel model(14);
  model.Input("x", {2, 3});
  model.Ints("k", {}, {1});
  SECTION("upper") {
    model.Add("Trilu", {"x"}, {"y"});
    CHECK(Answer(model, {x}) == Floats{1, 2, 3, 0, 5, 6});
  }
  SECTION("above the diagonal") {
    model.Add("Trilu", {"x", "k"}, {"y"});
    CHECK(Answer(model, {x}) == Floats{0, 2, 3, 0, 0, 6});
  }
  SECTION("lower") {
    SetInt(model.Add("Trilu", {"x"}, {"y"}), "upper", 0);
    CHECK(Answer(model, {x}) == Floats{1, 0, 0, 4, 5, 0});
  }
}

TEST_CASE("A pool says where its elements were") {
  const Floats x = {1, 7, 2, 7, 3, 9, 4, 4, 4};
  const bool by_columns = GENERATE(false, true);
  TestModel model(12);
  model.Input("x", {1, 1, 3, 3});
  onnx::NodeProto* pool = model.Add("MaxPool", {"x"}, {"largest", "places"});
  SetInts(SetInts(pool, "kernel_shape", {2, 2}), "pads", {1, 1, 0, 0});
  SetInt(pool, "storage_order", by_columns);
  SetInt(model.Add("Cast", {"places"}, {"numbers"}), "to", 1);
  SetInt(model.Add("Concat", {"largest", "numbers"}, {"y"}), "axis", 2);
  Floats want = {1, 7, 7, 7, 7, 9, 7, 7, 9};
  const Floats places = {0, 1, 1, 3, 1, 5, 3, 3, 5};
  for (const float place : places) {
    const auto at = static_cast<int>(place);
    want.push_back(by_columns ? static_cast<float>(at % 3 * 3 + at / 3)
                              : place);
  }
  CHECK(Answer(model, {x}) == want);
}

TEST_CASE("Where nothing is larger than -inf, a pool says the first inside") {
  const bool is_padded = GENERATE(false, true);
  TestModel model(12);
  model.Input("x", {1, 1, 3, 3});
  onnx::NodeProto* pool = model.Add("MaxPool", {"x"}, {"largest", "places"});
  SetInts(pool, "kernel_shape", {2, 2});
  if (is_padded) SetInts(pool, "pads", {1, 1, 0, 0});
  SetInt(model.Add("Cast", {"places"}, {"y"}), "to", 1);
  CHECK(Answer(model, {Floats(9, -std::numeric_limits<float>::infinity())}) ==
        (is_padded ? Floats{0, 0, 1, 0, 0, 1, 3, 3, 4} : Floats{0, 1, 3, 4}));
}

TEST_CASE("Negative pads crop") {
  TestModel model(13);
  model.Input("x", {4});
  model.Ints("p", {2}, {-1, 2});
  model.Add("Pad", {"x", "p"}, {"y"});
  CHECK(Answer(model, {{1, 2, 3, 4}}) == Floats{2, 3, 4, 0, 0});
}

TEST_CASE("What fills a border of integers may be beyond 2^24") {
  constexpr int64_t kFar = (1 << 24) + 1;
  TestModel model(13);
  model.Input("x", {2, 3});
  model.Ints("p", {4}, {1, -1, 0, 1});
  model.Ints("far", {}, {kFar});
  SetInt(model.Add("Cast", {"x"}, {"whole"}), "to", onnx::TensorProto::INT64);
  model.Add("Pad", {"whole", "p", "far"}, {"padded"});
  model.Add("Sub", {"padded", "far"}, {"less"});
  SetInt(model.Add("Cast", {"less"}, {"y"}), "to", onnx::TensorProto::FLOAT);
  const auto less = [](float x) {
    return x - static_cast<float>(kFar - 1) - 1;
  };
  CHECK(Answer(model, {{1, 3, 5, 7, 9, 11}}) ==
        Floats{0, 0, 0, less(3), less(5), 0, less(9), less(11), 0});
}

TEST_CASE("One-hot numbers count from either end") {
  TestModel model(13);
  model.Input("x", {4});
  model.Ints("depth", {}, {3});
  model.Weights("values", {2}, {-1, 5});
  model.Add("OneHot", {"x", "depth", "values"}, {"y"});
  CHECK(Answer(model, {{0, -1, 3, 1}}) ==
        Floats{5, -1, -1, -1, -1, 5, -1, -1, -1, -1, 5, -1});
}

onnx::TensorProto* Bytes(TestModel& model, const std::string& name,
                         const Shape& shape, const std::string& bytes) {
  onnx::TensorProto* tensor = model.Weights(name, shape, {});
  tensor->set_data_type(onnx::TensorProto::INT8);
  tensor->set_raw_data(bytes);
  return tensor;
}

TEST_CASE("What is quantised has the steps of its scale") {
  TestModel model(13);
  model.Input("x", {1, 4});
  model.Weights("scale", {}, {0.5f});
  Bytes(model, "zero", {}, std::string(1, '\x0a'));
  model.Add("QuantizeLinear", {"x", "scale", "zero"}, {"q"});
  model.Add("DequantizeLinear", {"q", "scale", "zero"}, {"y"});
  // Ties to even; 127 - 10 steps up and 128 + 10 down are the ends.
  CHECK(Answer(model, {{0.25f, 0.75f, 1000, -1000}}) ==
        Floats{0, 1, 58.5f, -69});
}

TEST_CASE("Quantised weights are multiplied as the numbers that they mean") {
  // Large enough to stay in its file.
  constexpr int64_t kRows = 64;
  std::string bytes;
  Floats scales, zeros;
  std::string zero_points;
  for (int64_t i = 0; i < kRows * kRows; ++i) {
    bytes.push_back(static_cast<char>(i * 37 % 251 - 125));
  }
  for (int64_t n = 0; n < kRows; ++n) {
    scales.push_back(static_cast<float>(n % 4 + 1) / 8);
    zero_points.push_back(static_cast<char>(n % 5 - 2));
  }
  const int64_t axis = GENERATE(0, 1);
  TestModel model(13);
  model.Input("x", {1, kRows});
  Bytes(model, "w", {kRows, kRows}, bytes);
  model.Weights("scales", {kRows}, scales);
  Bytes(model, "zeros", {kRows}, zero_points);
  SetInt(model.Add("DequantizeLinear", {"w", "scales", "zeros"}, {"numbers"}),
         "axis", axis);
  model.Add("MatMul", {"x", "numbers"}, {"y"});
  const Floats x = Counted(kRows);

  const Floats y = Answer(model, {x});

  for (int64_t n = 0; n < kRows; ++n) {
    double sum = 0;
    for (int64_t k = 0; k < kRows; ++k) {
      const auto of = static_cast<size_t>(axis == 0 ? k : n);
      const auto stored =
          static_cast<signed char>(bytes[static_cast<size_t>(k * kRows + n)]);
      sum += x[static_cast<size_t>(k)] * scales[of] *
             (stored - static_cast<signed char>(zero_points[of]));
    }
    CHECK(y[static_cast<size_t>(n)] == Approx(sum));
  }
}

TEST_CASE("The range of numbers and 0 is quantised; that of zeros by 1") {
  const auto x = GENERATE(values<Floats>(
      {{-1, 0, 4, 50}, {0, 0, 0, 0}, {1e-45f, 0, 0, 0}, {-51, -2, -1, 0}}));
  TestModel model(13);
  model.Input("x", {1, 4});
  model.Add("DynamicQuantizeLinear", {"x"}, {"q", "scale", "zero"});
  model.Add("DequantizeLinear", {"q", "scale", "zero"}, {"back"});
  model.Add("Add", {"back", "scale"}, {"y"});
  const float scale = x[0] > -1 ? 1 : 0.2f;
  const Floats y = Answer(model, {x});
  for (size_t i = 0; i < x.size(); ++i) CHECK(y[i] == Approx(x[i] + scale));
}

TEST_CASE("Products of integers are exact") {
  TestModel model(13);
  model.Input("x", {1, 3});
  Bytes(model, "w", {3, 2}, {1, -2, 3, 4, 5, -6});
  SetInt(model.Add("Cast", {"x"}, {"bytes"}), "to", 3);
  model.Add("MatMulInteger", {"bytes", "w"}, {"product"});
  SetInt(model.Add("Cast", {"product"}, {"y"}), "to", 1);
  CHECK(Answer(model, {{100, -100, 3}}) == Floats{-185, -618});
}

TEST_CASE("One zero point of quantised numbers may stand for all scales") {
  TestModel model(13);
  model.Input("x", {1, 3});
  model.Weights("half", {}, {0.5f});
  model.Weights("half in a list", {1}, {0.5f});
  model.Weights("scales", {2}, {1, 0.5f});
  Bytes(model, "ten", {}, {10});
  Bytes(model, "one in a list", {1}, {1});
  Bytes(model, "w", {3, 2}, {1, -1, 2, 3, 5, 1});
  model.Add("QuantizeLinear", {"x", "half", "ten"}, {"a"});
  model.Add("QLinearMatMul",
            {"a", "half in a list", "ten", "w", "scales", "one in a list",
             "half", "ten"},
            {"q"});
  model.Add("DequantizeLinear", {"q", "half", "ten"}, {"y"});
  CHECK(Answer(model, {{1, 2, -1}}) == Floats{-2, 1});
}

}  // namespace
}  // namespace layerd
