#include "test/conformance/backend_case.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <span>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/onnx/onnx_scan.h"
#include "onnx.pb.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

// Inputs of an operator, from the first to the last, that layerd may ask to
// know while packing: they decide a shape, or are weights.
const std::map<std::string, std::pair<int, int>>& KnownInputs() {
  static const std::map<std::string, std::pair<int, int>> inputs = {
      {"AffineGrid", {1, 1}},
      {"BatchNormalization", {1, 4}},
      {"BlackmanWindow", {0, 0}},
      {"CenterCropPad", {1, 1}},
      {"Clip", {1, 2}},
      {"Col2Im", {1, 2}},
      {"Compress", {1, 1}},
      {"ConstantOfShape", {0, 0}},
      {"Conv", {1, 2}},
      {"ConvTranspose", {1, 2}},
      {"CumSum", {1, 1}},
      {"DFT", {1, 2}},
      {"Dropout", {1, 2}},
      {"Expand", {1, 1}},
      {"GRU", {1, 4}},
      {"GroupNormalization", {1, 2}},
      {"HammingWindow", {0, 0}},
      {"HannWindow", {0, 0}},
      {"InstanceNormalization", {1, 2}},
      {"LSTM", {1, 7}},
      {"LayerNormalization", {1, 2}},
      {"MaxUnpool", {2, 2}},
      {"MelWeightMatrix", {0, 4}},
      {"NonZero", {0, 0}},
      {"OneHot", {1, 2}},
      {"PRelu", {1, 1}},
      {"Pad", {1, 3}},
      {"Pow", {1, 1}},
      {"RNN", {1, 4}},
      {"Range", {0, 2}},
      {"ReduceL1", {1, 1}},
      {"ReduceL2", {1, 1}},
      {"ReduceLogSum", {1, 1}},
      {"ReduceLogSumExp", {1, 1}},
      {"ReduceMax", {1, 1}},
      {"ReduceMean", {1, 1}},
      {"ReduceMin", {1, 1}},
      {"ReduceProd", {1, 1}},
      {"ReduceSum", {1, 1}},
      {"ReduceSumSquare", {1, 1}},
      {"Reshape", {1, 1}},
      {"Resize", {1, 3}},
      {"STFT", {1, 3}},
      {"Scatter", {1, 1}},
      {"ScatterElements", {1, 1}},
      {"ScatterND", {1, 1}},
      {"Slice", {1, 4}},
      {"Split", {1, 1}},
      {"Squeeze", {1, 1}},
      {"Tile", {1, 1}},
      {"TopK", {1, 1}},
      {"Trilu", {1, 1}},
      {"Unsqueeze", {1, 1}},
      {"Upsample", {1, 1}},
  };
  return inputs;
}

bool IsFree(const onnx::ValueInfoProto& input) {
  const auto& shape = input.type().tensor_type().shape();
  return std::any_of(
      shape.dim().begin(), shape.dim().end(),
      [](const auto& dimension) { return dimension.dim_value() <= 0; });
}

void AddInputs(const onnx::GraphProto& graph, BackendCase* found) {
  std::set<std::string> weights;
  for (const auto& tensor : graph.initializer()) weights.insert(tensor.name());
  for (const auto& input : graph.input()) {
    if (weights.count(input.name()) > 0) continue;
    found->inputs.push_back(input.name());
    if (IsFree(input)) found->free_shapes.insert(input.name());
  }
}

void AddOperators(const onnx::GraphProto& graph, BackendCase* found) {
  found->is_core = true;
  for (const onnx::NodeProto& node : graph.node()) {
    found->operators.insert(node.op_type());
    found->is_core = found->is_core &&
                     (node.domain().empty() || node.domain() == "ai.onnx") &&
                     CoreOperators().count(node.op_type()) > 0;
    const auto decides = KnownInputs().find(node.op_type());
    if (decides == KnownInputs().end()) continue;
    const auto [first, last] = decides->second;
    for (int i = first; i <= std::min(last, node.input_size() - 1); ++i) {
      if (std::count(found->inputs.begin(), found->inputs.end(),
                     node.input(i)) > 0) {
        found->known_values.insert(node.input(i));
      }
    }
  }
}

BackendCase Describe(const std::filesystem::path& folder) {
  BackendCase found;
  found.folder = folder;
  found.name = folder.parent_path().filename() / folder.filename();
  onnx::ModelProto model;
  // One that does not parse has no operators; packing says what it is.
  if (!model.ParseFromString(ReadFile(folder / "model.onnx"))) return found;
  AddInputs(model.graph(), &found);
  AddOperators(model.graph(), &found);
  return found;
}

template <typename T, typename Field>
std::vector<std::byte> BytesOf(const Field& field) {
  std::vector<std::byte> bytes;
  for (const auto element : field) {
    const T narrow = static_cast<T>(element);
    const auto* begin = reinterpret_cast<const std::byte*>(&narrow);
    bytes.insert(bytes.end(), begin, begin + sizeof(T));
  }
  return bytes;
}

