// What ONNX Runtime's optimiser writes for transformers, taken apart again: the
// recognisers behind the import find what has a kernel.

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/status_macros.h"
#include "daemon/pack/speller.h"

namespace layerd {
namespace {

using Attributes = Speller::Attributes;
using Shape = Speller::Shape;

absl::StatusOr<int> Scaled(Speller& speller, int x, float factor) {
  if (factor == 1) return x;
  ASSIGN_OR_RETURN(
      const int known,
      speller.KnownNumber(speller.dtype(speller.input(0)), factor));
  return speller.Add("Mul", {x, known});
}

int Plus(Speller& speller, int x, size_t input) {
  return speller.has_input(input)
             ? speller.Add("Add", {x, speller.input(input)})
             : x;
}

absl::Status RefuseInput(const Speller& speller, size_t i, const char* what) {
  if (!speller.has_input(i)) return absl::OkStatus();
  return speller.Unsupported(absl::StrCat(what, " is not supported"));
}

absl::Status RefuseOutput(const Speller& speller, size_t i) {
  if (!speller.has_output(i)) return absl::OkStatus();
  return speller.Unsupported(
      absl::StrCat("its output ", i, " is not supported"));
}

int Gelu(Speller& speller, int x, const char* approximate) {
  return speller.AddOwn("Gelu", {x},
                        {{"approximate", std::string(approximate)}});
}

// Along the last axis; without `shift` input nothing is added.
absl::StatusOr<int> LayerNorm(Speller& speller, int x, size_t scale,
                              size_t shift) {
  ASSIGN_OR_RETURN(const float epsilon, speller.FloatOr("epsilon", 1e-12f));
  std::vector<int> inputs = {x, speller.input(scale)};
  if (speller.has_input(shift)) inputs.push_back(speller.input(shift));
  return speller.AddOwn("LayerNormalization", std::move(inputs),
                        {{"axis", int64_t{-1}}, {"epsilon", epsilon}});
}

// x / sqrt(mean of squares + epsilon) * scale.
absl::StatusOr<int> RootNorm(Speller& speller, int x, size_t scale,
                             float usual_epsilon) {
  ASSIGN_OR_RETURN(const float epsilon,
                   speller.FloatOr("epsilon", usual_epsilon));
  ASSIGN_OR_RETURN(
      const int least,
      speller.KnownNumber(speller.dtype(speller.input(0)), epsilon));
  const int mean = speller.Add("ReduceMean", {speller.Add("Mul", {x, x})},
                               {{"axes", Shape{-1}}, {"keepdims", int64_t{1}}});
  const int root = speller.Add("Sqrt", {speller.Add("Add", {mean, least})});
  return speller.Add("Mul",
                     {speller.Add("Div", {x, root}), speller.input(scale)});
}

// With the activation's own attributes in their order, as far as they are
// there.
absl::StatusOr<int> Activated(Speller& speller, int x,
                              const std::vector<float>& numbers) {
  ASSIGN_OR_RETURN(const std::string name, speller.StringOr("activation", ""));
  const auto number = [&](size_t i, float otherwise) {
    return i < numbers.size() ? numbers[i] : otherwise;
  };
  if (name.empty()) return x;
  if (name == "Relu" || name == "Sigmoid" || name == "Tanh") {
    return speller.Add(name.c_str(), {x});
  }
  if (name == "LeakyRelu") {
    return speller.Add("LeakyRelu", {x}, {{"alpha", number(0, 0.01f)}});
  }
  if (name == "HardSigmoid") {
    return speller.Add("HardSigmoid", {x},
                       {{"alpha", number(0, 0.2f)}, {"beta", number(1, 0.5f)}});
  }
  if (name == "Clip" && numbers.size() == 2) {
    const DataType dtype = speller.dtype(speller.input(0));
    ASSIGN_OR_RETURN(const int low, speller.KnownNumber(dtype, numbers[0]));
    ASSIGN_OR_RETURN(const int high, speller.KnownNumber(dtype, numbers[1]));
    return speller.Add("Clip", {x, low, high});
  }
  return speller.Unsupported("its activation is not supported");
}

Attributes Without(const Speller& speller,
                   const std::vector<std::string>& names) {
  Attributes attributes = speller.node().attributes;
  for (const std::string& name : names) attributes.erase(name);
  return attributes;
}

int SwappedLast(Speller& speller, int x, size_t rank) {
  Shape order(rank);
  for (size_t d = 0; d < rank; ++d) order[d] = static_cast<int64_t>(d);
  std::swap(order[rank - 1], order[rank - 2]);
  return speller.Transposed(x, std::move(order));
}

// Scores [N, heads, S, T] are lowered where a mask is 0: [N, T], or [N] with
// how many of T are there.
absl::StatusOr<int> Masked(Speller& speller, int scores, size_t input,
                           int64_t batch, int64_t length, float filter) {
  if (!speller.has_input(input)) return scores;
  int mask = speller.input(input);
  const Shape shape = speller.shape(mask);
  if (shape == Shape{batch}) {
    RETURN_IF_ERROR(speller.CheckSize(length));
    Shape places;
    for (int64_t i = 0; i < length; ++i) places.push_back(i);
    ASSIGN_OR_RETURN(const int counted, speller.Known(places, {1, length}));
    ASSIGN_OR_RETURN(
        const int lengths,
        speller.Reshaped(speller.CastTo(mask, DataType::kI64), {batch, 1}));
    mask = speller.Add("Less", {counted, lengths});
  } else if (shape == Shape{batch, length}) {
    mask = speller.CastTo(mask, DataType::kBool);
  } else {
    return speller.Unsupported("a mask of this shape is not supported");
  }
  ASSIGN_OR_RETURN(mask, speller.Reshaped(mask, {batch, 1, 1, length}));
  const DataType dtype = speller.dtype(speller.input(0));
  ASSIGN_OR_RETURN(const int low, speller.KnownNumber(dtype, filter));
  ASSIGN_OR_RETURN(const int zero, speller.KnownNumber(dtype, 0));
  return speller.Add("Add", {scores, speller.Add("Where", {mask, zero, low})});
}

// [N, S, heads * size] as [N, heads, S, size].
absl::StatusOr<int> Headed(Speller& speller, int x, const Shape& shape,
                           int64_t heads) {
  ASSIGN_OR_RETURN(
      const int split,
      speller.Reshaped(x, {shape[0], shape[1], heads, shape[2] / heads}));
  return speller.Transposed(split, {0, 2, 1, 3});
}

struct Heads {
  int q, k, v;  // [N, S or T, width]
  Shape q_shape, k_shape, v_shape;
  size_t mask = 0, bias = 0;  // Inputs.
};

absl::StatusOr<int> Attended(Speller& speller, const Heads& heads) {
  ASSIGN_OR_RETURN(const int64_t count, speller.IntOr("num_heads", 0));
  if (count < 1 || heads.q_shape[2] % count != 0 ||
      heads.v_shape[2] % count != 0 || heads.k_shape[2] != heads.q_shape[2]) {
    return speller.Invalid("its heads do not fit its inputs");
  }
  const auto size = static_cast<float>(heads.q_shape[2] / count);
  ASSIGN_OR_RETURN(float scale, speller.FloatOr("scale", 0));
  if (scale == 0) scale = 1 / std::sqrt(size);
  ASSIGN_OR_RETURN(const float filter,
                   speller.FloatOr("mask_filter_value", -10000));
  ASSIGN_OR_RETURN(const int q, Headed(speller, heads.q, heads.q_shape, count));
  ASSIGN_OR_RETURN(const int k, Headed(speller, heads.k, heads.k_shape, count));
  ASSIGN_OR_RETURN(const int v, Headed(speller, heads.v, heads.v_shape, count));
  int scores = speller.Add("MatMul", {q, speller.Transposed(k, {0, 1, 3, 2})});
  ASSIGN_OR_RETURN(scores, Scaled(speller, scores, scale));
  scores = Plus(speller, scores, heads.bias);
  ASSIGN_OR_RETURN(scores, Masked(speller, scores, heads.mask, heads.q_shape[0],
                                  heads.k_shape[1], filter));
  const int shares = speller.Add("Softmax", {scores}, {{"axis", int64_t{-1}}});
  const int y =
      speller.Transposed(speller.Add("MatMul", {shares, v}), {0, 2, 1, 3});
  return speller.Reshaped(
      y, {heads.q_shape[0], heads.q_shape[1], heads.v_shape[2]});
}

absl::StatusOr<int> Columns(Speller& speller, int x, int64_t first,
                            int64_t count) {
  ASSIGN_OR_RETURN(const int begin, speller.KnownList({first}));
  ASSIGN_OR_RETURN(const int end, speller.KnownList({first + count}));
  ASSIGN_OR_RETURN(const int axis, speller.KnownList({-1}));
  return speller.Add("Slice", {x, begin, end, axis});
}

}  // namespace

absl::Status SpellMicrosoftGelu(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({}));
  const bool is_fast = speller.node().op_type == "com.microsoft.FastGelu";
  const int x = Plus(speller, speller.input(0), 1);
  speller.Finish(Gelu(speller, x, is_fast ? "tanh" : "none"));
  return absl::OkStatus();
}

