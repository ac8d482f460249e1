#ifndef LAYERD_DAEMON_PLAN_PROGRAM_H_
#define LAYERD_DAEMON_PLAN_PROGRAM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/backend.h"
#include "kernels/operator.h"
#include "kernels/tensor.h"
#include "layer_file.pb.h"
#include "loader/store/format.h"

namespace layerd {

// What the address of each buffer is surely a multiple of.
inline constexpr uint64_t kBufferAlignment = 64;

// Memory in the arena that one or several tensors lie in.
struct Buffer {
  uint64_t bytes = 0;
};

struct Tensor {
  std::string name;
  TensorType type;
  uint32_t buffer = 0;
  uint64_t offset_bytes = 0;  // Of the first element in the buffer.
};

struct Layer {
  std::string name;  // Of the ONNX node it came from.
  Operator op;
  std::vector<uint32_t> inputs, outputs;  // Tensors.
};

struct Part {
  uint32_t layer = 0;
  // As in PartSpec, of convolutions and fully connected layers. Of all others
  // there is one channel, and rows are those of layer_rows.h; [0, +1) are all.
  Range channels;
  Range rows;
  // Which read of the program it waits for. Parts with the same read share the
  // extent, which is held until the last of them has completed.
  std::optional<uint32_t> read;
  std::vector<WeightPiece> weights;
  uint64_t work_flops = 0;  // Counted when packing; never measured.
  // Extent that it gathers rows from: its tiles are read on demand.
  std::optional<uint32_t> table = std::nullopt;
};

// The parts of a model in execution order, what they compute on, and the order
// in which their extents are read. The packer makes one; a layer file carries
// it as a manifest; everything that plans or runs stands on it.
//
// A Program from Parse() is valid; nobody checks again:
//   - indices in range, counts and sizes bounded (program_check.h);
//   - tensors lie inside their buffers; graph inputs and outputs are plain;
//   - layers run in order, and the parts of a layer cover its output exactly
//     once: channel ranges in order, and in each of them its row ranges;
//   - extents follow each other without gaps, and each is either read or the
//     table of a Gather; reads are first used in order, every one of them;
//     weight pieces lie inside the extent of their part's read, or in its
//     table, and are those that the operator asks for;
//   - whatever a part reads was written before, element by element: by the
//     request (inputs) or by earlier parts, for the arena has what requests to
//     other models left there; and no rows are gathered over the indices that
//     name them;
//   - CheckPart() (kernels/part_check.h) accepts every part.
//
// Threading: immutable once made.
struct Program {
  // Errors: INVALID_ARGUMENT naming layer, part and field. Never DATA_LOSS: the
  // checksum of the manifest held, so it was made like that.
  static absl::StatusOr<Program> Parse(const manifest::Manifest& manifest);
  // The reverse, but for identity, kernel key and options.
  void WriteTo(manifest::Manifest* manifest) const;

  std::vector<Buffer> buffers;
  std::vector<Tensor> tensors;
  std::vector<uint32_t> inputs, outputs;  // Tensors, in the graph's order.
  std::vector<Layer> layers;
  std::vector<Extent> extents;
  std::vector<Part> parts;
  std::vector<uint32_t> reads;  // Extents.

  // What it computes: some rows of a layer that is not a convolution and not
  // fully connected are a smaller layer.
  PartSpec SpecOf(const Part& part) const;
  // Where the tensors of that begin.
  struct Place {
    uint32_t buffer = 0;
    uint64_t offset_bytes = 0;
  };
  struct Places {
    std::vector<Place> inputs, outputs;
  };
  Places PlacesOf(const Part& part) const;
  // As SpecOf(), but of the whole layer where that is not a smaller one.
  PartSpec LayerSpecOf(const Part& part) const;

  // Where its weights lie. REQUIRES: it has any.
  uint32_t ExtentOf(const Part& part) const {
    return part.table ? *part.table : reads[*part.read];
  }
  // Which extents are tables.
  std::vector<bool> Tables() const;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_PROGRAM_H_
