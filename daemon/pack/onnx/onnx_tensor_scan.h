#ifndef LAYERD_DAEMON_PACK_ONNX_ONNX_TENSOR_SCAN_H_
#define LAYERD_DAEMON_PACK_ONNX_ONNX_TENSOR_SCAN_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/pack/onnx/onnx_scan.h"
#include "daemon/pack/onnx/wire_reader.h"

namespace layerd {

// Finds where the elements of tensors are, and decodes those that have no
// plain bytes in a file (varints, halves in int32_data) or are tiny.
//
// Ownership: model and allowance are loans. External files join model.files,
//            each once.
class TensorScanner {
 public:
  TensorScanner(OnnxModel* model, Allowance* held_bytes)
      : model_(model), held_bytes_(held_bytes) {}

  // `message` is a TensorProto in the first of the model's files.
  // Errors: INVALID_ARGUMENT or UNIMPLEMENTED beginning with `tensor "w": `.
  absl::StatusOr<OnnxTensor> Scan(const WireReader& message);

 private:
  struct Parts;

  absl::StatusOr<Parts> ReadParts(WireReader message);
  absl::Status Locate(const WireReader& message, const Parts& parts,
                      Constant& constant);
  absl::Status LocateExternal(const Parts& parts, Constant& constant);
  absl::Status Decode(WireReader message, Constant& constant);
  absl::Status Hold(FileWindow& window, Constant& constant);
  absl::StatusOr<int> FileOf(const std::string& location);

  OnnxModel* model_;
  Allowance* held_bytes_;
  std::map<std::string, int> external_files_;  // By location.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_ONNX_ONNX_TENSOR_SCAN_H_