absl::Status SpellQuickGelu(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"alpha"}));
  ASSIGN_OR_RETURN(const float alpha, speller.FloatOr("alpha", 1.702f));
  const int x = speller.input(0);
  ASSIGN_OR_RETURN(const int scaled, Scaled(speller, x, alpha));
  speller.Finish(speller.Add("Mul", {x, speller.Add("Sigmoid", {scaled})}));
  return absl::OkStatus();
}

absl::Status SpellSkipLayerNormalization(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"epsilon"}));
  const bool is_simple = speller.node().op_type ==
                         "com.microsoft.SkipSimplifiedLayerNormalization";
  RETURN_IF_ERROR(RefuseOutput(speller, 1));
  RETURN_IF_ERROR(RefuseOutput(speller, 2));
  const int sum =
      Plus(speller, speller.Add("Add", {speller.input(0), speller.input(1)}),
           is_simple ? 3 : 4);
  if (speller.has_output(0)) {
    ASSIGN_OR_RETURN(const int y, is_simple ? RootNorm(speller, sum, 2, 1e-12f)
                                            : LayerNorm(speller, sum, 2, 3));
    speller.FinishOutput(0, y);
  }
  if (speller.has_output(3)) speller.FinishOutput(3, sum);
  return absl::OkStatus();
}

