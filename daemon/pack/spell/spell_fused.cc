// What ONNX Runtime's optimiser writes for transformers, taken apart again: the
// recognisers behind the import find what has a kernel. What attends is in
// spell_microsoft_attention.cc.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/status_macros.h"
#include "daemon/pack/spell/speller.h"

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

int InputOr(const Speller& speller, size_t i) {
  return speller.has_input(i) ? speller.input(i) : kAbsent;
}

int Plus(Speller& speller, int x, size_t input) {
  return speller.has_input(input)
             ? speller.Add("Add", {x, speller.input(input)})
             : x;
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

// Of input 0.
absl::StatusOr<int> Swish(Speller& speller, float usual_alpha) {
  RETURN_IF_ERROR(speller.CheckAttributes({"alpha"}));
  ASSIGN_OR_RETURN(const float alpha, speller.FloatOr("alpha", usual_alpha));
  const int x = speller.input(0);
  ASSIGN_OR_RETURN(const int scaled, Scaled(speller, x, alpha));
  return speller.Add("Mul", {x, speller.Add("Sigmoid", {scaled})});
}

// Along the last axis; without `shift` nothing is added.
absl::StatusOr<int> LayerNorm(Speller& speller, int x, int scale, int shift) {
  ASSIGN_OR_RETURN(const float epsilon, speller.FloatOr("epsilon", 1e-12f));
  std::vector<int> inputs = {x, scale};
  if (shift != kAbsent) inputs.push_back(shift);
  return speller.AddOwn("LayerNormalization", std::move(inputs),
                        {{"axis", int64_t{-1}}, {"epsilon", epsilon}});
}

// x / sqrt(mean of squares + epsilon) * scale; means along `axes`.
absl::StatusOr<int> RootNorm(Speller& speller, int x, size_t scale, Shape axes,
                             float usual_epsilon) {
  ASSIGN_OR_RETURN(const float epsilon,
                   speller.FloatOr("epsilon", usual_epsilon));
  ASSIGN_OR_RETURN(
      const int least,
      speller.KnownNumber(speller.dtype(speller.input(0)), epsilon));
  const int mean =
      speller.Add("ReduceMean", {speller.Add("Mul", {x, x})},
                  {{"axes", std::move(axes)}, {"keepdims", int64_t{1}}});
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
  if (name == "Relu" || name == "Sigmoid" || name == "Tanh" ||
      name == "Softplus" || name == "Softsign") {
    return speller.Add(name.c_str(), {x});
  }
  if (name == "Elu" || name == "ThresholdedRelu") {
    return speller.Add(name.c_str(), {x}, {{"alpha", number(0, 1)}});
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

// An operand of FusedMatMul as MatMul wants it. transBatch moves the first
// dimension behind those of the batch, trans swaps the last two then.
absl::StatusOr<int> Turned(Speller& speller, size_t i, const char* trans,
                           const char* trans_batch) {
  const auto rank =
      static_cast<int64_t>(speller.shape(speller.input(i)).size());
  ASSIGN_OR_RETURN(const int64_t swaps, speller.IntOr(trans, 0));
  ASSIGN_OR_RETURN(const int64_t moves, speller.IntOr(trans_batch, 0));
  if (swaps == 0 && moves == 0) return speller.input(i);
  if (rank < (moves != 0 ? 3 : 2)) {
    return speller.Unsupported("to transpose so few dimensions is not one");
  }
  Shape order(static_cast<size_t>(rank));
  for (int64_t d = 0; d < rank; ++d) order[static_cast<size_t>(d)] = d;
  if (moves != 0) {
    std::rotate(order.begin(), order.begin() + 1, order.end() - 1);
  }
  if (swaps != 0) std::swap(order.back(), order[order.size() - 2]);
  return speller.Transposed(speller.input(i), std::move(order));
}

}  // namespace

absl::Status SpellMicrosoftGelu(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({}));
  const bool is_fast = speller.node().op_type == "com.microsoft.FastGelu";
  const int x = Plus(speller, speller.input(0), 1);
  speller.Finish(Gelu(speller, x, is_fast ? "tanh" : "none"));
  return absl::OkStatus();
}

absl::Status SpellSwish(Speller& speller) {
  const bool is_onnx = speller.node().op_type == "Swish";
  ASSIGN_OR_RETURN(const int y, Swish(speller, is_onnx ? 1.0f : 1.702f));
  speller.Finish(y);
  return absl::OkStatus();
}

absl::Status SpellSwiGlu(Speller& speller) {
  ASSIGN_OR_RETURN(const int gate, Swish(speller, 1.0f));
  speller.Finish(speller.Add("Mul", {gate, speller.input(1)}));
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
    ASSIGN_OR_RETURN(const int y,
                     is_simple ? RootNorm(speller, sum, 2, {-1}, 1e-12f)
                               : LayerNorm(speller, sum, speller.input(2),
                                           InputOr(speller, 3)));
    speller.FinishOutput(0, y);
  }
  if (speller.has_output(3)) speller.FinishOutput(3, sum);
  return absl::OkStatus();
}

