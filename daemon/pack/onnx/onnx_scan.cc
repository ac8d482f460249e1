#include "daemon/pack/onnx/onnx_scan.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/source_file.h"
#include "daemon/pack/onnx/file_kind.h"
#include "daemon/pack/onnx/inline_functions.h"
#include "daemon/pack/onnx/onnx_function.h"
#include "daemon/pack/onnx/onnx_header.h"
#include "daemon/pack/onnx/onnx_limits.h"
#include "daemon/pack/onnx/onnx_node_scan.h"
#include "daemon/pack/onnx/onnx_tensor_scan.h"
#include "daemon/pack/onnx/scanned_body.h"
#include "daemon/pack/onnx/wire_reader.h"
#include "kernels/tensor.h"
#include "onnx.pb.h"

namespace layerd {
namespace {

using onnx::FunctionProto;
using onnx::GraphProto;
using onnx::SparseTensorProto;
using onnx::TensorProto;
using onnx::TensorShapeProto;
using onnx::TypeProto;
using onnx::ValueInfoProto;

absl::StatusOr<OnnxDimension> ScanDimension(WireReader message) {
  OnnxDimension dimension;
  while (!message.AtEnd()) {
    ASSIGN_OR_RETURN(const WireField field, message.Next());
    if (field.number == TensorShapeProto::Dimension::kDimValueFieldNumber) {
      const auto value = static_cast<int64_t>(field.value);
      // Some exporters write 0 or -1 where a dimension is free.
      dimension.value = value > 0 ? std::optional(value) : std::nullopt;
    } else if (field.number ==
               TensorShapeProto::Dimension::kDimParamFieldNumber) {
      ASSIGN_OR_RETURN(
          dimension.parameter,
          message.ReadString(field, kNameBytesMax, "a dimension's name"));
    }
  }
  return dimension;
}

absl::Status ScanShape(WireReader message, OnnxValueInfo& info) {
  info.shape.emplace();
  while (!message.AtEnd()) {
    ASSIGN_OR_RETURN(const WireField field, message.Next());
    if (field.number != TensorShapeProto::kDimFieldNumber) continue;
    RETURN_IF_ERROR(CheckBytesField(field, "dimension"));
    if (info.shape->size() == kRankMax) {
      return absl::UnimplementedError(
          absl::StrFormat("more than %d dimensions", kRankMax));
    }
    ASSIGN_OR_RETURN(OnnxDimension dimension,
                     ScanDimension(message.Within(field)));
    info.shape->push_back(std::move(dimension));
  }
  return absl::OkStatus();
}

absl::Status ScanTensorType(WireReader message, OnnxValueInfo& info) {
  while (!message.AtEnd()) {
    ASSIGN_OR_RETURN(const WireField field, message.Next());
    if (field.number == TypeProto::Tensor::kElemTypeFieldNumber) {
      ASSIGN_OR_RETURN(info.dtype,
                       TypeOfOnnx(static_cast<int64_t>(field.value)));
    } else if (field.number == TypeProto::Tensor::kShapeFieldNumber) {
      RETURN_IF_ERROR(CheckBytesField(field, "shape"));
      RETURN_IF_ERROR(ScanShape(message.Within(field), info));
    }
  }
  return absl::OkStatus();
}

// By its field in a TypeProto.
const char* WhyNoTensor(uint32_t field) {
  switch (field) {
    case 4:
      return "is a sequence and no tensor, which is not supported; make each "
             "element an input or output of its own (skl2onnx writes tensors "
             "with options={\"zipmap\": False})";
    case 5:
      return "is a map and no tensor, which is not supported (skl2onnx writes "
             "tensors with options={\"zipmap\": False})";
    case 8:
      return "is a sparse tensor, which is not supported; make it a dense one";
    case 9:
      return "is optional, which is not supported; export the model with it or "
             "without it";
    default:
      return "is no tensor, which is not supported";
  }
}

absl::Status ScanType(WireReader message, OnnxValueInfo& info) {
  constexpr uint32_t kDenotation = 6;
  while (!message.AtEnd()) {
    ASSIGN_OR_RETURN(const WireField field, message.Next());
    if (field.number == kDenotation) continue;
    if (field.number != TypeProto::kTensorTypeFieldNumber) {
      return absl::UnimplementedError(WhyNoTensor(field.number));
    }
    RETURN_IF_ERROR(CheckBytesField(field, "tensor type"));
    RETURN_IF_ERROR(ScanTensorType(message.Within(field), info));
  }
  return absl::OkStatus();
}

// Scans the model's graph, or the nodes of a function.
class GraphScanner {
 public:
  // `body` is the graph's, or a function's.
  GraphScanner(OnnxModel* model, ScannedBody* body, NodeSurroundings around)
      : model_(model),
        body_(body),
        around_(std::move(around)),
        held_bytes_(around_.held_bytes) {
    around_.scan_branch = [this](const WireReader& graph) {
      return AddBranch(graph);
    };
  }
  GraphScanner(const GraphScanner&) = delete;
  GraphScanner& operator=(const GraphScanner&) = delete;

