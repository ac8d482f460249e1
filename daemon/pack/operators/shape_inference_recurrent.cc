// RNN, GRU and LSTM, and the one direction of them that has a kernel.

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/operators/shape_inference.h"
#include "kernels/operator.h"

namespace layerd {
namespace {

// As they stand in the attribute, with the numbers that are meant where none
// are given. The second is given only if the first can be.
struct ActivationRow {
  std::string_view name;
  ActivationKind kind;
  int numbers;
  float alpha, beta;
};
constexpr ActivationRow kActivations[] = {
    {"affine", ActivationKind::kLinear, 2, 1, 0},
    {"elu", ActivationKind::kElu, 1, 1, 1},
    {"hardsigmoid", ActivationKind::kHardSigmoid, 2, 0.2f, 0.5f},
    {"leakyrelu", ActivationKind::kLeakyRelu, 1, 0.01f, 0},
    {"relu", ActivationKind::kRelu, 0, 0, 0},
    {"sigmoid", ActivationKind::kSigmoid, 0, 0, 0},
    {"softplus", ActivationKind::kSoftplus, 0, 0, 0},
    {"softsign", ActivationKind::kSoftsign, 0, 0, 0},
    {"tanh", ActivationKind::kTanh, 0, 0, 0},
    {"thresholdedrelu", ActivationKind::kThreshold, 1, 1, 0},
};

// Of RNN, GRU, LSTM.
struct KindRow {
  std::string_view op_type;
  int64_t gates;
  size_t activations;
  std::vector<std::string> defaults;
};

// Its W and R are [directions, columns, rows] in eight bits.
bool IsQuantised(const NodeContext& node) {
  return node.node().op_type == "com.microsoft.DynamicQuantizeLSTM";
}

KindRow KindOf(const NodeContext& node) {
  if (node.node().op_type == "RNN") return {"RNN", 1, 1, {"Tanh"}};
  if (node.node().op_type == "GRU") return {"GRU", 3, 2, {"Sigmoid", "Tanh"}};
  return {"LSTM", 4, 3, {"Sigmoid", "Tanh", "Tanh"}};
}

template <typename T>
absl::StatusOr<std::vector<T>> TakeList(NodeContext& node, const char* name) {
  const std::optional<AttributeValue> value = node.Take(name);
  if (!value) return std::vector<T>();
  if (const auto* list = std::get_if<std::vector<T>>(&*value)) return *list;
  return node.Invalid(absl::StrFormat("attribute %s has another type", name));
}

// Sets three for each direction, whatever the operator needs of them.
absl::Status TakeActivations(NodeContext& node, const KindRow& row,
                             size_t directions) {
  ASSIGN_OR_RETURN(std::vector<std::string> names,
                   TakeList<std::string>(node, "activations"));
  ASSIGN_OR_RETURN(const std::vector<float> alphas,
                   TakeList<float>(node, "activation_alpha"));
  ASSIGN_OR_RETURN(const std::vector<float> betas,
                   TakeList<float>(node, "activation_beta"));
  while (names.size() < directions * row.activations) {
    if (names.size() % row.activations != 0) break;
    names.insert(names.end(), row.defaults.begin(), row.defaults.end());
  }
  if (names.size() != directions * row.activations) {
    return node.Invalid(absl::StrFormat("%d activations, %d are needed",
                                        names.size(),
                                        directions * row.activations));
  }
  std::vector<int64_t> kinds(3 * directions, 0);
  std::vector<float> first(3 * directions, 0);
  std::vector<float> second(3 * directions, 0);
  auto alpha = alphas.begin();
  auto beta = betas.begin();
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string name = absl::AsciiStrToLower(names[i]);
    const auto* known =
        std::find_if(std::begin(kActivations), std::end(kActivations),
                     [&](const ActivationRow& a) { return a.name == name; });
    if (known == std::end(kActivations)) {
      return node.Unsupported(absl::StrFormat(
          "activation \"%s\" is not supported", Printable(names[i])));
    }
    const size_t to = i / row.activations * 3 + i % row.activations;
    kinds[to] = static_cast<int64_t>(known->kind);
    const bool takes_first = known->numbers > 0 && alpha != alphas.end();
    const bool takes_second = known->numbers > 1 && beta != betas.end();
    first[to] = takes_first ? *alpha++ : known->alpha;
    second[to] = takes_second ? *beta++ : known->beta;
  }
  node.Set("activations", std::move(kinds));
  node.Set("activation_alpha", std::move(first));
  node.Set("activation_beta", std::move(second));
  return absl::OkStatus();
}

absl::Status CheckInput(const NodeContext& node, size_t i, const char* name,
                        const std::vector<int64_t>& shape) {
  if (!node.has_input(i)) return absl::OkStatus();
  if (node.shape(i) == shape && node.dtype(i) == node.dtype(0)) {
    return absl::OkStatus();
  }
  return node.Invalid(
      absl::StrFormat("%s is %s [%s], expected %s [%s]", name,
                      NameOf(node.dtype(i)), absl::StrJoin(node.shape(i), ", "),
                      NameOf(node.dtype(0)), absl::StrJoin(shape, ", ")));
}

// What the kernel reads again at each step must be in the file.
absl::Status CheckKnown(const NodeContext& node, size_t i, const char* name) {
  if (!node.has_input(i) || node.constant(i) != nullptr) {
    return absl::OkStatus();
  }
  return node.Unsupported(absl::StrFormat(
      "%s is computed at run time; it must be known while packing", name));
}

// Known or not; those of a request are looked at when it is there.
absl::Status CheckLengths(const NodeContext& node, int64_t steps,
                          int64_t batch) {
  if (!node.has_input(4)) return absl::OkStatus();
  const DataType dtype = node.dtype(4);
  if (node.shape(4) != std::vector<int64_t>{batch} ||
      (dtype != DataType::kI32 && dtype != DataType::kI64)) {
    return node.Invalid("sequence_lens has not one length for each sequence");
  }
  if (node.constant(4) == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<int64_t> lengths,
                   node.Ints(4, "sequence_lens"));
  for (const int64_t length : lengths) {
    if (length >= 0 && length <= steps) continue;
    return node.Invalid(
        absl::StrFormat("a sequence of %d in %d steps", length, steps));
  }
  return absl::OkStatus();
}

// W or R, with one scale and zero point for a direction or for each row.
absl::Status CheckQuantised(const NodeContext& node, size_t i,
                            const std::vector<int64_t>& shape) {
  const size_t scale = i == 1 ? 8 : 10;
  if (!node.has_input(scale) || !node.has_input(scale + 1)) {
    return node.Invalid("W or R has no scale or no zero point");
  }
  const DataType dtype = node.dtype(i);
  const std::vector<int64_t>& scales = node.shape(scale);
  const bool is_step = dtype == DataType::kI8 || dtype == DataType::kU8;
  const bool is_each = scales == std::vector<int64_t>{shape[0], shape[2]};
  if (is_step && node.shape(i) == shape &&
      (is_each || scales == std::vector<int64_t>{shape[0]}) &&
      node.dtype(scale) == DataType::kF32 && node.shape(scale + 1) == scales &&
      node.dtype(scale + 1) == dtype) {
    return absl::OkStatus();
  }
  return node.Invalid(absl::StrFormat(
      "%s is %s [%s] with scales [%s], expected INT8 [%s]", i == 1 ? "W" : "R",
      NameOf(dtype), absl::StrJoin(node.shape(i), ", "),
      absl::StrJoin(scales, ", "), absl::StrJoin(shape, ", ")));
}

struct Sizes {
  int64_t steps, batch, inputs, units, directions;
};

absl::StatusOr<Sizes> TakeSizes(NodeContext& node, const KindRow& row,
                                bool is_batch_first) {
  ASSIGN_OR_RETURN(const std::string direction,
                   node.TakeOneOf("direction", "forward",
                                  {"forward", "reverse", "bidirectional"}));
  if (node.rank(0) != 3 || node.rank(2) != 3) {
    return node.Invalid("X and R must have three dimensions");
  }
  ASSIGN_OR_RETURN(const int64_t units,
                   node.TakeInt("hidden_size", node.shape(2)[2]));
  Sizes sizes{node.shape(0)[0], node.shape(0)[1], node.shape(0)[2], units,
              direction == "bidirectional" ? 2 : 1};
  if (is_batch_first) std::swap(sizes.steps, sizes.batch);
  if (units < 1 || units > std::numeric_limits<int32_t>::max()) {
    return node.Invalid(absl::StrFormat("hidden_size is %d", units));
  }
  const int64_t rows = row.gates * units;
  const std::vector<int64_t> states =
      is_batch_first
          ? std::vector<int64_t>{sizes.batch, sizes.directions, units}
          : std::vector<int64_t>{sizes.directions, sizes.batch, units};
  if (IsQuantised(node)) {
    for (const auto& [i, columns] :
         {std::pair<size_t, int64_t>{1, sizes.inputs}, {2, units}}) {
      RETURN_IF_ERROR(
          CheckQuantised(node, i, {sizes.directions, columns, rows}));
    }
  } else {
    RETURN_IF_ERROR(
        CheckInput(node, 1, "W", {sizes.directions, rows, sizes.inputs}));
    RETURN_IF_ERROR(CheckInput(node, 2, "R", {sizes.directions, rows, units}));
  }
  RETURN_IF_ERROR(CheckInput(node, 3, "B", {sizes.directions, 2 * rows}));
  RETURN_IF_ERROR(CheckInput(node, 5, "initial_h", states));
  RETURN_IF_ERROR(CheckInput(node, 6, "initial_c", states));
  RETURN_IF_ERROR(CheckInput(node, 7, "P", {sizes.directions, 3 * units}));
  node.Set("direction", direction);
  return sizes;
}

absl::Status SetOutputs(NodeContext& node, const Sizes& sizes,
                        bool is_batch_first) {
  std::vector<int64_t> all = {sizes.steps, sizes.directions, sizes.batch,
                              sizes.units};
  std::vector<int64_t> last = {sizes.directions, sizes.batch, sizes.units};
  if (is_batch_first) {
    all = {sizes.batch, sizes.steps, sizes.directions, sizes.units};
    last = {sizes.batch, sizes.directions, sizes.units};
  }
  for (size_t i = 0; i < node.node().outputs.size(); ++i) {
    if (!node.uses_output(i)) continue;
    RETURN_IF_ERROR(node.SetOutput(i, node.dtype(0), i == 0 ? all : last));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status InferRecurrent(NodeContext& node) {
  const KindRow row = KindOf(node);
  ASSIGN_OR_RETURN(const int64_t layout, node.TakeInt("layout", 0));
  if (layout != 0 && layout != 1) {
    return node.Invalid(absl::StrFormat("layout %d", layout));
  }
  ASSIGN_OR_RETURN(const Sizes sizes, TakeSizes(node, row, layout == 1));
  RETURN_IF_ERROR(
      TakeActivations(node, row, static_cast<size_t>(sizes.directions)));
  RETURN_IF_ERROR(CheckLengths(node, sizes.steps, sizes.batch));
  for (const auto& [i, name] :
       {std::pair<size_t, const char*>{1, "W"}, {2, "R"}, {3, "B"}, {7, "P"}}) {
    RETURN_IF_ERROR(CheckKnown(node, i, name));
  }
  for (size_t i = 8; i < node.input_count(); ++i) {
    RETURN_IF_ERROR(CheckKnown(node, i, "a scale or zero point"));
  }
  ASSIGN_OR_RETURN(
      const float clip,
      node.TakeFloat("clip", std::numeric_limits<float>::infinity()));
  if (!(clip > 0)) return node.Invalid(absl::StrFormat("clip is %g", clip));
  int64_t resets_product = 0;
  if (row.op_type == "GRU") {
    ASSIGN_OR_RETURN(resets_product, node.TakeInt("linear_before_reset", 0));
  } else if (row.op_type == "LSTM") {
    ASSIGN_OR_RETURN(const int64_t couples, node.TakeInt("input_forget", 0));
    if (couples != 0) {
      return node.Unsupported("input_forget is not supported");
    }
  }
  node.Set("clip", clip);
  node.Set("layout", layout);
  node.Set("linear_before_reset", int64_t{resets_product != 0});
  return SetOutputs(node, sizes, layout == 1);
}

// What RNN, GRU and LSTM are spelled out with; its attributes are there.
absl::Status InferDirection(NodeContext& node) {
  for (const char* name :
       {"kind", "is_reverse", "resets_product", "weights", "clip",
        "activations", "activation_alpha", "activation_beta"}) {
    std::optional<AttributeValue> value = node.Take(name);
    if (!value) return node.Invalid("it is incomplete");
    node.Set(name, *std::move(value));
  }
  const auto kind = std::get<int64_t>(node.node().attributes.at("kind"));
  Recurrent op;
  op.kind = static_cast<Recurrent::Kind>(kind);
  const std::vector<int64_t>& x = node.shape(0);
  return node.SetOutput(0, node.dtype(0),
                        {x[0], x[1], x[2] / op.gates() * op.states()});
}

}  // namespace layerd
