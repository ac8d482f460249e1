#include "daemon/pack/operators/node_check.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/onnx/onnx_limits.h"

namespace layerd {
namespace {

struct Reason {
  std::string_view op_type;  // Or a domain.
  const char* why;
};
constexpr const char* kCountsBoxes =
    "how many results it has depends on data of each request, which is not "
    "supported; export the model up to its inputs (boxes and scores), and do "
    "this in the client";
constexpr const char* kCountsResults =
    "how many results it has depends on data of each request, which is not "
    "supported; export the model up to its input, and do this in the client";
constexpr const char* kLacksBody = "it has no body";
constexpr const char* kRandom =
    "it draws random numbers: a request would not get the same answer twice; "
    "make them an input of the model";
constexpr const char* kReadsWords =
    "it takes words apart, which is not supported; do this in the client and "
    "export the model from its result on";
constexpr const char* kSearches =
    "how often it asks its decoder depends on data of each request, which is "
    "not supported; export the decoder alone, and search in the client";
constexpr const char* kSharesPast =
    "its past lies in a buffer that it writes to, which is not supported; "
    "export with a past that is an input, and a present that is an output";
constexpr const char* kChoosesExperts =
    "experts that it chooses from are not supported; export them as the matrix "
    "products that they are (each token with all, or with a Gather of weights)";
// clang-format off
constexpr Reason kReasons[] = {
    {"Bernoulli", kRandom},
    {"Loop", kLacksBody},
    {"Multinomial", kRandom},
    {"NonMaxSuppression", kCountsBoxes},
    {"RandomNormal", kRandom},
    {"RandomNormalLike", kRandom},
    {"RandomUniform", kRandom},
    {"RandomUniformLike", kRandom},
    {"Scan", kLacksBody},
    {"StringNormalizer", kReadsWords},
    {"TfIdfVectorizer", kReadsWords},
    {"Unique", kCountsResults},
    {"com.microsoft.BeamSearch", kSearches},
    {"com.microsoft.DecoderMaskedMultiHeadAttention", kSharesPast},
    {"com.microsoft.DecoderMaskedSelfAttention", kSharesPast},
    {"com.microsoft.GreedySearch", kSearches},
    {"com.microsoft.MatMulBnb4", "weights of this kind of four bits are not supported; quantise the model with MatMulNBits"},
    {"com.microsoft.MoE", kChoosesExperts},
    {"com.microsoft.QMoE", kChoosesExperts},
    {"com.microsoft.Sampling", kSearches},
    {"com.microsoft.Unique", kCountsResults},
    {"com.microsoft.WhisperBeamSearch", kSearches},
};
// clang-format on

// Whose operators strangers are, and how to do without them.
constexpr char kOptimised[] =
    "it is ONNX Runtime's own: if its optimiser wrote it, use the model from "
    "before or optimise with its basic level alone; if not, export without it";
constexpr Reason kDomains[] = {
    {"ai.onnx.ml",
     "it belongs to classical models (trees, support vectors, tables of "
     "words), of which only linear ones and what scales numbers are supported; "
     "compute it in the client, for example with ONNX Runtime"},
    {"com.microsoft", kOptimised},
    {"com.microsoft.nchwc", kOptimised},
};

absl::Status RefuseDomain(const Node& node, std::string_view domain) {
  std::string why = absl::StrFormat(
      "the operator is of domain \"%s\" and not supported", Printable(domain));
  for (const Reason& known : kDomains) {
    if (known.op_type == domain) absl::StrAppend(&why, "; ", known.why);
  }
  return Refuse(node, why);
}

}  // namespace

absl::StatusOr<int64_t> IntOr(const Node& node, const char* name,
                              int64_t otherwise) {
  const auto found = node.attributes.find(name);
  if (found == node.attributes.end()) return otherwise;
  if (const auto* value = std::get_if<int64_t>(&found->second)) return *value;
  return absl::InvalidArgumentError(
      absl::StrCat(Describe(node), ": attribute ", name, " is no integer"));
}

absl::Status Refuse(const Node& node, const std::string& why) {
  return absl::UnimplementedError(absl::StrCat(Describe(node), ": ", why));
}

absl::Status RefuseOperator(const Node& node) {
  for (const Reason& reason : kReasons) {
    if (reason.op_type == node.op_type) return Refuse(node, reason.why);
  }
  const size_t dot = node.op_type.rfind('.');
  if (dot != std::string::npos) {
    return RefuseDomain(node, std::string_view(node.op_type).substr(0, dot));
  }
  return Refuse(node, "the operator is not supported");
}

namespace {

absl::Status CheckNotEmpty(const Node& node, const std::vector<int>& edges,
                           const Graph& graph, const char* kind) {
  for (const int edge : edges) {
    if (edge == kAbsent) continue;
    const Value& value = graph.values[static_cast<size_t>(edge)];
    if (*ElementCount(*value.shape) != 0) continue;
    return Refuse(
        node, absl::StrFormat("its %s [%s] is empty, which is not supported",
                              kind, absl::StrJoin(*value.shape, ", ")));
  }
  return absl::OkStatus();
}

bool IsComputedWith(DataType dtype, Lowers lowers) {
  switch (dtype) {
    case DataType::kF16:
    case DataType::kBF16:
    case DataType::kF32:
      return true;
    case DataType::kF64:
      return lowers == Lowers::kNumbers;
    case DataType::kU64:
      return false;
    default:
      return lowers == Lowers::kNumbers;
  }
}

}  // namespace

absl::Status CheckComputes(const Node& node, const OperatorRow& row,
                           const Graph& graph) {
  RETURN_IF_ERROR(CheckNotEmpty(node, node.inputs, graph, "input"));
  RETURN_IF_ERROR(CheckNotEmpty(node, node.outputs, graph, "output"));
  if (row.lowers == Lowers::kAny) return absl::OkStatus();
  for (const int input : node.inputs) {
    if (input == kAbsent) continue;
    const DataType dtype = *graph.values[static_cast<size_t>(input)].dtype;
    if (IsComputedWith(dtype, row.lowers)) continue;
    return Refuse(node,
                  absl::StrFormat("it computes with %s; FP16 and FP32 are "
                                  "supported (export the model as FP32)",
                                  NameOf(dtype)));
  }
  return absl::OkStatus();
}

absl::Status CheckArity(const Node& node, const OperatorRow& row) {
  const size_t inputs = node.inputs.size();
  const bool is_listed = inputs >= row.inputs_min && inputs <= row.inputs_max &&
                         !node.outputs.empty() &&
                         node.outputs.size() <= row.outputs_max;
  // A list of any length has no gaps.
  const size_t needed =
      row.inputs_max == kNodeEdgesMax ? inputs : row.inputs_min;
  const bool has_output =
      is_listed && (row.gaps == Gaps::kAny || node.outputs[0] != kAbsent);
  if (has_output &&
      std::find(node.inputs.begin(),
                node.inputs.begin() + static_cast<int64_t>(needed), kAbsent) ==
          node.inputs.begin() + static_cast<int64_t>(needed)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s: %d inputs and %d outputs, or a needed one left out; the operator "
      "has %d to %d inputs and 1 to %d outputs",
      Describe(node), inputs, node.outputs.size(), row.inputs_min,
      row.inputs_max, row.outputs_max));
}

