#ifndef LAYERD_TEST_GPU_TWIN_RUN_H_
#define LAYERD_TEST_GPU_TWIN_RUN_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cuda/cuda_backend.h"
#include "loader/io/io_engine.h"
#include "test/gpu/twin/twin.h"

namespace layerd {

// A network as a layer file for the device, and what it answers when all of it
// is resident.
class TwinNetwork {
 public:
  // RandomModel(seed) with weights as the device wants them.
  static TwinNetwork Random(uint32_t seed);
  // Rows of a table, looked up by what the device computes, and layers behind.
  static TwinNetwork Embedding();
  // The digits of test/models, trained.
  static TwinNetwork Digits();
  // Any ONNX file.
  static TwinNetwork FromOnnx(const std::string& path);

  // Of its layer file, that computes in f32, or in f16.
  const std::string& path(bool half) const { return paths_[half]; }
  uint64_t minimum_weight_bytes(bool half) const {
    return minimum_weight_bytes_[half];
  }
  // The libraries choose algorithms by this.
  uint32_t library_seed() const { return library_seed_; }
  size_t part_count(bool half) const { return part_count_[half]; }
  bool looks_up() const { return looks_up_; }  // Some part, in a table.

  // "" if the resident answers are those of the reference backend, which
  // computes in f32: within 1e-3, or 1e-2 in f16.
  std::string DistanceFromReference() const;

  // Answers to input seeds 0 and 1, of everything resident on the twin with
  // those options (schedule and hooks aside).
  using Outputs = std::vector<std::vector<std::byte>>;
  const Outputs& Expected(CudaMemory memory, bool half, uint32_t input) const;

 private:
  TwinNetwork(std::string path, std::string half_path, uint32_t library_seed);

  std::string paths_[2];
  uint32_t library_seed_ = 0;
  uint64_t minimum_weight_bytes_[2] = {};
  size_t part_count_[2] = {};
  bool looks_up_ = false;
  Outputs expected_[3][2][2];  // Strategy, f32 or f16, input.
};

inline constexpr CudaMemory kStrategies[] = {
    CudaMemory::kStaged, CudaMemory::kMapped, CudaMemory::kManaged};

// What happens while requests are served from the smallest ring.
enum class Story {
  kPlain,       // One after the other; of the first, parts are timed.
  kPreempted,   // A more urgent model takes over in the middle.
  kCancelled,   // In the middle, and asked again.
  kReplanned,   // Memory is taken away and planned anew: for another model, for
                // a larger budget, for the smallest.
  kReadErrors,  // The drive fails, comes short, flips bits; all once.
};
inline constexpr int kStories = 5;

struct TwinRun {
  const TwinNetwork* network = nullptr;
  uint32_t seed = 0;  // Of the schedule of device and drive.
  CudaMemory memory = CudaMemory::kStaged;
  bool half = false;  // Computes in f16.
  Story story = Story::kPlain;
  bool brief = false;  // Asks once where else it asks three times.

  // For mutants: what a faulty host would do to calls, to the backend, and to
  // the drive's engine.
  twin::Hook hook;
  std::function<std::unique_ptr<Backend>(std::unique_ptr<Backend>)> backend;
};

// Serves some requests on a new twin, as the story says. "" if every answer is
// bit for bit the resident one, nothing was allocated on the way, and the twin
// has no complaint; else the first complaint.
std::string Complaint(const TwinRun& run);

}  // namespace layerd

#endif  // LAYERD_TEST_GPU_TWIN_RUN_H_