  absl::Status ScanNodes(WireReader function) {
    while (!function.AtEnd()) {
      ASSIGN_OR_RETURN(const WireField field, function.Next());
      if (field.number != FunctionProto::kNodeFieldNumber) continue;
      RETURN_IF_ERROR(CheckBytesField(field, "node"));
      RETURN_IF_ERROR(AddNode(function.Within(field)));
    }
    return absl::OkStatus();
  }

  absl::Status Scan(WireReader graph) {
    while (!graph.AtEnd()) {
      ASSIGN_OR_RETURN(const WireField field, graph.Next());
      RETURN_IF_ERROR(ScanField(graph, field));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status ScanField(WireReader& graph, const WireField& field) {
    switch (field.number) {
      case GraphProto::kNameFieldNumber: {
        if (branch_ != kNoBranch) return absl::OkStatus();
        ASSIGN_OR_RETURN(model_->graph_name,
                         graph.ReadString(field, kNameBytesMax, "its name"));
        return absl::OkStatus();
      }
      case GraphProto::kNodeFieldNumber:
        RETURN_IF_ERROR(CheckBytesField(field, "node"));
        return AddNode(graph.Within(field));
      case GraphProto::kInitializerFieldNumber:
        RETURN_IF_ERROR(CheckBytesField(field, "initializer"));
        return AddInitializer(graph.Within(field));
      case GraphProto::kInputFieldNumber:
        RETURN_IF_ERROR(CheckBytesField(field, "input"));
        if (branch_ != kNoBranch) {
          return AddEdge(graph.Within(field), "input", BranchAtHand().inputs);
        }
        return AddValueInfo(graph.Within(field), "input", model_->inputs);
      case GraphProto::kOutputFieldNumber:
        RETURN_IF_ERROR(CheckBytesField(field, "output"));
        if (branch_ != kNoBranch) {
          return AddEdge(graph.Within(field), "output", BranchAtHand().outputs);
        }
        return AddValueInfo(graph.Within(field), "output", model_->outputs);
      case GraphProto::kSparseInitializerFieldNumber:
        RETURN_IF_ERROR(CheckBytesField(field, "sparse initializer"));
        return RefuseSparse(graph.Within(field));
      default:
        return absl::OkStatus();
    }
  }

  absl::Status AddNode(const WireReader& message) {
    RETURN_IF_ERROR(CheckCount(body_->nodes.size(), kNodesMax, "nodes"));
    ASSIGN_OR_RETURN(ScannedNode node,
                     ScanNode(message, body_->nodes.size(), around_));
    node.branch = branch_;
    body_->nodes.push_back(std::move(node));
    return absl::OkStatus();
  }

  absl::StatusOr<int> AddBranch(const WireReader& graph) {
    RETURN_IF_ERROR(
        CheckCount(body_->branches.size(), kBranchesMax, "branches"));
    if (depth_ == kBranchDepthMax) {
      return absl::InvalidArgumentError(
          absl::StrFormat("branches lie more than %d deep", kBranchDepthMax));
    }
    RETURN_IF_ERROR(held_bytes_->Take(sizeof(OnnxBranch)));
    const int index = static_cast<int>(body_->branches.size());
    const int parent = std::exchange(branch_, index);
    body_->branches.emplace_back().parent = parent;
    ++depth_;
    const absl::Status scanned = Scan(graph);
    --depth_;
    branch_ = parent;
    RETURN_IF_ERROR(scanned);
    return index;
  }

  OnnxBranch& BranchAtHand() {
    return body_->branches[static_cast<size_t>(branch_)];
  }

  // Of a branch, whose types follow from what is around it.
  absl::Status AddEdge(WireReader message, const char* kind,
                       std::vector<std::string>& edges) {
    RETURN_IF_ERROR(CheckCount(edges.size(), kNodeEdgesMax / 2, kind));
    std::string& name = edges.emplace_back();
    while (!message.AtEnd()) {
      ASSIGN_OR_RETURN(const WireField field, message.Next());
      if (field.number != ValueInfoProto::kNameFieldNumber) continue;
      ASSIGN_OR_RETURN(name,
                       message.ReadString(field, kNameBytesMax, "a name"));
    }
    return held_bytes_->Take(sizeof(std::string) + name.size());
  }

  absl::Status AddInitializer(const WireReader& message) {
    RETURN_IF_ERROR(
        CheckCount(body_->initializers.size(), kTensorsMax, "initializers"));
    ASSIGN_OR_RETURN(OnnxTensor tensor, around_.tensors->Scan(message));
    tensor.branch = branch_;
    RETURN_IF_ERROR(held_bytes_->Take(sizeof(OnnxTensor) + tensor.name.size()));
    body_->initializers.push_back(std::move(tensor));
    return absl::OkStatus();
  }

  absl::Status AddValueInfo(WireReader message, const char* kind,
                            std::vector<OnnxValueInfo>& infos) {
    RETURN_IF_ERROR(CheckCount(infos.size(), kGraphInputsMax, kind));
    OnnxValueInfo info;
    std::optional<WireField> type;
    while (!message.AtEnd()) {
      ASSIGN_OR_RETURN(const WireField field, message.Next());
      if (field.number == ValueInfoProto::kNameFieldNumber) {
        ASSIGN_OR_RETURN(info.name,
                         message.ReadString(field, kNameBytesMax, kind));
      } else if (field.number == ValueInfoProto::kTypeFieldNumber) {
        RETURN_IF_ERROR(CheckBytesField(field, "type"));
        type = field;
      }
    }
    if (type) {
      const absl::Status typed = ScanType(message.Within(*type), info);
      if (!typed.ok()) {
        return absl::Status(
            typed.code(),
            absl::StrFormat("%s \"%s\": %s", kind, Printable(info.name),
                            std::string(typed.message())));
      }
    }
    uint64_t bytes = sizeof(OnnxValueInfo) + info.name.size();
    if (info.shape) {
      for (const OnnxDimension& dimension : *info.shape) {
        bytes += sizeof(OnnxDimension) + dimension.parameter.size();
      }
    }
    RETURN_IF_ERROR(held_bytes_->Take(bytes));
    infos.push_back(std::move(info));
    return absl::OkStatus();
  }

  static absl::Status RefuseSparse(WireReader message) {
    std::string name;
    while (!message.AtEnd()) {
      ASSIGN_OR_RETURN(const WireField field, message.Next());
      if (field.number != SparseTensorProto::kValuesFieldNumber) continue;
      RETURN_IF_ERROR(CheckBytesField(field, "sparse tensor"));
      ASSIGN_OR_RETURN(
          name, StringOf(message.Within(field), TensorProto::kNameFieldNumber));
    }
    return absl::UnimplementedError(absl::StrFormat(
        "sparse initializer \"%s\": sparse weights are not supported", name));
  }

  static absl::Status CheckCount(size_t count, size_t max, const char* what) {
    if (count < max) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrFormat("has more than %d %s", max, what));
  }

  OnnxModel* model_;
  ScannedBody* body_;
  NodeSurroundings around_;
  Allowance* held_bytes_;
  int branch_ = kNoBranch;  // That is being scanned.
  int depth_ = 0;
};

// Names the file, and what it is in truth.
absl::Status AboutFile(const SourceFile& file, const absl::Status& refusal) {
  const std::string kind =
      absl::IsInvalidArgument(refusal) ? OtherKindOf(file) : std::string();
  std::string message(refusal.message());
  if (!kind.empty()) {
    message = absl::StrCat("not an ONNX file: it ", kind);
  }
  if (!absl::StartsWith(message, file.path)) {
    message = absl::StrCat(file.path, ": ", message);
  }
  return absl::Status(refusal.code(), message);
}

// Scans all that a file says, then writes functions out.
class ModelScanner {
 public:
  ModelScanner(OnnxModel* model, Allowance* held_bytes)
      : model_(model), held_bytes_(held_bytes), tensors_(model, held_bytes) {}

