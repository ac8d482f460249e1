#include "daemon/pack/onnx/onnx_node_scan.h"

#include <bit>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/pack/onnx/onnx_header.h"
#include "daemon/pack/onnx/onnx_limits.h"
#include "onnx.pb.h"

namespace layerd {
namespace {

using onnx::AttributeProto;
using onnx::NodeProto;

using Attributes = std::map<std::string, AttributeValue>;

// The fields of an attribute; which of them counts, its type says.
struct Fields {
  std::string name, reference;
  int64_t type = AttributeProto::UNDEFINED;
  float f = 0;
  int64_t i = 0;
  std::string s;
  std::optional<WireField> t, g;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string> strings;
  int64_t seen_type = AttributeProto::UNDEFINED;  // What the fields suggest.
};

// How messages call attributes that are not taken.
const char* NameOfOther(int64_t type) {
  switch (type) {
    case AttributeProto::GRAPH:
    case AttributeProto::GRAPHS:
      return "a graph, which only If, Loop and Scan may have";
    case AttributeProto::SPARSE_TENSOR:
    case AttributeProto::SPARSE_TENSORS:
      return "a sparse tensor, which is not supported";
    case AttributeProto::TENSORS:
      return "a list of tensors, which is not supported";
    case AttributeProto::TYPE_PROTO:
    case AttributeProto::TYPE_PROTOS:
      return "a type, which is not supported";
    default:
      return "of a kind unknown to layerd";
  }
}

class AttributeScanner {
 public:
  explicit AttributeScanner(const NodeSurroundings* around)
      : around_(*around),
        tensors_(around->tensors),
        held_bytes_(around->held_bytes) {}

  absl::Status AddTo(ScannedNode& node, const WireReader& message) {
    ASSIGN_OR_RETURN(Fields fields, Scan(message));
    if (!fields.reference.empty()) return AddReference(node, fields);
    if (int* branch = BranchOf(node, fields.name)) {
      return AddBranch(message, fields, *branch);
    }
    return AddValue(message, fields, node.attributes);
  }

  absl::Status AddTo(Attributes& attributes, const WireReader& message) {
    ASSIGN_OR_RETURN(Fields fields, Scan(message));
    RETURN_IF_ERROR(CheckReference(fields));
    return AddValue(message, fields, attributes);
  }

 private:
  absl::StatusOr<Fields> Scan(WireReader message) {
    Fields fields;
    while (!message.AtEnd()) {
      ASSIGN_OR_RETURN(const WireField field, message.Next());
      RETURN_IF_ERROR(Read(message, field, fields));
    }
    return fields;
  }

  absl::Status AddValue(const WireReader& message, Fields& fields,
                        Attributes& attributes) {
    const std::string name = Printable(fields.name);
    absl::StatusOr<AttributeValue> value = ValueOf(message, fields);
    if (!value.ok()) {
      return absl::Status(
          value.status().code(),
          absl::StrFormat("attribute \"%s\" %s", name,
                          std::string(value.status().message())));
    }
    RETURN_IF_ERROR(held_bytes_->Take(128 + fields.name.size()));
    if (!attributes.emplace(fields.name, *std::move(value)).second) {
      return absl::InvalidArgumentError(
          absl::StrFormat("attribute \"%s\" is there twice", name));
    }
    return absl::OkStatus();
  }

  static int* BranchOf(ScannedNode& node, const std::string& attribute) {
    if (node.function != kNoFunction) return nullptr;
    if (node.op_type == "Loop" || node.op_type == "Scan") {
      return attribute == "body" ? &node.body : nullptr;
    }
    if (node.op_type != "If") return nullptr;
    if (attribute == "then_branch") return &node.then_branch;
    return attribute == "else_branch" ? &node.else_branch : nullptr;
  }

