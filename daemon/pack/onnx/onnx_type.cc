#include "absl/strings/str_format.h"
#include "daemon/pack/onnx/onnx_scan.h"
#include "onnx.pb.h"

namespace layerd {
namespace {

// Types that ONNX has and packing does not, for the message.
const char* NameOfOther(int64_t data_type) {
  switch (data_type) {
    case onnx::TensorProto::STRING:
      return "strings";
    case 14:
    case 15:
      return "complex numbers";
    case 17:
    case 18:
    case 19:
    case 20:
      return "8-bit floats";
    case onnx::TensorProto::UINT4:
    case onnx::TensorProto::INT4:
    case 23:
      return "4-bit elements";
    default:
      return "unknown to layerd";
  }
}

}  // namespace

absl::StatusOr<DataType> TypeOfOnnx(int64_t data_type) {
  switch (data_type) {
    case onnx::TensorProto::FLOAT:
      return DataType::kF32;
    case onnx::TensorProto::UINT8:
      return DataType::kU8;
    case onnx::TensorProto::INT8:
      return DataType::kI8;
    case onnx::TensorProto::UINT16:
      return DataType::kU16;
    case onnx::TensorProto::INT16:
      return DataType::kI16;
    case onnx::TensorProto::INT32:
      return DataType::kI32;
    case onnx::TensorProto::INT64:
      return DataType::kI64;
    case onnx::TensorProto::BOOL:
      return DataType::kBool;
    case onnx::TensorProto::FLOAT16:
      return DataType::kF16;
    case onnx::TensorProto::DOUBLE:
      return DataType::kF64;
    case onnx::TensorProto::UINT32:
      return DataType::kU32;
    case onnx::TensorProto::UINT64:
      return DataType::kU64;
    case onnx::TensorProto::BFLOAT16:
      return DataType::kBF16;
    default:
      return absl::UnimplementedError(
          absl::StrFormat("elements of ONNX type %d (%s) are not supported",
                          data_type, NameOfOther(data_type)));
  }
}

int64_t OnnxOfType(DataType dtype) {
  for (int64_t number = 1; number <= onnx::TensorProto::BFLOAT16; ++number) {
    const absl::StatusOr<DataType> known = TypeOfOnnx(number);
    if (known.ok() && *known == dtype) return number;
  }
  return onnx::TensorProto::UNDEFINED;
}

}  // namespace layerd