absl::Status SpellRootNormalization(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"axis", "epsilon", "stash_type"}));
  RETURN_IF_ERROR(RefuseOutput(speller, 1));
  ASSIGN_OR_RETURN(int64_t axis, speller.IntOr("axis", -1));
  const auto rank =
      static_cast<int64_t>(speller.shape(speller.input(0)).size());
  if (axis < 0) axis += rank;
  if (axis < 0 || axis >= rank) {
    return speller.Invalid("its axis is none of its input");
  }
  Shape axes;
  for (; axis < rank; ++axis) axes.push_back(axis);
  ASSIGN_OR_RETURN(const int y, RootNorm(speller, speller.input(0), 1,
                                         std::move(axes), 1e-5f));
  speller.Finish(y);
  return absl::OkStatus();
}

absl::Status SpellFusedMatMul(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes(
      {"alpha", "transA", "transB", "transBatchA", "transBatchB"}));
  ASSIGN_OR_RETURN(const int a, Turned(speller, 0, "transA", "transBatchA"));
  ASSIGN_OR_RETURN(const int b, Turned(speller, 1, "transB", "transBatchB"));
  ASSIGN_OR_RETURN(const float alpha, speller.FloatOr("alpha", 1));
  ASSIGN_OR_RETURN(const int y,
                   Scaled(speller, speller.Add("MatMul", {a, b}), alpha));
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

namespace {

// Of EmbedLayerNormalization; kAbsent where there is none.
struct Embedded {
  int words, places, segments, scale, shift;  // Values.
  int mask, given_places;                     // Likewise: per text.
};

absl::StatusOr<int> PlacesOf(Speller& speller, const Embedded& embedded,
                             int64_t length) {
  if (embedded.given_places != kAbsent) return embedded.given_places;
  RETURN_IF_ERROR(speller.CheckSize(length));
  Shape counted;
  for (int64_t i = 0; i < length; ++i) counted.push_back(i);
  return speller.KnownList(counted);
}

absl::Status FinishLengths(Speller& speller, const Embedded& embedded,
                           int64_t texts) {
  if (!speller.has_output(1)) return absl::OkStatus();
  ASSIGN_OR_RETURN(int lengths, speller.Zeros(DataType::kI32, {texts}));
  if (embedded.mask != kAbsent) {
    const int mask = speller.CastTo(embedded.mask, DataType::kI32);
    ASSIGN_OR_RETURN(const int axes, speller.KnownList({1}));
    lengths =
        speller.Add("ReduceSum", {mask, axes}, {{"keepdims", int64_t{0}}});
  }
  speller.FinishOutput(1, lengths);
  return absl::OkStatus();
}

// Words, places and segments, summed and normalised; how long each text is.
absl::Status Embed(Speller& speller, const Embedded& embedded,
                   const Shape& places) {
  const int ids = speller.input(0);
  const Shape shape = speller.shape(ids);
  if (shape.size() != 2 || places.size() != 2 || places[0] < shape[1]) {
    return speller.Unsupported("its inputs are of other shapes");
  }
  const Attributes rows = {{"axis", int64_t{0}}};
  int sum = speller.Add("Gather", {embedded.words, ids}, rows);
  ASSIGN_OR_RETURN(const int place, PlacesOf(speller, embedded, shape[1]));
  sum = speller.Add(
      "Add", {sum, speller.Add("Gather", {embedded.places, place}, rows)});
  if (speller.has_input(1) && embedded.segments != kAbsent) {
    sum = speller.Add(
        "Add", {sum, speller.Add("Gather",
                                 {embedded.segments, speller.input(1)}, rows)});
  }
  if (speller.has_output(0)) {
    ASSIGN_OR_RETURN(const int y,
                     LayerNorm(speller, sum, embedded.scale, embedded.shift));
    speller.FinishOutput(0, y);
  }
  RETURN_IF_ERROR(FinishLengths(speller, embedded, shape[0]));
  if (speller.has_output(2)) speller.FinishOutput(2, sum);
  return absl::OkStatus();
}

}  // namespace

absl::Status SpellEmbedLayerNormalization(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"epsilon", "mask_index_type"}));
  if (!speller.has_input(2) || !speller.has_input(3) || !speller.has_input(5)) {
    return speller.Unsupported("it lacks tables or a scale");
  }
  return Embed(speller,
               {.words = speller.input(2),
                .places = speller.input(3),
                .segments = InputOr(speller, 4),
                .scale = speller.input(5),
                .shift = InputOr(speller, 6),
                .mask = InputOr(speller, 7),
                .given_places = InputOr(speller, 8)},
               speller.shape(speller.input(3)));
}

// The same of tables in bytes: inputs 2 to 6 have scales six, and zero points
// eleven inputs behind them.
absl::Status SpellQEmbedLayerNormalization(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"epsilon", "mask_index_type"}));
  int meant[7];
  for (const size_t i : {2, 3, 4, 5, 6}) {
    const bool is_there = speller.has_input(i);
    if ((!is_there && i != 4) || (is_there && !speller.has_input(i + 6))) {
      return speller.Unsupported("it lacks tables, a scale or a shift");
    }
    meant[i] = is_there ? speller.Dequantised(i, i + 6, i + 11, 0) : kAbsent;
  }
  return Embed(speller,
               {.words = meant[2],
                .places = meant[3],
                .segments = meant[4],
                .scale = meant[5],
                .shift = meant[6],
                .mask = InputOr(speller, 7),
                .given_places = kAbsent},
               speller.shape(speller.input(3)));
}

}  // namespace layerd