// Of the typed fields.
std::vector<std::byte> ElementsOf(const onnx::TensorProto& tensor,
                                  DataType dtype) {
  switch (dtype) {
    case DataType::kF32:
      return BytesOf<float>(tensor.float_data());
    case DataType::kF64:
      return BytesOf<double>(tensor.double_data());
    case DataType::kI64:
      return BytesOf<int64_t>(tensor.int64_data());
    case DataType::kU64:
      return BytesOf<uint64_t>(tensor.uint64_data());
    case DataType::kU32:
      return BytesOf<uint32_t>(tensor.uint64_data());
    case DataType::kI32:
      return BytesOf<int32_t>(tensor.int32_data());
    case DataType::kI16:
    case DataType::kU16:
    case DataType::kF16:
    case DataType::kBF16:
      return BytesOf<uint16_t>(tensor.int32_data());
    case DataType::kBool:
    case DataType::kI8:
    case DataType::kU8:
      return BytesOf<uint8_t>(tensor.int32_data());
  }
  return {};
}

absl::StatusOr<HeldTensor> ReadTensor(const std::string& path) {
  onnx::TensorProto proto;
  if (!proto.ParseFromString(ReadFile(path))) {
    return absl::UnimplementedError(absl::StrFormat("%s: no tensor", path));
  }
  HeldTensor tensor;
  ASSIGN_OR_RETURN(tensor.dtype, TypeOfOnnx(proto.data_type()));
  tensor.shape.assign(proto.dims().begin(), proto.dims().end());
  const std::optional<int64_t> count = ElementCount(tensor.shape);
  if (proto.has_raw_data()) {
    const auto raw = std::as_bytes(std::span(proto.raw_data()));
    tensor.bytes.assign(raw.begin(), raw.end());
  } else {
    tensor.bytes = ElementsOf(proto, tensor.dtype);
  }
  if (!count || tensor.bytes.size() !=
                    static_cast<size_t>(*count) * SizeOf(tensor.dtype)) {
    return absl::UnimplementedError(
        absl::StrFormat("%s: no tensor of its own shape", path));
  }
  return tensor;
}

// input_0.pb, input_1.pb, ... up to the first that is not there.
absl::StatusOr<std::vector<HeldTensor>> ReadTensors(const std::string& stem) {
  std::vector<HeldTensor> tensors;
  for (int i = 0;; ++i) {
    const std::string path = absl::StrFormat("%s_%d.pb", stem, i);
    if (!std::filesystem::exists(path)) return tensors;
    ASSIGN_OR_RETURN(HeldTensor tensor, ReadTensor(path));
    tensors.push_back(std::move(tensor));
  }
}

}  // namespace

const std::set<std::string>& CoreOperators() {
  static const std::set<std::string> operators = {
      "Add",         "AveragePool", "BatchNormalization",
      "Cast",        "Clip",        "Concat",
      "Constant",    "Conv",        "ConstantOfShape",
      "Div",         "Dropout",     "ConvTranspose",
      "Equal",       "Erf",         "DepthToSpace",
      "Exp",         "Expand",      "Flatten",
      "Gather",      "Gelu",        "Gemm",
      "HardSigmoid", "HardSwish",   "GlobalAveragePool",
      "Identity",    "LRN",         "LayerNormalization",
      "LeakyRelu",   "Log",         "MatMul",
      "Max",         "MaxPool",     "Min",
      "Mish",        "Mul",         "Neg",
      "PRelu",       "Pad",         "Pow",
      "ReduceMax",   "ReduceMean",  "ReduceSum",
      "Relu",        "Reshape",     "Resize",
      "Shape",       "Sigmoid",     "Slice",
      "Softmax",     "Softplus",    "Split",
      "Sqrt",        "Squeeze",     "Sub",
      "Sum",         "Tanh",        "Transpose",
      "Unsqueeze",   "Where",
  };
  return operators;
}

std::vector<BackendCase> FindCases(const std::string& root) {
  std::vector<BackendCase> cases;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(root, error)) {
    if (entry.path().filename() != "model.onnx") continue;
    cases.push_back(Describe(entry.path().parent_path()));
  }
  std::sort(cases.begin(), cases.end(),
            [](const BackendCase& a, const BackendCase& b) {
              return a.name < b.name;
            });
  return cases;
}

std::vector<std::string> DataSetFolders(const BackendCase& backend_case) {
  std::vector<std::string> folders;
  for (const auto& entry :
       std::filesystem::directory_iterator(backend_case.folder)) {
    if (entry.is_directory()) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

absl::StatusOr<DataSet> ReadDataSet(const std::string& folder) {
  DataSet set;
  ASSIGN_OR_RETURN(set.inputs, ReadTensors(folder + "/input"));
  ASSIGN_OR_RETURN(set.outputs, ReadTensors(folder + "/output"));
  return set;
}

}  // namespace layerd