  absl::Status AddBranch(const WireReader& message, const Fields& fields,
                         int& branch) {
    if (!fields.g || fields.g->type != WireType::kBytes ||
        branch != kNoBranch) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "attribute \"%s\" is no graph, or there twice", fields.name));
    }
    ASSIGN_OR_RETURN(branch, around_.scan_branch(message.Within(*fields.g)));
    return absl::OkStatus();
  }

  absl::Status CheckReference(const Fields& fields) const {
    if (fields.reference.empty() || around_.is_function) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrFormat(
        "attribute \"%s\" refers to a function's attribute, and is in none",
        Printable(fields.name)));
  }

  absl::Status AddReference(ScannedNode& node, const Fields& fields) {
    RETURN_IF_ERROR(CheckReference(fields));
    RETURN_IF_ERROR(
        held_bytes_->Take(128 + fields.name.size() + fields.reference.size()));
    node.references.emplace(fields.name, fields.reference);
    return absl::OkStatus();
  }

  absl::Status Read(WireReader& message, const WireField& field,
                    Fields& fields) {
    switch (field.number) {
      case AttributeProto::kNameFieldNumber: {
        ASSIGN_OR_RETURN(fields.name,
                         message.ReadString(field, kNameBytesMax, "its name"));
        return absl::OkStatus();
      }
      case AttributeProto::kTypeFieldNumber:
        fields.type = static_cast<int64_t>(field.value);
        return absl::OkStatus();
      case AttributeProto::kFFieldNumber:
        fields.f = std::bit_cast<float>(static_cast<uint32_t>(field.value));
        fields.seen_type = AttributeProto::FLOAT;
        return absl::OkStatus();
      case AttributeProto::kIFieldNumber:
        fields.i = static_cast<int64_t>(field.value);
        fields.seen_type = AttributeProto::INT;
        return absl::OkStatus();
      case AttributeProto::kSFieldNumber: {
        ASSIGN_OR_RETURN(fields.s, ReadString(message, field));
        fields.seen_type = AttributeProto::STRING;
        return absl::OkStatus();
      }
      case AttributeProto::kRefAttrNameFieldNumber: {
        ASSIGN_OR_RETURN(fields.reference,
                         message.ReadString(field, kNameBytesMax, "a name"));
        return absl::OkStatus();
      }
      default:
        return ReadLarge(message, field, fields);
    }
  }

  absl::Status ReadLarge(WireReader& message, const WireField& field,
                         Fields& fields) {
    switch (field.number) {
      case AttributeProto::kTFieldNumber:
        fields.t = field;
        fields.seen_type = AttributeProto::TENSOR;
        return absl::OkStatus();
      case AttributeProto::kFloatsFieldNumber:
        fields.seen_type = AttributeProto::FLOATS;
        return AddFloats(message, field, fields.floats);
      case AttributeProto::kIntsFieldNumber:
        fields.seen_type = AttributeProto::INTS;
        return AddInts(message, field, fields.ints);
      case AttributeProto::kStringsFieldNumber: {
        ASSIGN_OR_RETURN(std::string text, ReadString(message, field));
        fields.strings.push_back(std::move(text));
        fields.seen_type = AttributeProto::STRINGS;
        return absl::OkStatus();
      }
      case AttributeProto::kGFieldNumber:
        fields.g = field;
        fields.seen_type = AttributeProto::GRAPH;
        return absl::OkStatus();
      case AttributeProto::kSparseTensorFieldNumber:
        fields.seen_type = AttributeProto::SPARSE_TENSOR;
        return absl::OkStatus();
      default:
        return absl::OkStatus();
    }
  }

  absl::StatusOr<std::string> ReadString(WireReader& message,
                                         const WireField& field) {
    RETURN_IF_ERROR(held_bytes_->Take(sizeof(std::string) + field.bytes));
    return message.ReadString(field, kNameBytesMax, "an attribute's string");
  }

  absl::Status AddInts(WireReader& message, const WireField& field,
                       std::vector<int64_t>& ints) {
    const auto add = [&](uint64_t bits) {
      ints.push_back(static_cast<int64_t>(bits));
      return held_bytes_->Take(2 * sizeof(int64_t));
    };
    if (field.type != WireType::kBytes) return add(field.value);
    for (WireReader packed = message.Within(field); !packed.AtEnd();) {
      ASSIGN_OR_RETURN(const uint64_t bits, packed.NextVarint());
      RETURN_IF_ERROR(add(bits));
    }
    return absl::OkStatus();
  }

  absl::Status AddFloats(WireReader& message, const WireField& field,
                         std::vector<float>& floats) {
    const auto add = [&](uint64_t bits) {
      floats.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
      return held_bytes_->Take(2 * sizeof(float));
    };
    if (field.type != WireType::kBytes) return add(field.value);
    for (WireReader packed = message.Within(field); !packed.AtEnd();) {
      ASSIGN_OR_RETURN(const uint64_t bits, packed.NextFixed(4));
      RETURN_IF_ERROR(add(bits));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<AttributeValue> ValueOf(const WireReader& message,
                                         Fields& fields) {
    const int64_t type = fields.type == AttributeProto::UNDEFINED
                             ? fields.seen_type
                             : fields.type;
    switch (type) {
      case AttributeProto::FLOAT:
        return AttributeValue(fields.f);
      case AttributeProto::INT:
        return AttributeValue(fields.i);
      case AttributeProto::STRING:
        return AttributeValue(std::move(fields.s));
      case AttributeProto::FLOATS:
        return AttributeValue(std::move(fields.floats));
      case AttributeProto::INTS:
        return AttributeValue(std::move(fields.ints));
      case AttributeProto::STRINGS:
        return AttributeValue(std::move(fields.strings));
      case AttributeProto::TENSOR: {
        if (!fields.t || fields.t->type != WireType::kBytes) {
          return absl::InvalidArgumentError("has no tensor");
        }
        ASSIGN_OR_RETURN(OnnxTensor tensor,
                         tensors_->Scan(message.Within(*fields.t)));
        return AttributeValue(std::move(tensor.constant));
      }
      default:
        return absl::UnimplementedError(absl::StrCat("is ", NameOfOther(type)));
    }
  }

  const NodeSurroundings& around_;
  TensorScanner* tensors_;
  Allowance* held_bytes_;
};

absl::Status AddEdge(WireReader& message, const WireField& field,
                     std::vector<std::string>& edges) {
  if (edges.size() == kNodeEdgesMax) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "a node has more than %d inputs or outputs", kNodeEdgesMax));
  }
  ASSIGN_OR_RETURN(std::string name,
                   message.ReadString(field, kNameBytesMax, "a value's name"));
  edges.push_back(std::move(name));
  return absl::OkStatus();
}