absl::Status SpellSimplifiedLayerNormalization(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"axis", "epsilon", "stash_type"}));
  RETURN_IF_ERROR(RefuseOutput(speller, 1));
  ASSIGN_OR_RETURN(const int64_t axis, speller.IntOr("axis", -1));
  const auto rank =
      static_cast<int64_t>(speller.shape(speller.input(0)).size());
  if (axis != -1 && axis != rank - 1) {
    return speller.Unsupported("only the last axis is supported");
  }
  ASSIGN_OR_RETURN(const int y, RootNorm(speller, speller.input(0), 1, 1e-5f));
  speller.Finish(y);
  return absl::OkStatus();
}

absl::Status SpellFusedMatMul(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes(
      {"alpha", "transA", "transB", "transBatchA", "transBatchB"}));
  int operands[2];
  for (size_t i = 0; i < 2; ++i) {
    const size_t rank = speller.shape(speller.input(i)).size();
    ASSIGN_OR_RETURN(const int64_t swaps,
                     speller.IntOr(i == 0 ? "transA" : "transB", 0));
    ASSIGN_OR_RETURN(const int64_t odd,
                     speller.IntOr(i == 0 ? "transBatchA" : "transBatchB", 0));
    if (odd != 0 || (swaps != 0 && rank < 2)) {
      return speller.Unsupported("batches that are transposed are not");
    }
    operands[i] = swaps != 0 ? SwappedLast(speller, speller.input(i), rank)
                             : speller.input(i);
  }
  ASSIGN_OR_RETURN(const float alpha, speller.FloatOr("alpha", 1));
  ASSIGN_OR_RETURN(
      const int y,
      Scaled(speller, speller.Add("MatMul", {operands[0], operands[1]}),
             alpha));
  speller.Finish(y);
  return absl::OkStatus();
}

