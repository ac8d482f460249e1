// Steps that have the state of the step before: RNN, GRU and LSTM.

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/kernels/test_layer.h"

namespace layerd {
namespace {

using Kind = Recurrent::Kind;

struct Row {
  const char* name;
  Recurrent op;
  int64_t steps, batch, units;
  bool has_start;
};

TestLayer LayerOf(const Row& row, uint32_t seed) {
  const Recurrent& op = row.op;
  const int64_t h = row.units;
  PartSpec spec;
  spec.op = op;
  spec.inputs = {PlainType({row.steps, row.batch, op.gates() * h})};
  if (row.has_start) {
    spec.inputs.push_back(PlainType({row.batch, op.states() * h}));
  }
  if (op.kind == Kind::kGru) {
    spec.weights = {PlainPiece({2 * h, h}), PlainPiece({h, h})};
    if (op.resets_product) spec.weights.push_back(PlainPiece({h}));
  } else {
    spec.weights = {PlainPiece({op.gates() * h, h})};
    if (op.has_peepholes) spec.weights.push_back(PlainPiece({3, h}));
  }
  spec.outputs = {PlainType({row.steps, row.batch, op.states() * h})};
  TestLayer layer = Draw(row.name, spec, seed);
  // Small, for states that depend on all steps and not on the last.
  for (size_t i = 0; i < layer.weights.size() && i < 2; ++i) {
    auto* numbers = reinterpret_cast<float*>(layer.weights[i].data());
    const size_t count = layer.weights[i].size() / sizeof(float);
    for (size_t k = 0; k < count; ++k) {
      numbers[k] /= std::sqrt(static_cast<float>(h));
    }
  }
  layer.whole.channels = {0, 1};
  layer.whole.rows = {0, row.steps};
  return layer;
}

Recurrent Of(Kind kind, bool is_reverse = false) {
  Recurrent op;
  op.kind = kind;
  op.is_reverse = is_reverse;
  if (kind == Kind::kRnn) op.f = {ActivationKind::kTanh, 0, 0};
  return op;
}

std::vector<Row> Rows() {
  Recurrent peeping = Of(Kind::kLstm);
  peeping.has_peepholes = true;
  Recurrent clipped = Of(Kind::kLstm, true);
  clipped.clip = 0.3f;
  clipped.g = {ActivationKind::kSoftsign, 0, 0};
  clipped.h = {ActivationKind::kRelu, 0, 0};
  Recurrent resetting = Of(Kind::kGru);
  resetting.resets_product = true;
  Recurrent backwards = resetting;
  backwards.is_reverse = true;
  return {
      {"RNN", Of(Kind::kRnn), 7, 1, 32, false},
      {"RNN, reverse, started", Of(Kind::kRnn, true), 5, 3, 9, true},
      {"LSTM", Of(Kind::kLstm), 9, 1, 64, false},
      {"LSTM, one step", Of(Kind::kLstm), 1, 2, 32, true},
      {"LSTM, reverse, started", Of(Kind::kLstm, true), 6, 2, 40, true},
      {"LSTM, odd", Of(Kind::kLstm), 6, 17, 7, true},
      {"LSTM with peepholes", peeping, 6, 2, 33, true},
      {"LSTM, clipped, others", clipped, 6, 2, 32, false},
      {"GRU", Of(Kind::kGru), 6, 2, 32, false},
      {"GRU, started", Of(Kind::kGru, true), 6, 1, 21, true},
      {"GRU that resets products", resetting, 6, 3, 32, true},
      {"GRU, reverse", backwards, 8, 1, 48, false},
  };
}

std::vector<std::unique_ptr<Backend>> Backends() {
  std::vector<std::unique_ptr<Backend>> backends;
  backends.push_back(MakeReferenceBackend());
  backends.push_back(MakeCpuBackend(1));
  backends.push_back(MakeCpuBackend(2));
  return backends;
}

// By the definition, with a state of its own.
class Naive {
 public:
  Naive(const Row& row, const TestLayer& layer)
      : op_(row.op),
        units_(row.units),
        row_(row),
        x_(Floats(layer.inputs[0])),
        kernel_(Floats(layer.weights[0])) {
    for (size_t i = 1; i < layer.weights.size(); ++i) {
      others_.push_back(Floats(layer.weights[i]));
    }
    state_.resize(row.batch * op_.states() * units_);
    if (row.has_start) {
      const std::vector<float> start = Floats(layer.inputs[1]);
      state_.assign(start.begin(), start.end());
    }
  }