absl::Status ReadNodeField(WireReader& message, const WireField& field,
                           ScannedNode& node, Allowance& held_bytes) {
  std::string* text = nullptr;
  switch (field.number) {
    case NodeProto::kInputFieldNumber:
      RETURN_IF_ERROR(held_bytes.Take(sizeof(std::string) + field.bytes));
      return AddEdge(message, field, node.inputs);
    case NodeProto::kOutputFieldNumber:
      RETURN_IF_ERROR(held_bytes.Take(sizeof(std::string) + field.bytes));
      return AddEdge(message, field, node.outputs);
    case NodeProto::kNameFieldNumber:
      text = &node.name;
      break;
    case NodeProto::kOpTypeFieldNumber:
      text = &node.op_type;
      break;
    case NodeProto::kDomainFieldNumber:
      text = &node.domain;
      break;
    case NodeProto::kOverloadFieldNumber:
      text = &node.overload;
      break;
    default:
      return absl::OkStatus();
  }
  RETURN_IF_ERROR(held_bytes.Take(field.bytes));
  ASSIGN_OR_RETURN(*text,
                   message.ReadString(field, kNameBytesMax, "a node's name"));
  return absl::OkStatus();
}

std::string DescribeScanned(const ScannedNode& node) {
  Node described;
  described.name = node.name;
  described.op_type = node.op_type;
  described.opset = node.opset;
  return Describe(described);
}

// Operators of another domain have its name before theirs, as operator_table
// lists them.
absl::Status TakeDomain(ScannedNode& node) {
  if (node.op_type.empty()) {
    return absl::InvalidArgumentError("has no operator");
  }
  if (absl::StrContains(node.op_type, '.') && node.function == kNoFunction) {
    return absl::UnimplementedError("the operator is not supported");
  }
  if (!IsDefaultDomain(node.domain)) {
    node.op_type = absl::StrCat(node.domain, ".", node.op_type);
  }
  return absl::OkStatus();
}

absl::Status AddAttributes(WireReader message, AttributeScanner attributes,
                           ScannedNode& node) {
  while (!message.AtEnd()) {
    ASSIGN_OR_RETURN(const WireField field, message.Next());
    if (field.number != NodeProto::kAttributeFieldNumber) continue;
    if (field.type != WireType::kBytes ||
        node.attributes.size() == kAttributesMax) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "an attribute is no message, or there are more than %d",
          kAttributesMax));
    }
    RETURN_IF_ERROR(attributes.AddTo(node, message.Within(field)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ScannedNode> ScanNode(const WireReader& message, size_t index,
                                     const NodeSurroundings& around) {
  ScannedNode node;
  node.opset = around.opset;
  RETURN_IF_ERROR(around.held_bytes->Take(sizeof(ScannedNode)));
  // Names first: errors about attributes need them, and a file may have them
  // in any order.
  for (WireReader names = message; !names.AtEnd();) {
    ASSIGN_OR_RETURN(const WireField field, names.Next());
    RETURN_IF_ERROR(ReadNodeField(names, field, node, *around.held_bytes));
  }
  if (node.name.empty()) node.name = absl::StrCat(node.op_type, "_", index);
  node.function = around.find_function(node);
  absl::Status sound = TakeDomain(node);
  if (sound.ok()) {
    sound = AddAttributes(message, AttributeScanner(&around), node);
  }
  if (sound.ok()) return node;
  return absl::Status(sound.code(),
                      absl::StrFormat("%s: %s", DescribeScanned(node),
                                      std::string(sound.message())));
}

absl::Status ScanAttribute(const WireReader& message, TensorScanner& tensors,
                           Allowance& held_bytes,
                           std::map<std::string, AttributeValue>& attributes) {
  NodeSurroundings nothing;
  nothing.tensors = &tensors;
  nothing.held_bytes = &held_bytes;
  return AttributeScanner(&nothing).AddTo(attributes, message);
}

}  // namespace layerd