absl::Status SpellFusedConv(Speller& speller) {
  std::vector<int> inputs = {speller.input(0), speller.input(1)};
  if (speller.has_input(2)) inputs.push_back(speller.input(2));
  const int y =
      Plus(speller,
           speller.Add("Conv", std::move(inputs),
                       Without(speller, {"activation", "activation_params"})),
           3);
  ASSIGN_OR_RETURN(const std::vector<float> numbers,
                   speller.ListOr<float>("activation_params", {}));
  ASSIGN_OR_RETURN(const int activated, Activated(speller, y, numbers));
  speller.Finish(activated);
  return absl::OkStatus();
}

absl::Status SpellFusedGemm(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"activation", "activation_alpha",
                                           "activation_beta", "alpha", "beta",
                                           "transA", "transB"}));
  const int y = speller.Add(
      "Gemm", speller.node().inputs,
      Without(speller, {"activation", "activation_alpha", "activation_beta"}));
  std::vector<float> numbers;
  for (const char* name : {"activation_alpha", "activation_beta"}) {
    if (!speller.node().attributes.contains(name)) break;
    ASSIGN_OR_RETURN(const float number, speller.FloatOr(name, 0));
    numbers.push_back(number);
  }
  ASSIGN_OR_RETURN(const int activated, Activated(speller, y, numbers));
  speller.Finish(activated);
  return absl::OkStatus();
}

// Words, places and segments, summed and normalised; how long each text is.
absl::Status SpellEmbedLayerNormalization(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"epsilon", "mask_index_type"}));
  if (!speller.has_input(2) || !speller.has_input(3) || !speller.has_input(5)) {
    return speller.Unsupported("it lacks tables or a scale");
  }
  const int ids = speller.input(0);
  const Shape shape = speller.shape(ids);
  const Shape places = speller.shape(speller.input(3));
  if (shape.size() != 2 || places.size() != 2 || places[0] < shape[1]) {
    return speller.Unsupported("its inputs are of other shapes");
  }
  const Attributes rows = {{"axis", int64_t{0}}};
  int sum = speller.Add("Gather", {speller.input(2), ids}, rows);
  RETURN_IF_ERROR(speller.CheckSize(shape[1]));
  Shape counted;
  for (int64_t i = 0; i < shape[1]; ++i) counted.push_back(i);
  ASSIGN_OR_RETURN(int place, speller.KnownList(counted));
  if (speller.has_input(8)) place = speller.input(8);
  sum = speller.Add(
      "Add", {sum, speller.Add("Gather", {speller.input(3), place}, rows)});
  if (speller.has_input(1) && speller.has_input(4)) {
    sum = speller.Add(
        "Add", {sum, speller.Add("Gather", {speller.input(4), speller.input(1)},
                                 rows)});
  }
  if (speller.has_output(0)) {
    ASSIGN_OR_RETURN(const int y, LayerNorm(speller, sum, 5, 6));
    speller.FinishOutput(0, y);
  }
  if (speller.has_output(1)) {
    ASSIGN_OR_RETURN(int lengths, speller.Zeros(DataType::kI32, {shape[0]}));
    if (speller.has_input(7)) {
      const int mask = speller.CastTo(speller.input(7), DataType::kI32);
      ASSIGN_OR_RETURN(const int axes, speller.KnownList({1}));
      lengths =
          speller.Add("ReduceSum", {mask, axes}, {{"keepdims", int64_t{0}}});
    }
    speller.FinishOutput(1, lengths);
  }
  if (speller.has_output(2)) speller.FinishOutput(2, sum);
  return absl::OkStatus();
}