  absl::Status Scan() {
    FileWindow window(model_->files.front().get());
    const WireReader file(&window);
    const absl::StatusOr<OnnxHeader> read = ReadHeader(file);
    if (!read.ok()) return AboutFile(window.file(), read.status());
    const OnnxHeader& header = *read;
    model_->opset = *header.opset;
    RETURN_IF_ERROR(ScanFunctions(file, header));
    ScannedBody body;
    GraphScanner graph(model_, &body, Surroundings(model_->opset, false));
    RETURN_IF_ERROR(graph.Scan(file.Within(*header.graph)));
    return InlineFunctions(functions_, std::move(body), *held_bytes_, *model_);
  }

 private:
  // Names first, for they may call each other.
  absl::Status ScanFunctions(const WireReader& file, const OnnxHeader& header) {
    for (const WireField& field : header.functions) {
      ASSIGN_OR_RETURN(OnnxFunction function,
                       ScanFunction(file.Within(field), model_->opset, tensors_,
                                    *held_bytes_));
      const int index = static_cast<int>(functions_.size());
      if (!indices_.emplace(KeyOf(function), index).second) {
        return absl::InvalidArgumentError(absl::StrFormat(
            "function \"%s\" of domain \"%s\" is there twice",
            Printable(function.name), Printable(function.domain)));
      }
      functions_.push_back(std::move(function));
    }
    for (size_t i = 0; i < functions_.size(); ++i) {
      OnnxFunction& function = functions_[i];
      GraphScanner nodes(model_, &function, Surroundings(function.opset, true));
      RETURN_IF_ERROR(nodes.ScanNodes(file.Within(header.functions[i])));
    }
    return absl::OkStatus();
  }

  NodeSurroundings Surroundings(int64_t opset, bool is_function) {
    NodeSurroundings around;
    around.opset = opset;
    around.is_function = is_function;
    around.tensors = &tensors_;
    around.held_bytes = held_bytes_;
    around.find_function = [this](const ScannedNode& node) {
      if (indices_.empty()) return kNoFunction;
      const auto known = indices_.find(KeyOf(node));
      return known == indices_.end() ? kNoFunction : known->second;
    };
    return around;
  }

  OnnxModel* model_;
  Allowance* held_bytes_;
  TensorScanner tensors_;
  std::vector<OnnxFunction> functions_;
  std::map<FunctionKey, int> indices_;
};

}  // namespace

absl::StatusOr<OnnxModel> ScanOnnx(const std::string& path,
                                   Allowance& held_bytes) {
  OnnxModel model;
  ASSIGN_OR_RETURN(auto file, OpenSource(path));
  model.files.push_back(std::move(file));
  RETURN_IF_ERROR(ModelScanner(&model, &held_bytes).Scan());
  return model;
}

}  // namespace layerd
