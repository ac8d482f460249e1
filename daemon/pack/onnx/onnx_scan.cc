#include "daemon/pack/onnx/onnx_scan.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/pack/graph/source_file.h"
#include "daemon/pack/onnx/onnx_limits.h"
#include "daemon/pack/onnx/onnx_node_scan.h"
#include "daemon/pack/onnx/onnx_tensor_scan.h"
#include "daemon/pack/onnx/wire_reader.h"
#include "kernels/tensor.h"
#include "onnx.pb.h"

namespace layerd {
namespace {

using onnx::FunctionProto;
using onnx::GraphProto;
using onnx::ModelProto;
using onnx::OperatorSetIdProto;
using onnx::SparseTensorProto;
using onnx::TensorAnnotation;
using onnx::TensorProto;
using onnx::TensorShapeProto;
using onnx::TypeProto;
using onnx::ValueInfoProto;

// The first string in field `number` of `message`, for errors.
absl::StatusOr<std::string> StringOf(WireReader message, uint32_t number) {
  while (!message.AtEnd()) {
    ASSIGN_OR_RETURN(const WireField field, message.Next());
    if (field.number != number) continue;
    ASSIGN_OR_RETURN(const std::string text,
                     message.ReadString(field, kNameBytesMax, "a name"));
    return Printable(text);
  }
  return std::string();
}

absl::Status CheckBytesField(const WireField& field, const char* what) {
  if (field.type == WireType::kBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("not an ONNX file: its %s is no message", what));
}

// What stands outside the graph.
struct Header {
  int64_t ir_version = 0;
  std::optional<int64_t> opset;
  std::optional<WireField> graph;
};

absl::Status AddOpset(WireReader message, Header& header) {
  std::string domain;
  int64_t version = 0;
  while (!message.AtEnd()) {
    ASSIGN_OR_RETURN(const WireField field, message.Next());
    if (field.number == OperatorSetIdProto::kDomainFieldNumber) {
      ASSIGN_OR_RETURN(domain,
                       message.ReadString(field, kNameBytesMax, "a domain"));
    } else if (field.number == OperatorSetIdProto::kVersionFieldNumber) {
      version = static_cast<int64_t>(field.value);
    }
  }
  // Other domains may be imported; who uses one is refused by name.
  if (!domain.empty() && domain != "ai.onnx") return absl::OkStatus();
  if (header.opset && *header.opset != version) {
    return absl::InvalidArgumentError(
        absl::StrFormat("imports opset %d and opset %d of the same domain",
                        *header.opset, version));
  }
  header.opset = version;
  return absl::OkStatus();
}

absl::Status RefuseFunction(const WireReader& message) {
  ASSIGN_OR_RETURN(const std::string name,
                   StringOf(message, FunctionProto::kNameFieldNumber));
  ASSIGN_OR_RETURN(const std::string domain,
                   StringOf(message, FunctionProto::kDomainFieldNumber));
  return absl::UnimplementedError(absl::StrFormat(
      "function \"%s\" of domain \"%s\": functions of a model are not "
      "supported; inline them before packing (onnx.inliner does)",
      name, domain));
}

absl::Status ReadHeaderField(const WireReader& message, const WireField& field,
                             Header& header) {
  switch (field.number) {
    case ModelProto::kIrVersionFieldNumber:
      header.ir_version = static_cast<int64_t>(field.value);
      return absl::OkStatus();
    case ModelProto::kOpsetImportFieldNumber:
      RETURN_IF_ERROR(CheckBytesField(field, "opset_import"));
      return AddOpset(message.Within(field), header);
    case ModelProto::kFunctionsFieldNumber:
      RETURN_IF_ERROR(CheckBytesField(field, "function"));
      return RefuseFunction(message.Within(field));
    case ModelProto::kGraphFieldNumber:
      RETURN_IF_ERROR(CheckBytesField(field, "graph"));
      if (header.graph) return absl::InvalidArgumentError("has two graphs");
      header.graph = field;
      return absl::OkStatus();
    default:
      return absl::OkStatus();
  }
}

absl::Status CheckHeader(const Header& header) {
  if (!header.graph || header.ir_version == 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("not an ONNX file: it has no %s",
                        header.graph ? "ir_version" : "graph"));
  }
  if (header.ir_version < kIrVersionMin || header.ir_version > kIrVersionMax) {
    return absl::UnimplementedError(
        absl::StrFormat("IR version %d; versions %d to %d are supported",
                        header.ir_version, kIrVersionMin, kIrVersionMax));
  }
  if (!header.opset) {
    return absl::InvalidArgumentError("imports no opset of the default domain");
  }
  if (*header.opset < kOpsetMin || *header.opset > kOpsetMax) {
    return absl::UnimplementedError(absl::StrFormat(
        "opset %d; opsets %d to %d are supported (onnx.version_converter "
        "converts others)",
        *header.opset, kOpsetMin, kOpsetMax));
  }
  return absl::OkStatus();
}

absl::StatusOr<Header> ReadHeader(WireReader message) {
  Header header;
  while (!message.AtEnd()) {
    ASSIGN_OR_RETURN(const WireField field, message.Next());
    RETURN_IF_ERROR(ReadHeaderField(message, field, header));
  }
  RETURN_IF_ERROR(CheckHeader(header));
  return header;
}

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

absl::Status ScanType(WireReader message, OnnxValueInfo& info) {
  constexpr uint32_t kDenotation = 6;
  while (!message.AtEnd()) {
    ASSIGN_OR_RETURN(const WireField field, message.Next());
    if (field.number == kDenotation) continue;
    if (field.number != TypeProto::kTensorTypeFieldNumber) {
      return absl::UnimplementedError(
          "is no tensor (a sequence, map, optional or sparse tensor)");
    }
    RETURN_IF_ERROR(CheckBytesField(field, "tensor type"));
    RETURN_IF_ERROR(ScanTensorType(message.Within(field), info));
  }
  return absl::OkStatus();
}

// Scans the parts of one graph into a model.
class GraphScanner {
 public:
  GraphScanner(OnnxModel* model, Allowance* held_bytes)
      : model_(model), held_bytes_(held_bytes), tensors_(model, held_bytes) {}

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
      case GraphProto::kQuantizationAnnotationFieldNumber:
        RETURN_IF_ERROR(CheckBytesField(field, "annotation"));
        return RefuseQuantization(graph.Within(field));
      default:
        return absl::OkStatus();
    }
  }

  absl::Status AddNode(const WireReader& message) {
    RETURN_IF_ERROR(CheckCount(model_->nodes.size(), kNodesMax, "nodes"));
    const auto scan_branch = [this](const WireReader& graph) {
      return AddBranch(graph);
    };
    ASSIGN_OR_RETURN(OnnxNode node,
                     ScanNode(message, model_->opset, model_->nodes.size(),
                              tensors_, scan_branch, *held_bytes_));
    node.branch = branch_;
    model_->nodes.push_back(std::move(node));
    return absl::OkStatus();
  }

  absl::StatusOr<int> AddBranch(const WireReader& graph) {
    RETURN_IF_ERROR(
        CheckCount(model_->branches.size(), kBranchesMax, "branches"));
    if (depth_ == kBranchDepthMax) {
      return absl::InvalidArgumentError(
          absl::StrFormat("branches lie more than %d deep", kBranchDepthMax));
    }
    RETURN_IF_ERROR(held_bytes_->Take(sizeof(OnnxBranch)));
    const int index = static_cast<int>(model_->branches.size());
    const int parent = std::exchange(branch_, index);
    model_->branches.emplace_back().parent = parent;
    ++depth_;
    const absl::Status scanned = Scan(graph);
    --depth_;
    branch_ = parent;
    RETURN_IF_ERROR(scanned);
    return index;
  }

  OnnxBranch& BranchAtHand() {
    return model_->branches[static_cast<size_t>(branch_)];
  }

  // Of a branch, whose types follow from what is around it.
  absl::Status AddEdge(const WireReader& message, const char* kind,
                       std::vector<std::string>& edges) {
    RETURN_IF_ERROR(CheckCount(edges.size(), kNodeEdgesMax / 2, kind));
    ASSIGN_OR_RETURN(std::string name,
                     StringOf(message, ValueInfoProto::kNameFieldNumber));
    RETURN_IF_ERROR(held_bytes_->Take(sizeof(std::string) + name.size()));
    edges.push_back(std::move(name));
    return absl::OkStatus();
  }

  absl::Status AddInitializer(const WireReader& message) {
    RETURN_IF_ERROR(
        CheckCount(model_->initializers.size(), kTensorsMax, "initializers"));
    ASSIGN_OR_RETURN(OnnxTensor tensor, tensors_.Scan(message));
    tensor.branch = branch_;
    RETURN_IF_ERROR(held_bytes_->Take(sizeof(OnnxTensor) + tensor.name.size()));
    model_->initializers.push_back(std::move(tensor));
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

  static absl::Status RefuseQuantization(const WireReader& message) {
    ASSIGN_OR_RETURN(
        const std::string name,
        StringOf(message, TensorAnnotation::kTensorNameFieldNumber));
    return absl::UnimplementedError(absl::StrFormat(
        "tensor \"%s\" is quantized (quantization_annotation); quantized "
        "models are not supported",
        name));
  }

  static absl::Status CheckCount(size_t count, size_t max, const char* what) {
    if (count < max) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrFormat("has more than %d %s", max, what));
  }

  OnnxModel* model_;
  Allowance* held_bytes_;
  TensorScanner tensors_;
  int branch_ = kNoBranch;  // That is being scanned.
  int depth_ = 0;
};

absl::StatusOr<Header> NamingFile(const WireReader& file,
                                  absl::StatusOr<Header> header) {
  const std::string& path = file.window()->file().path;
  if (header.ok() || absl::StartsWith(header.status().message(), path)) {
    return header;
  }
  return absl::Status(
      header.status().code(),
      absl::StrCat(path, ": ", std::string(header.status().message())));
}

absl::Status ScanInto(OnnxModel& model, Allowance& held_bytes) {
  FileWindow window(model.files.front().get());
  const WireReader file(&window);
  ASSIGN_OR_RETURN(const Header header, NamingFile(file, ReadHeader(file)));
  model.opset = *header.opset;
  return GraphScanner(&model, &held_bytes).Scan(file.Within(*header.graph));
}

}  // namespace

absl::StatusOr<OnnxModel> ScanOnnx(const std::string& path,
                                   Allowance& held_bytes) {
  OnnxModel model;
  ASSIGN_OR_RETURN(auto file, OpenSource(path));
  model.files.push_back(std::move(file));
  RETURN_IF_ERROR(ScanInto(model, held_bytes));
  return model;
}

}  // namespace layerd
