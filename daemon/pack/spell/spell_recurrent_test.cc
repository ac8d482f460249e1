// RNN, GRU and LSTM as files have them: both directions, both layouts, states.

#include <cmath>
#include <string>
#include <vector>

#include "daemon/pack/import/onnx_test_model.h"
#include "kernels/cpu/cpu_backend.h"
#include "test/catch/catch.h"
#include "test/sim/imported_answers.h"

namespace layerd {
namespace {

using Floats = std::vector<float>;

constexpr int64_t kSteps = 4, kBatch = 2, kInputs = 3, kUnits = 5;

Floats Drawn(int64_t count, int64_t seed) {
  Floats numbers;
  for (int64_t i = 0; i < count; ++i) {
    numbers.push_back(static_cast<float>((i * 31 + seed * 17) % 23 - 11) / 16);
  }
  return numbers;
}

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct Weights {
  int64_t gates;
  Floats w, r, b;  // Of both directions.

  // Row `row` of W x + R h + both biases, or of one of the two alone.
  double Inputs(int64_t d, int64_t row, const double* x) const {
    double sum = b[static_cast<size_t>(d * 2 * Rows() + row)];
    for (int64_t k = 0; k < kInputs; ++k) {
      sum += w[static_cast<size_t>((d * Rows() + row) * kInputs + k)] * x[k];
    }
    return sum;
  }
  double States(int64_t d, int64_t row, const double* h) const {
    double sum = b[static_cast<size_t>(d * 2 * Rows() + Rows() + row)];
    for (int64_t k = 0; k < kUnits; ++k) {
      sum += r[static_cast<size_t>((d * Rows() + row) * kUnits + k)] * h[k];
    }
    return sum;
  }
  int64_t Rows() const { return gates * kUnits; }
};

// One unit's sums in one step: of W x, of R h before it, and of both.
struct Sums {
  const Weights& weights;
  int64_t direction, unit;
  const double *x, *h;

  double Inputs(int64_t gate) const {
    return weights.Inputs(direction, gate * kUnits + unit, x);
  }
  double States(int64_t gate) const {
    return weights.States(direction, gate * kUnits + unit, h);
  }
  double Both(int64_t gate) const { return Inputs(gate) + States(gate); }
};

double GruState(const Sums& sums) {
  const double update = Sigmoid(sums.Both(0));
  const double candidate =
      std::tanh(sums.Inputs(2) + Sigmoid(sums.Both(1)) * sums.States(2));
  return (1 - update) * candidate + update * sums.h[sums.unit];
}

double LstmCell(const Sums& sums, double cell) {
  return Sigmoid(sums.Both(2)) * cell +
         Sigmoid(sums.Both(0)) * std::tanh(sums.Both(3));
}

// One step of one sequence; h and c are replaced.
void Step(const std::string& op_type, const Weights& weights, int64_t d,
          const double* x, double* h, double* c) {
  const std::vector<double> old(h, h + kUnits);
  for (int64_t u = 0; u < kUnits; ++u) {
    const Sums sums = {weights, d, u, x, old.data()};
    if (op_type == "RNN") {
      h[u] = std::tanh(sums.Both(0));
    } else if (op_type == "GRU") {
      h[u] = GruState(sums);
    } else {
      c[u] = LstmCell(sums, c[u]);
      h[u] = Sigmoid(sums.Both(1)) * std::tanh(c[u]);
    }
  }
}

struct Case {
  const char* op_type;
  int64_t gates;
  bool has_start;
  // Of the sequences, if not all steps; said by the request or by the file.
  std::vector<int64_t> lengths = {};
  bool is_asked = false;
};

using Shape = std::vector<int64_t>;

// A layer in one direction or both, in one of the layouts.
class Layer {
 public:
  Layer(const Case& row, const std::string& direction, bool is_batch_first)
      : row_(row),
        direction_(direction),
        is_batch_first_(is_batch_first),
        directions_(direction == "bidirectional" ? 2 : 1),
        weights_{row.gates, Drawn(directions_ * rows() * kInputs, 1),
                 Drawn(directions_ * rows() * kUnits, 2),
                 Drawn(directions_ * 2 * rows(), 3)},
        x_(Drawn(kSteps * kBatch * kInputs, 4)),
        h0_(row.has_start ? Drawn(directions_ * kBatch * kUnits, 5)
                          : Floats(directions_ * kBatch * kUnits, 0)) {}