  std::vector<double> Run() {
    std::vector<double> y(row_.steps * state_.size());
    for (int64_t s = 0; s < row_.steps; ++s) {
      const int64_t t = op_.is_reverse ? row_.steps - 1 - s : s;
      for (int64_t n = 0; n < row_.batch; ++n) Step(t, n);
      std::copy(state_.begin(), state_.end(),
                y.begin() + t * static_cast<int64_t>(state_.size()));
    }
    return y;
  }

 private:
  static std::vector<float> Floats(const std::vector<std::byte>& bytes) {
    std::vector<float> numbers(bytes.size() / sizeof(float));
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
    return numbers;
  }
  static double Apply(const Activation& activation, double x) {
    switch (activation.kind) {
      case ActivationKind::kSigmoid:
        return 1 / (1 + std::exp(-x));
      case ActivationKind::kTanh:
        return std::tanh(x);
      case ActivationKind::kSoftsign:
        return x / (1 + std::abs(x));
      default:
        return std::max(x, 0.0);
    }
  }
  double Clip(double x) const {
    const double clip = op_.clip;
    return std::min(std::max(x, -clip), clip);
  }
  double Product(const std::vector<float>& kernel, int64_t row,
                 const std::vector<double>& h) const {
    double sum = 0;
    for (int64_t k = 0; k < units_; ++k) {
      sum += kernel[static_cast<size_t>(row * units_ + k)] *
             h[static_cast<size_t>(k)];
    }
    return sum;
  }

  void Step(int64_t t, int64_t n) {
    const auto at = state_.begin() + n * op_.states() * units_;
    const std::vector<double> h(at, at + units_);
    const auto x = [&](int64_t gate, int64_t u) {
      return static_cast<double>(x_[static_cast<size_t>(
          ((t * row_.batch + n) * op_.gates() + gate) * units_ + u)]);
    };
    std::vector<double> reset(h.size());
    if (op_.kind == Kind::kGru) {
      for (int64_t u = 0; u < units_; ++u) {
        reset[static_cast<size_t>(u)] =
            Apply(op_.f, Clip(x(1, u) + Product(kernel_, units_ + u, h)));
      }
    }
    for (int64_t u = 0; u < units_; ++u) {
      const auto sum = [&](int64_t gate) {
        return x(gate, u) + Product(kernel_, gate * units_ + u, h);
      };
      if (op_.kind == Kind::kRnn) {
        at[u] = Apply(op_.f, Clip(sum(0)));
      } else if (op_.kind == Kind::kGru) {
        std::vector<double> seen = h;
        double product = 0;
        if (op_.resets_product) {
          product =
              reset[static_cast<size_t>(u)] *
              (Product(others_[0], u, h) + others_[1][static_cast<size_t>(u)]);
        } else {
          for (size_t k = 0; k < seen.size(); ++k) seen[k] *= reset[k];
          product = Product(others_[0], u, seen);
        }
        const double update = Apply(op_.f, Clip(sum(0)));
        at[u] = (1 - update) * Apply(op_.g, Clip(x(2, u) + product)) +
                update * h[static_cast<size_t>(u)];
      } else {
        const auto peep = [&](int64_t gate, double cell) {
          return op_.has_peepholes
                     ? others_[0][static_cast<size_t>(gate * units_ + u)] * cell
                     : 0;
        };
        const double old = at[units_ + u];
        const double input = Apply(op_.f, Clip(sum(0) + peep(0, old)));
        const double forget = Apply(op_.f, Clip(sum(2) + peep(2, old)));
        const double cell = forget * old + input * Apply(op_.g, Clip(sum(3)));
        at[units_ + u] = cell;
        at[u] = Apply(op_.f, Clip(sum(1) + peep(1, cell))) * Apply(op_.h, cell);
      }
    }
  }

