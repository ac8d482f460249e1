#ifndef LAYERD_TEST_GPU_THREE_STAGES_H_
#define LAYERD_TEST_GPU_THREE_STAGES_H_

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/cuda/cuda_backend.h"

namespace layerd {

// How much copying went on beside computing.
struct StageTimes {
  double wall_seconds = 0;     // First copy to last part.
  double copying_seconds = 0;  // Sums.
  double computing_seconds = 0;
  double beside_seconds = 0;  // Of copying, while some part computed.
};
StageTimes StageTimesOf(std::span<const CudaPartTimes> parts);

// What parts take that copy and compute as `alone` did, one at a time, when
// copies go on beside computing and two parts are queued: the recurrence of
// daemon/plan with the copy stage, on a drive that is never late.
double RecurrenceSeconds(std::span<const CudaPartTimes> alone);

// Runs equal parts with weights of 1 MiB each on a device with memory of its
// own, one at a time and then two queued, and reads the events.
struct ThreeStages {
  StageTimes stages;
  double recurrence_seconds = 0;
  // One at a time, with weights that were there before.
  StageTimes brought = {};
};
absl::StatusOr<ThreeStages> MeasureThreeStages();

// The bounds: copies go on beside computing, all of it takes at most 1.05 times
// the recurrence, and nothing is copied that was brought. "" if all hold.
std::string WrongOf(const ThreeStages& measured);

}  // namespace layerd

#endif  // LAYERD_TEST_GPU_THREE_STAGES_H_