  std::vector<Floats> Answers() const {
    TestModel model(14);
    model.Input("x", is_batch_first_ ? Shape{kBatch, kSteps, kInputs}
                                     : Shape{kSteps, kBatch, kInputs});
    model.Weights("w", {directions_, rows(), kInputs}, weights_.w);
    model.Weights("r", {directions_, rows(), kUnits}, weights_.r);
    model.Weights("b", {directions_, 2 * rows()}, weights_.b);
    std::vector<std::string> inputs = {"x", "w", "r", "b", ""};
    std::vector<Floats> given = {x_};
    if (!row_.lengths.empty()) inputs[4] = AddLengths(model, given);
    if (row_.has_start) {
      model.Input("h0", is_batch_first_ ? Shape{kBatch, directions_, kUnits}
                                        : Shape{directions_, kBatch, kUnits});
      inputs.push_back("h0");
      given.push_back(h0_);
    }
    onnx::NodeProto* node = model.Add(row_.op_type, inputs, {"y", "last"});
    SetInt(SetInt(node, "hidden_size", kUnits), "layout", is_batch_first_);
    SetString(node, "direction", direction_);
    if (row_.gates == 3) SetInt(node, "linear_before_reset", 1);
    model.Output("y");
    model.Output("last");
    return ImportedAnswers(model, given, *MakeCpuBackend(1));
  }

  // One sequence in one direction.
  void Check(const std::vector<Floats>& answers, int64_t d, int64_t n) const {
    const int64_t state =
        is_batch_first_ ? n * directions_ + d : d * kBatch + n;
    std::vector<double> h(h0_.begin() + state * kUnits,
                          h0_.begin() + (state + 1) * kUnits);
    std::vector<double> c(kUnits, 0);
    const int64_t length = row_.lengths.empty() ? kSteps : row_.lengths[n];
    if (length == 0) h.assign(kUnits, 0);
    for (int64_t s = 0; s < length; ++s) {
      const bool is_reverse = d == 1 || direction_ == "reverse";
      const int64_t t = is_reverse ? length - 1 - s : s;
      const int64_t at = is_batch_first_ ? n * kSteps + t : t * kBatch + n;
      const std::vector<double> x(x_.begin() + at * kInputs,
                                  x_.begin() + (at + 1) * kInputs);
      Step(row_.op_type, weights_, d, x.data(), h.data(), c.data());
      CheckUnits(answers[0], h, PlaceOf(t, d, n));
    }
    for (int64_t t = length; t < kSteps; ++t) {
      CheckUnits(answers[0], std::vector<double>(kUnits, 0), PlaceOf(t, d, n));
    }
    CheckUnits(answers[1], h, state);
  }

  int64_t directions() const { return directions_; }

 private:
  int64_t rows() const { return row_.gates * kUnits; }

  std::string AddLengths(TestModel& model, std::vector<Floats>& given) const {
    if (row_.is_asked) {
      model.Input("lengths", {kBatch});
      given.emplace_back(row_.lengths.begin(), row_.lengths.end());
    } else {
      model.Weights("lengths", {kBatch},
                    Floats(row_.lengths.begin(), row_.lengths.end()));
    }
    SetInt(model.Add("Cast", {"lengths"}, {"whole"}), "to",
           onnx::TensorProto::INT32);
    return "whole";
  }

  // In the output of all steps.
  int64_t PlaceOf(int64_t t, int64_t d, int64_t n) const {
    return is_batch_first_ ? (n * kSteps + t) * directions_ + d
                           : (t * directions_ + d) * kBatch + n;
  }

  static void CheckUnits(const Floats& answer, const std::vector<double>& h,
                         int64_t place) {
    for (size_t u = 0; u < h.size(); ++u) {
      REQUIRE(answer[static_cast<size_t>(place * kUnits) + u] ==
              Approx(h[u]).margin(1e-5));
    }
  }

