// Models of tables (domain ai.onnx.ml) that are products and sums: what
// scikit-learn's pipelines put before and behind a network, and linear ones.

#include <cmath>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;
using Floats = std::vector<float>;

int AsFloats(Speller& speller, int value) {
  return speller.dtype(value) == DataType::kF32
             ? value
             : speller.CastTo(value, DataType::kF32);
}

// Numbers of an attribute, one for each feature or one for all; none if it is
// not there.
absl::StatusOr<Floats> OfFeatures(const Speller& speller, const char* name) {
  ASSIGN_OR_RETURN(Floats numbers, speller.ListOr<float>(name, {}));
  const Shape shape = speller.shape(speller.input(0));
  const auto count = static_cast<int64_t>(numbers.size());
  if (count <= 1 || (!shape.empty() && shape.back() == count)) return numbers;
  return speller.Invalid("attributes are not one for each feature");
}

absl::StatusOr<int64_t> FeaturesOf(const Speller& speller) {
  const Shape shape = speller.shape(speller.input(0));
  if (shape.size() == 2) return shape[1];
  return speller.Unsupported("its input is no table [rows, features]");
}

// x [rows, features] times coefficients [outputs, features], and intercepts.
absl::StatusOr<int> Linear(Speller& speller, int64_t outputs) {
  ASSIGN_OR_RETURN(const int64_t features, FeaturesOf(speller));
  ASSIGN_OR_RETURN(const Floats coefficients,
                   speller.ListOr<float>("coefficients", {}));
  ASSIGN_OR_RETURN(const Floats intercepts,
                   speller.ListOr<float>("intercepts", {}));
  const auto given = static_cast<int64_t>(coefficients.size());
  const auto biases = static_cast<int64_t>(intercepts.size());
  if (outputs < 1 || given % outputs != 0 || given / outputs != features ||
      (biases != 0 && biases != outputs)) {
    return speller.Invalid(
        "coefficients are not one for each feature and output");
  }
  ASSIGN_OR_RETURN(const int list,
                   speller.KnownNumbers(DataType::kF32, coefficients));
  ASSIGN_OR_RETURN(const int w, speller.Reshaped(list, {outputs, features}));
  std::vector<int> operands = {AsFloats(speller, speller.input(0)), w};
  if (biases != 0) {
    ASSIGN_OR_RETURN(operands.emplace_back(),
                     speller.KnownNumbers(DataType::kF32, intercepts));
  }
  return speller.Add("Gemm", std::move(operands), {{"transB", int64_t{1}}});
}

absl::StatusOr<int> PostTransformed(Speller& speller, int scores) {
  ASSIGN_OR_RETURN(const std::string how,
                   speller.StringOr("post_transform", "NONE"));
  if (how == "NONE") return scores;
  if (how == "LOGISTIC") return speller.Add("Sigmoid", {scores});
  if (how == "SOFTMAX") {
    return speller.Add("Softmax", {scores}, {{"axis", int64_t{1}}});
  }
  return speller.Unsupported("its post_transform is not supported");
}

}  // namespace

absl::Status SpellScaler(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"offset", "scale"}));
  ASSIGN_OR_RETURN(const Floats offset, OfFeatures(speller, "offset"));
  ASSIGN_OR_RETURN(const Floats scale, OfFeatures(speller, "scale"));
  int y = AsFloats(speller, speller.input(0));
  if (!offset.empty()) {
    ASSIGN_OR_RETURN(const int known,
                     speller.KnownNumbers(DataType::kF32, offset));
    y = speller.Add("Sub", {y, known});
  }
  if (!scale.empty()) {
    ASSIGN_OR_RETURN(const int known,
                     speller.KnownNumbers(DataType::kF32, scale));
    y = speller.Add("Mul", {y, known});
  }
  speller.Finish(y);
  return absl::OkStatus();
}

absl::Status SpellBinarizer(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"threshold"}));
  ASSIGN_OR_RETURN(const float threshold, speller.FloatOr("threshold", 0));
  const int x = speller.input(0);
  if (speller.dtype(x) != DataType::kF32) {
    return speller.Unsupported("only FP32 is supported");
  }
  ASSIGN_OR_RETURN(const int known,
                   speller.KnownNumber(DataType::kF32, threshold));
  speller.Finish(
      speller.CastTo(speller.Add("Greater", {x, known}), DataType::kF32));
  return absl::OkStatus();
}

