#ifndef LAYERD_DAEMON_MODEL_RANDOM_MODEL_H_
#define LAYERD_DAEMON_MODEL_RANDOM_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "daemon/plan/program.h"
#include "kernels/backend.h"

namespace layerd {

// A small network by a seed, with all that a program can do: layers of several
// channel and row parts, parts that share an extent, extents that are held
// while later ones come, extents that are read twice, residuals, buffers that
// live long. Values stay within -1 and 1.
struct RandomModel {
  explicit RandomModel(uint32_t seed, size_t layers = 8);

  // The same network with its kernels stored narrow: of other weights, rounded.
  // REQUIRES: IsNarrow(dtype), and they are F32.
  void StoreAs(DataType dtype);

  // The same network with tensors of F16 between inputs and outputs, and with
  // kernels of F16 unless they are stored narrow already.
  void ComputeInHalf();

  // For kernels that take plain weights.
  void Write(const std::string& path, const KernelKey& key) const;

  Program program;
  std::vector<std::vector<std::byte>> extents;

 private:
  using Pieces = std::vector<WeightPiece>;
  using Rewriting = std::function<Pieces(const Pieces&)>;
  using Writing = std::function<std::vector<std::byte>(
      const std::vector<std::byte>& from, const Pieces& old,
      const Pieces& rewritten)>;

  // Stores the weights of every part in other pieces.
  void Rewrite(const Rewriting& pieces, const Writing& bytes);
};

// One layer without weights that makes a line of `elements` from four: a file
// of three pages, whose kernel lists every place.
RandomModel StretchedLine(int64_t elements);

}  // namespace layerd

#endif  // LAYERD_DAEMON_MODEL_RANDOM_MODEL_H_
