// RNN, GRU and LSTM: a product for the inputs of all steps together, whose
// weights stream as all do, then the steps, one direction after the other.
// ONNX Runtime's DynamicQuantizeLSTM has weights of eight bits; it would round
// what they meet as well, and that we do not.

#include <optional>
#include <string>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/spell/sequence_lengths.h"
#include "daemon/pack/spell/speller.h"
#include "kernels/operator.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;
using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;

class Directions {
 public:
  explicit Directions(Speller* speller) : speller_(*speller) {
    const std::string& op_type = speller->node().op_type;
    op_.kind = op_type == "RNN"   ? Recurrent::Kind::kRnn
               : op_type == "GRU" ? Recurrent::Kind::kGru
                                  : Recurrent::Kind::kLstm;
    op_.resets_product =
        speller->attribute<int64_t>("linear_before_reset") != 0;
    is_batch_first_ = speller->attribute<int64_t>("layout") != 0;
    is_swapped_ = op_type.find('.') != std::string::npos;
    const Shape r = speller->shape(speller->input(2));
    directions_ = r[0];
    rows_ = r[is_swapped_ ? 2 : 1];
    units_ = r[is_swapped_ ? 1 : 2];
  }

  absl::Status Run() {
    int x = speller_.input(0);
    if (is_batch_first_) x = speller_.Transposed(x, {1, 0, 2});
    const Shape given = speller_.shape(speller_.input(0));
    steps_ = given[is_batch_first_ ? 1 : 0];
    batch_ = given[is_batch_first_ ? 0 : 1];
    inputs_ = given[2];
    RETURN_IF_ERROR(TakeLengths());
    for (int64_t d = 0; d < directions_; ++d) {
      ASSIGN_OR_RETURN(const int states, Direction(x, d));
      states_.push_back(states);
    }
    RETURN_IF_ERROR(FinishAll());
    RETURN_IF_ERROR(FinishLast(1, 0));
    return FinishLast(2, 1);
  }

