#include <algorithm>
#include <variant>

#include "kernels/reference/loops.h"

namespace layerd::reference {
namespace {

// All units of a row see the reset gates of all, which are computed once.
bool ResetsStateOf(const Recurrent& op) {
  return op.kind == Recurrent::Kind::kGru && !op.resets_product;
}

// One step of one row of the batch: its numbers by unit and gate.
class Step {
 public:
  Step(const Recurrent& op, const Part& part, const PartMemory& memory,
       int64_t step, int64_t n)
      : op_(op),
        part_(part),
        memory_(memory),
        size_(part.spec.inputs[0].shape[2] / op.gates()),
        n_(n),
        step_(step),
        reset_(reinterpret_cast<double*>(memory.scratch)) {
    const int64_t steps = part.spec.inputs[0].shape[0];
    row_ = op.is_reverse ? steps - 1 - step : step;
    before_ = op.is_reverse ? row_ + 1 : row_ - 1;
  }

  void Run() {
    if (ResetsStateOf(op_)) {
      for (int64_t unit = 0; unit < size_; ++unit) reset_[unit] = Gate(1, unit);
    }
    for (int64_t unit = 0; unit < size_; ++unit) {
      switch (op_.kind) {
        case Recurrent::Kind::kRnn:
          Write(unit, Activate(op_.f, Clipped(x(0, unit) + Product(0, unit))));
          break;
        case Recurrent::Kind::kGru:
          RunGru(unit);
          break;
        case Recurrent::Kind::kLstm:
          RunLstm(unit);
          break;
      }
    }
  }

 private:
  double x(int64_t gate, int64_t unit) const {
    return Input(
        memory_,
        0)[PositionOf(part_.spec.inputs[0], {row_, n_, gate * size_ + unit})];
  }
  // The state before this step: h, then the cell.
  double State(int64_t unit) const {
    if (step_ > 0) {
      return Output(
          memory_)[PositionOf(part_.spec.outputs[0], {before_, n_, unit})];
    }
    if (part_.spec.inputs.size() < 2) return 0;
    return Input(memory_, 1)[PositionOf(part_.spec.inputs[1], {n_, unit})];
  }
  void Write(int64_t unit, double value) const {
    Output(memory_)[PositionOf(part_.spec.outputs[0], {row_, n_, unit})] =
        static_cast<float>(value);
  }
  double Weight(size_t i, int64_t row, int64_t column) const {
    const auto& at = part_.weights[i].positions;
    return Weights(part_, memory_, i)[at[0][row] + at[1][column]];
  }
  double Product(int64_t gate, int64_t unit) const {
    double sum = 0;
    for (int64_t k = 0; k < size_; ++k) {
      sum += Weight(0, gate * size_ + unit, k) * State(k);
    }
    return sum;
  }
  double Clipped(double value) const {
    const double clip = op_.clip;
    return std::min(std::max(value, -clip), clip);
  }
  double Gate(int64_t gate, int64_t unit, double peep = 0) const {
    return Activate(op_.f, Clipped(x(gate, unit) + Product(gate, unit) + peep));
  }

  void RunGru(int64_t unit) const {
    double sum = 0;
    for (int64_t k = 0; k < size_; ++k) {
      const double reset = op_.resets_product ? 1 : reset_[k];
      sum += Weight(1, unit, k) * reset * State(k);
    }
    if (op_.resets_product) {
      sum += Weights(part_, memory_, 2)[part_.weights[2].positions[0][unit]];
      sum *= Gate(1, unit);
    }
    const double candidate = Activate(op_.g, Clipped(x(2, unit) + sum));
    const double update = Gate(0, unit);
    Write(unit, (1 - update) * candidate + update * State(unit));
  }

  double Peephole(int64_t gate, int64_t unit, double cell) const {
    return op_.has_peepholes ? Weight(1, gate, unit) * cell : 0;
  }

  void RunLstm(int64_t unit) const {
    const double old = State(size_ + unit);
    const double input = Gate(0, unit, Peephole(0, unit, old));
    const double forget = Gate(2, unit, Peephole(2, unit, old));
    const double candidate =
        Activate(op_.g, Clipped(x(3, unit) + Product(3, unit)));
    const double cell = forget * old + input * candidate;
    const double output = Gate(1, unit, Peephole(1, unit, cell));
    Write(size_ + unit, cell);
    Write(unit, output * Activate(op_.h, cell));
  }

  const Recurrent& op_;
  const Part& part_;
  const PartMemory& memory_;
  const int64_t size_;  // Units.
  const int64_t n_;
  const int64_t step_;
  double* const reset_;  // Of each unit, if ResetsStateOf() the operator.
  int64_t row_;          // Of x and y.
  int64_t before_;       // That of the step before.
};

}  // namespace

size_t ScratchBytesOf(const PartSpec& spec) {
  const auto* op = std::get_if<Recurrent>(&spec.op);
  if (op == nullptr || !ResetsStateOf(*op)) return 0;
  return static_cast<size_t>(spec.inputs[0].shape[2] / op->gates()) *
         sizeof(double);
}

absl::Status Run(const Recurrent& op, const Part& part,
                 const PartMemory& memory) {
  const Range& steps = part.spec.rows;
  for (int64_t step = steps.first; step < steps.first + steps.count; ++step) {
    for (int64_t n = 0; n < part.spec.inputs[0].shape[1]; ++n) {
      Step(op, part, memory, step, n).Run();
    }
  }
  return absl::OkStatus();
}

}  // namespace layerd::reference