  const Case row_;
  const std::string direction_;
  const bool is_batch_first_;
  const int64_t directions_;
  const Weights weights_;
  const Floats x_, h0_;
};

TEST_CASE("Recurrent layers answer as defined, in each direction and layout") {
  const auto row = GENERATE(values<Case>({{"RNN", 1, true},
                                          {"GRU", 3, true},
                                          {"GRU", 3, false},
                                          {"LSTM", 4, true},
                                          {"LSTM", 4, false},
                                          {"RNN", 1, true, {3, 1}, true},
                                          {"GRU", 3, false, {4, 2}, true},
                                          {"LSTM", 4, true, {2, 4}, true},
                                          {"LSTM", 4, true, {0, 3}, true},
                                          {"LSTM", 4, true, {3, 2}, false}}));
  const std::string direction = GENERATE("forward", "reverse", "bidirectional");
  const bool is_batch_first = GENERATE(false, true);
  INFO(row.op_type << " " << direction << " layout " << is_batch_first);
  const Layer layer(row, direction, is_batch_first);

  const std::vector<Floats> answers = layer.Answers();

  for (int64_t d = 0; d < layer.directions(); ++d) {
    for (int64_t n = 0; n < kBatch; ++n) layer.Check(answers, d, n);
  }
}

// Elements [o][a][b] as [o][b][a], in sixteenths.
std::string SwappedSteps(const Floats& numbers, int64_t a, int64_t b) {
  std::string steps;
  for (size_t o = 0; o < numbers.size(); o += static_cast<size_t>(a * b)) {
    for (int64_t j = 0; j < b; ++j) {
      for (int64_t i = 0; i < a; ++i) {
        const float number = numbers[o + static_cast<size_t>(i * b + j)];
        steps.push_back(static_cast<char>(number * 16));
      }
    }
  }
  return steps;
}

void Bytes(TestModel& model, const std::string& name, const Shape& shape,
           const std::string& bytes) {
  onnx::TensorProto* tensor = model.Weights(name, shape, {});
  tensor->set_data_type(onnx::TensorProto::INT8);
  tensor->set_raw_data(bytes);
}

// Weights of an LSTM in both directions, all of them sixteenths.
std::vector<Floats> AnswersOfLstm(bool is_quantised, bool has_scale_a_row) {
  constexpr int64_t kRows = 4 * kUnits;
  const Floats w = Drawn(2 * kRows * kInputs, 1);
  const Floats r = Drawn(2 * kRows * kUnits, 2);
  TestModel model(14);
  model.Input("x", {kSteps, kBatch, kInputs});
  model.Weights("b", {2, 2 * kRows}, Drawn(4 * kRows, 3));
  std::vector<std::string> inputs = {"x", "w", "r", "b"};
  if (is_quantised) {
    const Shape each = has_scale_a_row ? Shape{2, kRows} : Shape{2};
    const size_t count = has_scale_a_row ? 2 * kRows : 2;
    Bytes(model, "w", {2, kInputs, kRows}, SwappedSteps(w, kRows, kInputs));
    Bytes(model, "r", {2, kUnits, kRows}, SwappedSteps(r, kRows, kUnits));
    Bytes(model, "zero", each, std::string(count, 0));
    model.Weights("scale", each, Floats(count, 1.0f / 16));
    inputs.insert(inputs.end(),
                  {"", "", "", "", "scale", "zero", "scale", "zero"});
  } else {
    model.Weights("w", {2, kRows, kInputs}, w);
    model.Weights("r", {2, kRows, kUnits}, r);
  }
  onnx::NodeProto* node = model.Add(
      is_quantised ? "DynamicQuantizeLSTM" : "LSTM", inputs, {"y", "last"});
  if (is_quantised) node->set_domain("com.microsoft");
  SetInt(node, "hidden_size", kUnits);
  SetString(node, "direction", "bidirectional");
  model.Output("y");
  model.Output("last");
  return ImportedAnswers(model, {Drawn(kSteps * kBatch * kInputs, 4)},
                         *MakeCpuBackend(1));
}

TEST_CASE("An LSTM with weights of eight bits computes with what they mean") {
  const bool has_scale_a_row = GENERATE(false, true);
  const std::vector<Floats> expected = AnswersOfLstm(false, false);
  const std::vector<Floats> answers = AnswersOfLstm(true, has_scale_a_row);
  for (size_t i = 0; i < expected.size(); ++i) {
    for (size_t e = 0; e < expected[i].size(); ++e) {
      REQUIRE(answers[i][e] == Approx(expected[i][e]).margin(1e-5));
    }
  }
}

}  // namespace
}  // namespace layerd
