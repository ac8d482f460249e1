#ifndef LAYERD_DAEMON_PACK_GRAPH_GRAPH_H_
#define LAYERD_DAEMON_PACK_GRAPH_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/tensor.h"
#include "loader/io/unique_fd.h"

namespace layerd {

// A file that weights are read from: the ONNX file or external data beneath
// its folder. Opened once, read with pread, dropped from the page cache behind.
struct SourceFile {
  std::string path;
  UniqueFd fd;
  uint64_t bytes = 0;
};

// Elements that are known when packing. Large ones stay in their file as
// (file, offset, length): the machine that packs cannot hold the weights.
// Small ones (shapes, folded results) are held.
struct Constant {
  DataType dtype = DataType::kF32;
  std::vector<int64_t> shape;
  // Little-endian, row-major, without gaps: either held ...
  std::vector<std::byte> held;
  // ... or in a file. -1: held.
  int file = -1;
  uint64_t offset_bytes = 0;
  // Quantised, if there are scales: element i is (what is stored - zero_points)
  // * scales of run i / run_elements, counted modulo their number. ReadF32
  // computes it.
  std::vector<float> scales;
  std::vector<int64_t> zero_points;  // As many; none: all are 0.
  int64_t run_elements = 1;
  // Elements a byte, the first in its lowest bits: 2 or 4 only of U8 and I8.
  int per_byte = 1;
  // Quantised by blocks: which constants have the scales and, if there are
  // any, the zero points; without them it is zero_points[0]. They stay in their
  // file as well, for there may be one for every 16 elements.
  struct Blocks {
    int scales = -1, zeros = -1;
    int64_t length = 0;       // Elements of a block along its axis.
    int64_t axis_length = 0;  // Of them along the axis.
  };
  std::optional<Blocks> blocks;

  int64_t element_count() const;
  // As it is stored.
  uint64_t bytes() const;
  // Whether elements are computed from what is stored.
  bool is_quantised() const { return !scales.empty() || blocks.has_value(); }
  // That it takes in memory: nothing of what is in a file.
  uint64_t held_bytes() const;
};

using AttributeValue =
    std::variant<int64_t, float, std::string, std::vector<int64_t>,
                 std::vector<float>, std::vector<std::string>, Constant>;

// An edge of the graph. Shape inference fills dtype and shape; a value that is
// known while packing has a constant.
struct Value {
  std::string name;
  std::optional<DataType> dtype;
  std::optional<std::vector<int64_t>> shape;  // Bound: no negative dimension.
  int constant = -1;                          // Into Graph::constants.
};

inline constexpr int kAbsent = -1;  // An optional input or output left out.
// Of nodes that packing writes itself.
inline constexpr int64_t kWrittenOpset = 13;

struct Node {
  std::string name;     // Never empty: nameless nodes are called op_type_index.
  std::string op_type;  // Of the default domain.
  int64_t opset = 0;    // That the model imports.
  std::vector<int> inputs, outputs;  // Into Graph::values, or kAbsent.
  std::map<std::string, AttributeValue> attributes;
  int branch = -1;  // Into Graph::branches while importing: it belongs to it.
  // Likewise: the body of a Loop or a Scan, whose last inputs are what the body
  // writes.
  int body = -1;
};

// One of the two branches of an If, or the body of a Loop or a Scan. Its nodes
// stand among all others.
struct Branch {
  int parent = -1;          // Into Graph::branches.
  int condition = kAbsent;  // Into Graph::values; of an If.
  bool is_then = false;     // Whether it is the one for true.
  bool is_body = false;
  std::vector<int> inputs;  // Of a body, kAbsent where nobody reads it.
  size_t outputs = 0;       // Of a body: how many.
};

// Held in memory, as `dtype`.
Constant IntConstant(DataType dtype, std::vector<int64_t> shape,
                     const std::vector<int64_t>& elements);

// Of a shape that has no elements.
Constant Nothing(DataType dtype, std::vector<int64_t> shape);

// As errors show what a file calls something: escaped, and 200 bytes at most.
std::string Printable(std::string_view name);

// `node "conv7" (Conv, opset 13)`: how every error about a node begins.
std::string Describe(const Node& node);

// An ONNX graph with bound shapes, as packing needs it: nodes in topological
// order, initializers and Constant nodes as constants.
//
// Why a structure of our own: ONNX's has the weights inside, and passes want
// indices rather than names.
//
// Threading: one thread.
struct Graph {
  std::string name;
  std::vector<std::unique_ptr<SourceFile>> files;
  std::vector<Constant> constants;
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<Branch> branches;      // None once it is imported.
  std::vector<int> inputs, outputs;  // Values, in the model's order.
  // Of all initializers and Constant tensors of rank > 0, counted as f32 if
  // they are of a floating type or dequantised (as they are otherwise), each
  // once.
  uint64_t weight_bytes = 0;
  std::string source_sha256;  // Hex, of the ONNX file and its external data.

  // A value of which nothing is known yet.
  int AddValue(std::string value_name);
  // From now on `value` is that, of its type and shape.
  void SetConstant(int value, Constant constant);

  // Elements [first, first + count) as f32, widened or converted.
  // Errors: an I/O error or a file that shrank, with the constant's shape.
  absl::Status ReadF32(const Constant& constant, int64_t first,
                       std::span<float> out) const;
  // All elements; integer and bool types only.
  absl::StatusOr<std::vector<int64_t>> ReadI64(const Constant& constant) const;
  // All elements as stored, each in bytes of its own.
  absl::StatusOr<std::vector<std::byte>> ReadBytes(
      const Constant& constant) const;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_GRAPH_GRAPH_H_