absl::Status SpellAttention(Speller& speller) {
  RETURN_IF_ERROR(
      speller.CheckAttributes({"mask_filter_value", "num_heads",
                               "qkv_hidden_sizes", "scale", "unidirectional"}));
  ASSIGN_OR_RETURN(const int64_t looks_back,
                   speller.IntOr("unidirectional", 0));
  RETURN_IF_ERROR(RefuseOutput(speller, 1));
  RETURN_IF_ERROR(RefuseInput(speller, 4, "a past"));
  RETURN_IF_ERROR(RefuseInput(speller, 6, "a past"));
  if (looks_back != 0) {
    return speller.Unsupported("unidirectional is not supported");
  }
  const Shape x = speller.shape(speller.input(0));
  const Shape w = speller.shape(speller.input(1));
  if (x.size() != 3 || w.size() != 2 || w[1] % 3 != 0) {
    return speller.Invalid("its inputs are of other shapes");
  }
  ASSIGN_OR_RETURN(const Shape sizes,
                   speller.ListOr<int64_t>("qkv_hidden_sizes",
                                           {w[1] / 3, w[1] / 3, w[1] / 3}));
  if (sizes.size() != 3 || sizes[0] < 1 || sizes[2] < 1 || sizes[0] > w[1] ||
      sizes[2] > w[1] || sizes[0] != sizes[1] ||
      sizes[0] + sizes[1] + sizes[2] != w[1]) {
    return speller.Invalid("qkv_hidden_sizes do not fit its weights");
  }
  const int all = Plus(
      speller, speller.Add("MatMul", {speller.input(0), speller.input(1)}), 2);
  Heads heads;
  int64_t first = 0;
  int* const parts[] = {&heads.q, &heads.k, &heads.v};
  for (size_t i = 0; i < 3; ++i) {
    ASSIGN_OR_RETURN(*parts[i], Columns(speller, all, first, sizes[i]));
    first += sizes[i];
  }
  heads.q_shape = heads.k_shape = {x[0], x[1], sizes[0]};
  heads.v_shape = {x[0], x[1], sizes[2]};
  heads.mask = 3;
  heads.bias = 5;
  ASSIGN_OR_RETURN(const int y, Attended(speller, heads));
  speller.Finish(y);
  return absl::OkStatus();
}

absl::Status SpellMultiHeadAttention(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes(
      {"mask_filter_value", "num_heads", "scale", "unidirectional"}));
  ASSIGN_OR_RETURN(const int64_t looks_back,
                   speller.IntOr("unidirectional", 0));
  for (const size_t i : {6, 7, 8, 9}) {
    RETURN_IF_ERROR(RefuseInput(speller, i, "a past"));
  }
  for (const size_t i : {1, 2, 3}) RETURN_IF_ERROR(RefuseOutput(speller, i));
  if (!speller.has_input(1) || !speller.has_input(2) || looks_back != 0) {
    return speller.Unsupported("packed or unidirectional inputs are not");
  }
  Heads heads{speller.input(0),
              speller.input(1),
              speller.input(2),
              speller.shape(speller.input(0)),
              speller.shape(speller.input(1)),
              speller.shape(speller.input(2)),
              4,
              5};
  if (heads.q_shape.size() != 3 || heads.k_shape.size() != 3 ||
      heads.v_shape.size() != 3) {
    return speller.Unsupported("its inputs are not [N, S, width]");
  }
  if (speller.has_input(3)) {
    int64_t first = 0;
    int* const parts[] = {&heads.q, &heads.k, &heads.v};
    const int64_t widths[] = {heads.q_shape[2], heads.k_shape[2],
                              heads.v_shape[2]};
    for (size_t i = 0; i < 3; ++i) {
      ASSIGN_OR_RETURN(const int bias,
                       Columns(speller, speller.input(3), first, widths[i]));
      *parts[i] = speller.Add("Add", {*parts[i], bias});
      first += widths[i];
    }
  }
  ASSIGN_OR_RETURN(const int y, Attended(speller, heads));
  speller.Finish(y);
  return absl::OkStatus();
}

}  // namespace layerd