 private:
  absl::Status TakeLengths() {
    if (!speller_.has_input(4)) return absl::OkStatus();
    if (speller_.is_known(speller_.input(4))) {
      ASSIGN_OR_RETURN(const Ints lengths,
                       speller_.Elements(speller_.input(4)));
      if (lengths == Ints(lengths.size(), steps_)) return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(lengths_, SequenceLengths::Of(&speller_, speller_.input(4),
                                                   steps_, batch_));
    return absl::OkStatus();
  }

  bool IsReverse(int64_t direction) const {
    return direction == 1 ||
           speller_.attribute<std::string>("direction") == "reverse";
  }
  absl::StatusOr<int> Sliced(int value, int64_t axis, int64_t first,
                             int64_t count) {
    ASSIGN_OR_RETURN(const int begin, speller_.KnownList({first}));
    ASSIGN_OR_RETURN(const int end, speller_.KnownList({first + count}));
    ASSIGN_OR_RETURN(const int axes, speller_.KnownList({axis}));
    return speller_.Add("Slice", {value, begin, end, axes});
  }

  // What is added to the products of the inputs: both biases, but for that of
  // a candidate which is reset with its product.
  absl::StatusOr<int> InputBias(int64_t direction) {
    ASSIGN_OR_RETURN(
        Floats bias,
        speller_.Numbers(speller_.input(3), direction * 2 * rows_, 2 * rows_));
    const int64_t summed = op_.resets_product ? 2 * units_ : rows_;
    for (int64_t i = 0; i < summed; ++i) {
      bias[static_cast<size_t>(i)] += bias[static_cast<size_t>(rows_ + i)];
    }
    bias.resize(static_cast<size_t>(rows_));
    return speller_.KnownNumbers(speller_.dtype(speller_.input(0)), bias);
  }

  // [columns, rows] of input `i`, by the scales that are input `scales`: one
  // for a direction, or one for each row.
  absl::StatusOr<int> Widened(size_t i, size_t scales, int64_t direction,
                              int64_t columns) {
    const bool is_one = speller_.shape(speller_.input(scales)).size() == 1;
    const Shape each = is_one ? Shape{} : Shape{rows_};
    const int64_t first = is_one ? direction : direction * rows_;
    ASSIGN_OR_RETURN(
        const int steps,
        speller_.Piece(speller_.input(i), direction * rows_ * columns,
                       {columns, rows_}));
    ASSIGN_OR_RETURN(const int scale,
                     speller_.Piece(speller_.input(scales), first, each));
    ASSIGN_OR_RETURN(const int zero,
                     speller_.Piece(speller_.input(scales + 1), first, each));
    return speller_.Add("DequantizeLinear", {steps, scale, zero},
                        {{"axis", int64_t{1}}});
  }

  // Whether the direction goes forward over sequences that were turned round.
  bool IsTurned(int64_t direction) const {
    return lengths_ && IsReverse(direction);
  }

  absl::StatusOr<int> Products(int x, int64_t direction) {
    if (IsTurned(direction)) {
      ASSIGN_OR_RETURN(x, lengths_->Turned(x, inputs_));
    }
    ASSIGN_OR_RETURN(x, speller_.Reshaped(x, {steps_ * batch_, inputs_}));
    std::vector<int> operands = {x};
    if (is_swapped_) {
      ASSIGN_OR_RETURN(operands.emplace_back(),
                       Widened(1, 8, direction, inputs_));
    } else {
      ASSIGN_OR_RETURN(
          operands.emplace_back(),
          speller_.Piece(speller_.input(1), direction * rows_ * inputs_,
                         {rows_, inputs_}));
    }
    if (speller_.has_input(3)) {
      ASSIGN_OR_RETURN(operands.emplace_back(), InputBias(direction));
    }
    const int products = speller_.Add("Gemm", std::move(operands),
                                      {{"transB", int64_t{!is_swapped_}}});
    return speller_.Reshaped(products, {steps_, batch_, rows_});
  }

  // [batch, states * units], or kAbsent: zeros.
  absl::StatusOr<int> FirstState(int64_t direction) {
    if (!speller_.has_input(5) && !speller_.has_input(6)) return kAbsent;
    std::vector<int> parts;
    for (size_t i = 5; i < 5 + static_cast<size_t>(op_.states()); ++i) {
      if (!speller_.has_input(i)) {
        ASSIGN_OR_RETURN(parts.emplace_back(),
                         speller_.Zeros(speller_.dtype(speller_.input(0)),
                                        {batch_, units_}));
        continue;
      }
      ASSIGN_OR_RETURN(
          const int one,
          Sliced(speller_.input(i), is_batch_first_ ? 1 : 0, direction, 1));
      ASSIGN_OR_RETURN(parts.emplace_back(),
                       speller_.Reshaped(one, {batch_, units_}));
    }
    if (parts.size() == 1) return parts[0];
    return speller_.Add("Concat", std::move(parts), {{"axis", int64_t{1}}});
  }

  absl::Status AddWeights(int64_t direction, std::vector<int>* operands) {
    const int r = speller_.input(2);
    const int64_t first = direction * rows_ * units_;
    if (op_.kind == Recurrent::Kind::kGru) {
      const int64_t gates = 2 * units_;
      ASSIGN_OR_RETURN(operands->emplace_back(),
                       speller_.Piece(r, first, {gates, units_}));
      ASSIGN_OR_RETURN(
          operands->emplace_back(),
          speller_.Piece(r, first + gates * units_, {units_, units_}));
      if (!op_.resets_product) return absl::OkStatus();
      Floats bias(static_cast<size_t>(units_), 0);
      if (speller_.has_input(3)) {
        const int64_t at = direction * 2 * rows_ + rows_ + gates;
        ASSIGN_OR_RETURN(bias, speller_.Numbers(speller_.input(3), at, units_));
      }
      ASSIGN_OR_RETURN(
          operands->emplace_back(),
          speller_.KnownNumbers(speller_.dtype(speller_.input(0)), bias));
      return absl::OkStatus();
    }
    if (is_swapped_) {
      ASSIGN_OR_RETURN(const int widened, Widened(2, 10, direction, units_));
      operands->push_back(speller_.Transposed(widened, {1, 0}));
    } else {
      ASSIGN_OR_RETURN(operands->emplace_back(),
                       speller_.Piece(r, first, {rows_, units_}));
    }
    if (!speller_.has_input(7)) return absl::OkStatus();
    ASSIGN_OR_RETURN(
        operands->emplace_back(),
        speller_.Piece(speller_.input(7), direction * 3 * units_, {3, units_}));
    return absl::OkStatus();
  }

  template <typename T>
  T OfDirection(const char* name, int64_t direction) const {
    const T& all = speller_.attribute<T>(name);
    return T(all.begin() + 3 * direction, all.begin() + 3 * direction + 3);
  }

  // [steps, batch, states * units]: the state after each step.
  absl::StatusOr<int> Direction(int x, int64_t direction) {
    ASSIGN_OR_RETURN(const int products, Products(x, direction));
    ASSIGN_OR_RETURN(const int start, FirstState(direction));
    std::vector<int> operands = {products};
    RETURN_IF_ERROR(AddWeights(direction, &operands));
    const auto weights = static_cast<int64_t>(operands.size()) - 1;
    if (start != kAbsent) operands.push_back(start);
    return speller_.AddOwn(
        "Recurrent", std::move(operands),
        {{"kind", static_cast<int64_t>(op_.kind)},
         {"is_reverse", int64_t{!lengths_ && IsReverse(direction)}},
         {"resets_product", int64_t{op_.resets_product}},
         {"weights", weights},
         {"clip", speller_.attribute<float>("clip")},
         {"activations", OfDirection<Ints>("activations", direction)},
         {"activation_alpha",
          OfDirection<Floats>("activation_alpha", direction)},
         {"activation_beta",
          OfDirection<Floats>("activation_beta", direction)}});
  }

  // h or the cell out of the states.
  absl::StatusOr<int> Part(int states, int64_t which) {
    if (op_.states() == 1) return states;
    return Sliced(states, 2, which * units_, units_);
  }
  int Joined(std::vector<int> parts, int64_t axis) {
    if (parts.size() == 1) return parts[0];
    return speller_.Add("Concat", std::move(parts), {{"axis", axis}});
  }

  absl::Status FinishAll() {
    if (!speller_.has_output(0)) return absl::OkStatus();
    std::vector<int> parts;
    for (size_t d = 0; d < states_.size(); ++d) {
      ASSIGN_OR_RETURN(int part, Part(states_[d], 0));
      if (IsTurned(static_cast<int64_t>(d))) {
        ASSIGN_OR_RETURN(part, lengths_->Turned(part, units_));
      }
      if (lengths_) {
        ASSIGN_OR_RETURN(part, lengths_->Ended(part));
      }
      ASSIGN_OR_RETURN(parts.emplace_back(),
                       speller_.Reshaped(part, {steps_, 1, batch_, units_}));
    }
    int all = Joined(std::move(parts), 1);
    if (is_batch_first_) all = speller_.Transposed(all, {2, 0, 1, 3});
    speller_.FinishOutput(0, all);
    return absl::OkStatus();
  }

  absl::Status FinishLast(size_t output, int64_t which) {
    if (!speller_.has_output(output)) return absl::OkStatus();
    std::vector<int> parts;
    for (size_t d = 0; d < states_.size(); ++d) {
      const int64_t last = IsReverse(static_cast<int64_t>(d)) ? 0 : steps_ - 1;
      ASSIGN_OR_RETURN(const int part, Part(states_[d], which));
      ASSIGN_OR_RETURN(parts.emplace_back(), lengths_
                                                 ? lengths_->Last(part, units_)
                                                 : Sliced(part, 0, last, 1));
    }
    int all = Joined(std::move(parts), 0);
    if (is_batch_first_) all = speller_.Transposed(all, {1, 0, 2});
    speller_.FinishOutput(output, all);
    return absl::OkStatus();
  }

  Speller& speller_;
  Recurrent op_;
  bool is_batch_first_ = false;
  bool is_swapped_ = false;  // W and R are [columns, rows], and quantised.
  int64_t directions_ = 1, rows_ = 0, units_ = 0;  // Rows: gates * units.
  int64_t steps_ = 0, batch_ = 0, inputs_ = 0;
  std::optional<SequenceLengths> lengths_;  // If they end before the steps.
  std::vector<int> states_;                 // Of each direction.
};

}  // namespace

absl::Status SpellRecurrent(Speller& speller) {
  return Directions(&speller).Run();
}

}  // namespace layerd
