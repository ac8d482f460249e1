#ifndef LAYERD_DAEMON_PACK_ONNX_SCANNED_BODY_H_
#define LAYERD_DAEMON_PACK_ONNX_SCANNED_BODY_H_

#include <map>
#include <string>
#include <vector>

#include "daemon/pack/onnx/onnx_scan.h"

namespace layerd {

inline constexpr int kNoFunction = -1;

// A node as it is written, which may call a function of the model.
struct ScannedNode : OnnxNode {
  int function = kNoFunction;  // Which one.
  std::string overload;
  // Attributes that are those of the function around it: its own name, theirs.
  std::map<std::string, std::string> references;
};

// What is within a graph or a function.
struct ScannedBody {
  std::vector<OnnxTensor> initializers;
  std::vector<ScannedNode> nodes;
  std::vector<OnnxBranch> branches;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_ONNX_SCANNED_BODY_H_