// Numbers that are missing: NaN, or one that stands for them.
absl::Status SpellImputer(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes(
      {"imputed_value_floats", "replaced_value_float"}));
  ASSIGN_OR_RETURN(const Floats instead,
                   OfFeatures(speller, "imputed_value_floats"));
  ASSIGN_OR_RETURN(const float replaced,
                   speller.FloatOr("replaced_value_float", 0));
  const int x = speller.input(0);
  if (instead.empty() || speller.dtype(x) != DataType::kF32) {
    return speller.Unsupported("it imputes no FP32");
  }
  ASSIGN_OR_RETURN(const int known,
                   speller.KnownNumbers(DataType::kF32, instead));
  int is_missing = 0;
  if (std::isnan(replaced)) {
    is_missing = speller.Add("IsNaN", {x});
  } else {
    ASSIGN_OR_RETURN(const int mark,
                     speller.KnownNumber(DataType::kF32, replaced));
    is_missing = speller.Add("Equal", {x, mark});
  }
  speller.Finish(speller.Add("Where", {is_missing, known, x}));
  return absl::OkStatus();
}

absl::Status SpellNormalizer(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"norm"}));
  ASSIGN_OR_RETURN(const std::string norm, speller.StringOr("norm", "MAX"));
  const int x = AsFloats(speller, speller.input(0));
  const char* op_type = norm == "L1"   ? "ReduceL1"
                        : norm == "L2" ? "ReduceL2"
                                       : "ReduceMax";
  if (norm != "L1" && norm != "L2" && norm != "MAX") {
    return speller.Unsupported("its norm is not supported");
  }
  const int size = speller.Add(
      op_type, {x},
      {{"axes", std::vector<int64_t>{-1}}, {"keepdims", int64_t{1}}});
  // Where all is 0, all stays.
  ASSIGN_OR_RETURN(const int zero, speller.KnownNumber(DataType::kF32, 0));
  const int is_zero = speller.Add("Equal", {size, zero});
  speller.Finish(
      speller.Add("Where", {is_zero, x, speller.Add("Div", {x, size})}));
  return absl::OkStatus();
}

absl::Status SpellFeatureVectorizer(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"inputdimensions"}));
  std::vector<int> columns;
  for (size_t i = 0; i < speller.node().inputs.size(); ++i) {
    if (speller.shape(speller.input(i)).size() != 2) {
      return speller.Unsupported("its inputs are no tables [rows, features]");
    }
    columns.push_back(AsFloats(speller, speller.input(i)));
  }
  speller.Finish(
      speller.Add("Concat", std::move(columns), {{"axis", int64_t{1}}}));
  return absl::OkStatus();
}

// Of one row, a list of indices makes a row.
absl::Status SpellArrayFeatureExtractor(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({}));
  const Shape shape = speller.shape(speller.input(0));
  const Shape places = speller.shape(speller.input(1));
  int64_t count = 1;
  for (const int64_t size : places) count *= size;
  ASSIGN_OR_RETURN(const int list, speller.Reshaped(speller.input(1), {count}));
  if (shape.empty()) return speller.Unsupported("its input is a scalar");
  const auto last = static_cast<int64_t>(shape.size()) - 1;
  int y = speller.Add("Gather", {speller.input(0), list}, {{"axis", last}});
  if (shape.size() == 1) {
    ASSIGN_OR_RETURN(y, speller.Reshaped(y, {1, count}));
  }
  speller.Finish(y);
  return absl::OkStatus();
}

absl::Status SpellLinearRegressor(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes(
      {"coefficients", "intercepts", "post_transform", "targets"}));
  ASSIGN_OR_RETURN(const int64_t targets, speller.IntOr("targets", 1));
  ASSIGN_OR_RETURN(const int scores, Linear(speller, targets));
  ASSIGN_OR_RETURN(const int y, PostTransformed(speller, scores));
  speller.Finish(y);
  return absl::OkStatus();
}

absl::Status SpellLinearClassifier(Speller& speller) {
  RETURN_IF_ERROR(
      speller.CheckAttributes({"classlabels_ints", "coefficients", "intercepts",
                               "multi_class", "post_transform"}));
  ASSIGN_OR_RETURN(const std::vector<int64_t> labels,
                   speller.ListOr<int64_t>("classlabels_ints", {}));
  if (labels.size() < 2) {
    return speller.Unsupported("only classes with integer labels are");
  }
  ASSIGN_OR_RETURN(const int scores,
                   Linear(speller, static_cast<int64_t>(labels.size())));
  if (speller.has_output(0)) {
    const int best = speller.Add(
        "ArgMax", {scores}, {{"axis", int64_t{1}}, {"keepdims", int64_t{0}}});
    ASSIGN_OR_RETURN(const int known, speller.KnownList(labels));
    speller.FinishOutput(
        0, speller.Add("Gather", {known, best}, {{"axis", int64_t{0}}}));
  }
  if (speller.has_output(1)) {
    ASSIGN_OR_RETURN(const int y, PostTransformed(speller, scores));
    speller.FinishOutput(1, y);
  }
  return absl::OkStatus();
}

}  // namespace layerd