namespace {

// Opset 7 gave these another meaning or other attributes: numpy's broadcasting,
// inference without being told. All others stayed as they were in opset 6.
constexpr std::array<std::string_view, 20> kChangedInOpset7 = {
    "Add",  "And",     "AveragePool", "BatchNormalization",
    "Div",  "Dropout", "Equal",       "GRU",
    "Gemm", "Greater", "LSTM",        "Less",
    "Mul",  "Or",      "PRelu",       "Pow",
    "RNN",  "Sub",     "Upsample",    "Xor"};

// Those that stayed as they were from opset 1 to 6 as well.
constexpr std::array<std::string_view, 26> kUnchangedUntilOpset7 = {
    "ArgMax",        "ArgMin",       "Constant",   "Conv",
    "ConvTranspose", "DepthToSpace", "Flatten",    "GlobalAveragePool",
    "GlobalMaxPool", "Identity",     "LRN",        "LogSoftmax",
    "MaxPool",       "ReduceMax",    "ReduceMean", "ReduceMin",
    "ReduceProd",    "ReduceSum",    "Shape",      "Size",
    "Softmax",       "Softplus",     "Softsign",   "SpaceToDepth",
    "Squeeze",       "Transpose"};

}  // namespace

absl::Status UpgradeToOpset7(Node& node) {
  if (node.opset >= 7) return absl::OkStatus();
  if (node.opset < 6 &&
      std::find(kUnchangedUntilOpset7.begin(), kUnchangedUntilOpset7.end(),
                node.op_type) == kUnchangedUntilOpset7.end()) {
    return Refuse(node,
                  "before opset 6 it is not supported (onnx.version_converter "
                  "converts)");
  }
  if (std::find(kChangedInOpset7.begin(), kChangedInOpset7.end(),
                node.op_type) != kChangedInOpset7.end()) {
    return Refuse(node,
                  "before opset 7 it meant something else, which is not "
                  "supported (onnx.version_converter converts)");
  }
  node.opset = 7;
  return absl::OkStatus();
}

}  // namespace layerd
