// RNN, GRU and LSTM as files have them: both directions, both layouts, states.

#include <cmath>
#include <string>
#include <vector>

#include "daemon/pack/onnx_test_model.h"
#include "daemon/pack/simplify.h"
#include "daemon/pack/translate.h"
#include "kernels/cpu/cpu_backend.h"
#include "test/catch/catch.h"
#include "test/sim/packed_answers.h"

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

// One step of one sequence; h and c are replaced.
void Step(const std::string& op_type, const Weights& weights, int64_t d,
          const double* x, double* h, double* c) {
  const std::vector<double> old(h, h + kUnits);
  for (int64_t u = 0; u < kUnits; ++u) {
    const auto sum = [&](int64_t gate) {
      const int64_t row = gate * kUnits + u;
      return weights.Inputs(d, row, x) + weights.States(d, row, old.data());
    };
    if (op_type == "RNN") {
      h[u] = std::tanh(sum(0));
    } else if (op_type == "GRU") {
      const int64_t row = 2 * kUnits + u;
      const double candidate =
          std::tanh(weights.Inputs(d, row, x) +
                    Sigmoid(sum(1)) * weights.States(d, row, old.data()));
      const double update = Sigmoid(sum(0));
      h[u] = (1 - update) * candidate + update * old[static_cast<size_t>(u)];
    } else {
      c[u] = Sigmoid(sum(2)) * c[u] + Sigmoid(sum(0)) * std::tanh(sum(3));
      h[u] = Sigmoid(sum(1)) * std::tanh(c[u]);
    }
  }
}

struct Case {
  const char* op_type;
  int64_t gates;
  bool has_start;
};

TEST_CASE("Recurrent layers answer as defined, in each direction and layout") {
  const auto row = GENERATE(values<Case>({{"RNN", 1, true},
                                          {"GRU", 3, true},
                                          {"GRU", 3, false},
                                          {"LSTM", 4, true},
                                          {"LSTM", 4, false}}));
  const std::string direction = GENERATE("forward", "reverse", "bidirectional");
  const bool is_batch_first = GENERATE(false, true);
  INFO(row.op_type << " " << direction << " layout " << is_batch_first);
  const int64_t directions = direction == "bidirectional" ? 2 : 1;
  const int64_t rows = row.gates * kUnits;
  const Weights weights{row.gates, Drawn(directions * rows * kInputs, 1),
                        Drawn(directions * rows * kUnits, 2),
                        Drawn(directions * 2 * rows, 3)};
  const Floats x = Drawn(kSteps * kBatch * kInputs, 4);
  const Floats h0 = row.has_start ? Drawn(directions * kBatch * kUnits, 5)
                                  : Floats(directions * kBatch * kUnits, 0);
  TestModel model(14);
  using Shape = std::vector<int64_t>;
  model.Input("x", is_batch_first ? Shape{kBatch, kSteps, kInputs}
                                  : Shape{kSteps, kBatch, kInputs});
  model.Weights("w", {directions, rows, kInputs}, weights.w);
  model.Weights("r", {directions, rows, kUnits}, weights.r);
  model.Weights("b", {directions, 2 * rows}, weights.b);
  std::vector<std::string> inputs = {"x", "w", "r", "b"};
  std::vector<Floats> given = {x};
  if (row.has_start) {
    model.Input("h0", is_batch_first ? Shape{kBatch, directions, kUnits}
                                     : Shape{directions, kBatch, kUnits});
    inputs.insert(inputs.end(), {"", "h0"});
    given.push_back(h0);
  }
  onnx::NodeProto* node = model.Add(row.op_type, inputs, {"y", "last"});
  SetInt(SetInt(node, "hidden_size", kUnits), "layout", is_batch_first);
  SetString(node, "direction", direction);
  if (row.gates == 3) SetInt(node, "linear_before_reset", 1);
  model.Output("y");
  model.Output("last");
  const auto graph = model.Import();
  INFO(graph.status());
  REQUIRE(graph.ok());
  Network network = *Translate(*graph);
  REQUIRE(Simplify(&network).ok());
  const auto backend = MakeCpuBackend(1);

  const auto answers = PackedAnswers(network, {4 << 10, 3000}, given, *backend);

  for (int64_t d = 0; d < directions; ++d) {
    for (int64_t n = 0; n < kBatch; ++n) {
      const auto state_at = [&](int64_t u) {
        return static_cast<size_t>(
            ((is_batch_first ? n * directions + d : d * kBatch + n)) * kUnits +
            u);
      };
      std::vector<double> h(kUnits), c(kUnits, 0);
      for (int64_t u = 0; u < kUnits; ++u) {
        h[static_cast<size_t>(u)] = h0[state_at(u)];
      }
      for (int64_t s = 0; s < kSteps; ++s) {
        const bool reverse = d == 1 || direction == "reverse";
        const int64_t t = reverse ? kSteps - 1 - s : s;
        const int64_t at = is_batch_first ? n * kSteps + t : t * kBatch + n;
        std::vector<double> seen(x.begin() + at * kInputs,
                                 x.begin() + (at + 1) * kInputs);
        Step(row.op_type, weights, d, seen.data(), h.data(), c.data());
        const int64_t to = is_batch_first ? at * directions + d
                                          : (t * directions + d) * kBatch + n;
        for (int64_t u = 0; u < kUnits; ++u) {
          REQUIRE(answers[0][static_cast<size_t>(to * kUnits + u)] ==
                  Approx(h[static_cast<size_t>(u)]).margin(1e-5));
        }
      }
      for (int64_t u = 0; u < kUnits; ++u) {
        REQUIRE(answers[1][state_at(u)] ==
                Approx(h[static_cast<size_t>(u)]).margin(1e-5));
      }
    }
  }
}

}  // namespace
}  // namespace layerd
