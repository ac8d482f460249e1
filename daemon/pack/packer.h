#ifndef LAYERD_DAEMON_PACK_PACKER_H_
#define LAYERD_DAEMON_PACK_PACKER_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/pack/import/onnx_importer.h"
#include "kernels/backend.h"

namespace layerd {

struct PackOptions {
  ShapeBindings shapes;
  ValueBindings values;
  std::string weights = "f32";  // Or "f16", "bf16", "i8": how they are stored.
  std::string optimize_for = "bytes";
  // Or "f16": tensors between layers, and what is multiplied. For "cuda".
  std::string compute = "f32";
  // 0: the extent limit rounded down to a power of two.
  uint64_t tile_bytes = 0;
  // Of a part's weights as f32. 0: all / 512, at most 256 KiB, and at least
  // what is stored in 16 KiB; up to 128 KiB what the largest block has.
  uint64_t extent_bytes_max = 0;
  // 0: what is about 1 ms of the processor that the backend lays out for.
  uint64_t part_flops_max = 0;
  // Whose layouts: "cpu" or "cuda". Pack() is given the backend that fits.
  std::string kernels = "cpu";
};

struct PackReport {
  uint64_t weight_bytes = 0;  // ONNX initializers at f32.
  uint64_t stream_bytes = 0;
  uint64_t file_bytes = 0;
  size_t layers = 0, parts = 0, extents = 0;
  uint64_t largest_extent_bytes = 0;
};

// ONNX in, layer file out: import, graph passes, lowering, cutting, writing.
// Same input and options, same bytes. Peak memory: 96 MiB + twice the largest
// layer. On any error nothing is written and an older file stays.
//
// `backend` says which weight layouts it computes on; `progress` (may be null)
// hears how many weight bytes of how many are written.
absl::StatusOr<PackReport> Pack(
    const std::string& onnx_path, const std::string& layer_file_path,
    const PackOptions& options, const Backend& backend,
    const std::function<void(uint64_t done_bytes, uint64_t all_bytes)>&
        progress);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_PACKER_H_