  const Recurrent op_;
  const int64_t units_;
  const Row row_;
  const std::vector<float> x_, kernel_;
  std::vector<std::vector<float>> others_;
  std::vector<double> state_;
};

TEST_CASE("A recurrence computes what its definition says") {
  uint32_t seed = 0;
  for (const Row& row : Rows()) {
    const TestLayer layer = LayerOf(row, ++seed);
    const std::vector<double> wanted = Naive(row, layer).Run();
    for (const auto& backend : Backends()) {
      INFO(row.name << ", " << backend->key().backend);
      const Outcome outcome = Run(*backend, layer);
      REQUIRE(outcome.status.ok());
      CHECK(outcome.guards_held);
      const auto* y = reinterpret_cast<const float*>(outcome.output.data());
      REQUIRE(outcome.output.size() == wanted.size() * sizeof(float));
      for (size_t i = 0; i < wanted.size(); ++i) {
        REQUIRE(y[i] == Approx(wanted[i]).margin(2e-5));
      }
    }
  }
}

TEST_CASE("Runs of steps together make the layer, bit for bit") {
  const int64_t step = GENERATE(1, 2, 5);
  uint32_t seed = 0;
  for (const Row& row : Rows()) {
    const TestLayer layer = LayerOf(row, ++seed);
    std::vector<PartSpec> parts;
    for (int64_t first = 0; first < row.steps; first += step) {
      parts.push_back(layer.whole);
      parts.back().rows = {first, std::min(step, row.steps - first)};
    }
    for (const auto& backend : Backends()) {
      INFO(row.name << ", " << backend->key().backend);
      const Outcome whole = Run(*backend, layer);
      const Outcome cut = Run(*backend, layer, parts);
      REQUIRE(cut.status.ok());
      CHECK(cut.guards_held);
      CHECK(cut.output == whole.output);
    }
  }
}

// Numbers of x that lie apart: such a part the CPU leaves to the reference
// loops.
TestLayer Spread(TestLayer layer) {
  TensorType& x = layer.whole.inputs[0];
  for (int64_t& stride : x.strides) stride *= 2;
  std::vector<std::byte> apart(2 * layer.inputs[0].size());
  for (size_t i = 0; i < layer.inputs[0].size(); i += sizeof(float)) {
    std::memcpy(&apart[2 * i], &layer.inputs[0][i], sizeof(float));
  }
  layer.inputs[0] = apart;
  return layer;
}

TEST_CASE("Where x lies apart the answer is the reference's, bit for bit") {
  uint32_t seed = 0;
  for (const Row& row : Rows()) {
    const TestLayer layer = LayerOf(row, ++seed);
    const Outcome together = Run(*MakeReferenceBackend(), layer);
    for (const auto& backend : Backends()) {
      INFO(row.name << ", " << backend->key().backend);
      const Outcome apart = Run(*backend, Spread(layer));
      REQUIRE(apart.status.ok());
      CHECK(apart.guards_held);
      CHECK(apart.output == together.output);
    }
  }
}

struct Spoiled {
  const char* name;
  void (*spoil)(PartSpec& spec);
  const char* message;
};

TEST_CASE("A recurrence that does not fit together is refused") {
  const auto row = GENERATE(values<Spoiled>({
      {"kind", [](PartSpec& s) { std::get<Recurrent>(s.op).kind = Kind{7}; },
       "kind 7"},
      {"clip", [](PartSpec& s) { std::get<Recurrent>(s.op).clip = -1; },
       "clip"},
      {"peepholes",
       [](PartSpec& s) { std::get<Recurrent>(s.op).has_peepholes = true; },
       "weights"},
      {"reset",
       [](PartSpec& s) { std::get<Recurrent>(s.op).resets_product = true; },
       "GRU"},
      {"gates",
       [](PartSpec& s) {
         s.inputs[0] = PlainType({9, 1, 255});
       },
       "input"},
      {"states",
       [](PartSpec& s) {
         s.outputs[0] = PlainType({9, 1, 64});
       },
       "output"},
      {"weights",
       [](PartSpec& s) {
         s.weights[0] = PlainPiece({256, 65});
       },
       "weights"},
      {"start",
       [](PartSpec& s) {
         s.inputs.push_back(PlainType({1, 64}));
       },
       "first state"},
      {"steps",
       [](PartSpec& s) {
         s.rows = {5, 5};
       },
       "steps"},
      {"channels",
       [](PartSpec& s) {
         s.channels = {0, 2};
       },
       "channels"},
  }));
  INFO(row.name);
  PartSpec spec = LayerOf(Rows()[2], 1).whole;
  row.spoil(spec);

  for (const auto& backend : Backends()) {
    const auto kernel = backend->Prepare(spec);
    REQUIRE_FALSE(kernel.ok());
    CHECK_THAT(std::string(kernel.status().message()),
               Catch::Contains(row.message));
  }
}

}  // namespace
}  // namespace layerd
