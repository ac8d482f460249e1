#ifndef LAYERD_DAEMON_MODEL_RANDOM_MODEL_H_
#define LAYERD_DAEMON_MODEL_RANDOM_MODEL_H_

#include <cstddef>
#include <cstdint>
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

  // For kernels that take plain weights.
  void Write(const std::string& path, const KernelKey& key) const;

  Program program;
  std::vector<std::vector<std::byte>> extents;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_MODEL_RANDOM_MODEL_H_
