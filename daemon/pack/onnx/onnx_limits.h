#ifndef LAYERD_DAEMON_PACK_ONNX_ONNX_LIMITS_H_
#define LAYERD_DAEMON_PACK_ONNX_ONNX_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace layerd {

// What the importer reads of a file at most. All are far above what exporters
// write; they keep a hostile file from taking memory or time.
inline constexpr int64_t kIrVersionMin = 3;
inline constexpr int64_t kIrVersionMax = 14;
inline constexpr int64_t kOpsetMin = 1;
inline constexpr int64_t kOpsetMax = 28;
// Of nodes that importing makes and no file may contain.
inline constexpr int64_t kOpsetOfOurOwn = kOpsetMax + 1;

inline constexpr size_t kNodesMax = 1 << 17;
// Of those that operators without a kernel are spelled out with, and loops,
// lists of tensors and splits are written out with.
inline constexpr size_t kSpelledNodesMax = 1 << 17;
// Of what goes into bodies of loops and comes out, all turns together.
inline constexpr uint64_t kTurnedEdgesMax = uint64_t{1} << 22;
// Of Ifs, and how deep one may lie in another.
inline constexpr size_t kBranchesMax = 1 << 14;
inline constexpr int kBranchDepthMax = 16;
// Of a model, how often they may be called, and how deep within each other.
inline constexpr size_t kFunctionsMax = 1 << 14;
inline constexpr uint64_t kCallsMax = 1 << 17;
inline constexpr int kCallDepthMax = 64;
inline constexpr size_t kTensorsMax = 1 << 17;
inline constexpr size_t kGraphInputsMax = 1 << 17;  // IR 3 lists weights too.
inline constexpr size_t kNodeEdgesMax = 1 << 14;
inline constexpr size_t kAttributesMax = 256;
inline constexpr size_t kNameBytesMax = 16 << 10;
inline constexpr size_t kFilesMax = 512;  // Each is an open descriptor.

// Of everything that is in memory rather than in its file: names, attributes,
// decoded tensors, results of folding, nodes that are written out.
inline constexpr uint64_t kHeldBytesMax = uint64_t{256} << 20;
// A tensor of at most this many bytes is held: most are shapes.
inline constexpr uint64_t kSmallTensorBytes = 1024;

// Folding is for shapes and scalars; weights are left to the packer.
inline constexpr int64_t kFoldElementsMax = int64_t{1} << 20;
// Elements that all foldings of a model read and write together.
inline constexpr int64_t kFoldWorkMax = int64_t{1} << 28;

// Of one value; what fits the machine is the planner's business.
inline constexpr int64_t kValueElementsMax = int64_t{1} << 40;

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_ONNX_ONNX_LIMITS_H_
