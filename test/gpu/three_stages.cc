#include "test/gpu/three_stages.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>

#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "daemon/plan/ring_recurrence.h"
#include "kernels/operator.h"

namespace layerd {
namespace {

constexpr size_t kParts = 24, kRooms = 3, kOpen = 2;
constexpr int64_t kRows = 256, kWidth = 512;
constexpr size_t kExtentBytes = kWidth * kWidth * sizeof(float);
constexpr size_t kTensorBytes = kRows * kWidth * sizeof(float);
constexpr double kOverheadMost = 1.05;
constexpr int kRounds = 5;

PartSpec Product() {
  const TensorType rows{DataType::kF32, {kRows, kWidth}, {kWidth, 1}};
  return {
      .op = FullyConnected{},
      .inputs = {rows},
      .weights = {{WeightLayout::Plain(DataType::kF32, {kWidth, kWidth}), 0}},
      .outputs = {rows},
      .channels = {0, kWidth},
      .rows = {0, kRows},
      .alignment_bytes = 256};
}

// A ring of rooms, an input, an output, and scratch.
class Pipeline {
 public:
  static absl::StatusOr<std::unique_ptr<Pipeline>> Make() {
    auto pipeline = std::make_unique<Pipeline>();
    ASSIGN_OR_RETURN(pipeline->backend_,
                     MakeCudaBackend({CudaMemory::kStaged, /*timed=*/true}));
    ASSIGN_OR_RETURN(pipeline->kernel_, pipeline->backend_->Prepare(Product()));
    const size_t bytes = kRooms * kExtentBytes + 2 * kTensorBytes +
                         pipeline->kernel_->scratch_bytes();
    const size_t whole = (bytes + 4095) / 4096 * 4096;
    pipeline->block_.reset(
        static_cast<std::byte*>(std::aligned_alloc(4096, whole)));
    std::memset(pipeline->block_.get(), 0, whole);
    RETURN_IF_ERROR(
        pipeline->backend_->Attach({pipeline->block_.get(), whole}));
    RETURN_IF_ERROR(pipeline->backend_->CopyIn(
        pipeline->input(), {pipeline->input(), kTensorBytes}));
    return pipeline;
  }

  // With so many parts queued at most; or one, whose weights are brought before
  // it is queued.
  absl::StatusOr<std::vector<CudaPartTimes>> Run(size_t open,
                                                 bool brought = false) {
    std::vector<CudaPartTimes> times;
    std::vector<Ticket> tickets;
    const auto complete = [&]() -> absl::Status {
      const Ticket oldest = tickets[times.size()];
      RETURN_IF_ERROR(backend_->Wait(oldest));
      ASSIGN_OR_RETURN(const CudaPartTimes time,
                       CudaPartTimesOf(*backend_, oldest));
      times.push_back(time);
      return absl::OkStatus();
    };
    for (size_t part = 0; part < kParts; ++part) {
      if (tickets.size() - times.size() == open) RETURN_IF_ERROR(complete());
      ASSIGN_OR_RETURN(const Ticket ticket, Enqueue(part, brought));
      tickets.push_back(ticket);
    }
    while (times.size() < kParts) RETURN_IF_ERROR(complete());
    return times;
  }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };

  std::byte* input() const { return block_.get() + kRooms * kExtentBytes; }

  absl::StatusOr<Ticket> Enqueue(size_t part, bool brought) {
    const std::byte* const x = input();
    std::byte* const y = input() + kTensorBytes;
    PartMemory memory{.inputs = {&x, 1},
                      .weights = block_.get() + part % kRooms * kExtentBytes,
                      .outputs = {&y, 1},
                      .scratch = y + kTensorBytes,
                      .weights_bytes = kExtentBytes};
    if (brought) {
      RETURN_IF_ERROR(backend_->BringWeights(*kernel_, memory));
      memory.weights_are_new = false;
    }
    return backend_->Enqueue(*kernel_, memory);
  }

  std::unique_ptr<std::byte, Free> block_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Kernel> kernel_;
};

}  // namespace

StageTimes StageTimesOf(std::span<const CudaPartTimes> parts) {
  StageTimes all;
  if (parts.empty()) return all;
  all.wall_seconds = parts.back().end - parts.front().copy_begin;
  for (const CudaPartTimes& part : parts) {
    all.copying_seconds += part.copy_end - part.copy_begin;
    all.computing_seconds += part.end - part.begin;
    for (const CudaPartTimes& other : parts) {
      all.beside_seconds +=
          std::max(0.0, std::min(part.copy_end, other.end) -
                            std::max(part.copy_begin, other.begin));
    }
  }
  return all;
}

double RecurrenceSeconds(std::span<const CudaPartTimes> alone) {
  if (alone.empty()) return 0;
  // Copies take their time if a second has so many bytes; reads take none.
  constexpr double kCopyRate = 1e12, kReadRate = 1e30;
  std::vector<uint64_t> bytes;
  std::vector<TimedPart> parts;
  for (const CudaPartTimes& part : alone) {
    parts.push_back(
        {static_cast<uint32_t>(parts.size()), part.end - part.begin});
    bytes.push_back(static_cast<uint64_t>(
        std::lround(kCopyRate * (part.copy_end - part.copy_begin))));
  }
  const auto finish = RingFinishTimes(
      {.reads_bytes = bytes,
       .parts = parts,
       .drive_bytes_per_s = kReadRate,
       .ring_bytes = std::accumulate(bytes.begin(), bytes.end(), uint64_t{1}),
       .copy_bytes_per_s = kCopyRate});
  LAYERD_CHECK(finish.ok(), std::string(finish.status().message()));
  return finish->back();
}

absl::StatusOr<ThreeStages> MeasureThreeStages() {
  ASSIGN_OR_RETURN(const auto pipeline, Pipeline::Make());
  RETURN_IF_ERROR(pipeline->Run(1).status());  // Loads what is lazy.
  std::vector<ThreeStages> rounds;
  for (int round = 0; round < kRounds; ++round) {
    ASSIGN_OR_RETURN(const auto alone, pipeline->Run(1));
    ASSIGN_OR_RETURN(const auto queued, pipeline->Run(kOpen));
    ASSIGN_OR_RETURN(const auto brought, pipeline->Run(1, /*brought=*/true));
    rounds.push_back({StageTimesOf(queued), RecurrenceSeconds(alone),
                      StageTimesOf(brought)});
  }
  const auto overhead = [](const ThreeStages& round) {
    return round.stages.wall_seconds / round.recurrence_seconds;
  };
  const auto middle = rounds.begin() + kRounds / 2;
  std::nth_element(rounds.begin(), middle, rounds.end(),
                   [&](const ThreeStages& a, const ThreeStages& b) {
                     return overhead(a) < overhead(b);
                   });
  return *middle;
}

std::string WrongOf(const ThreeStages& measured) {
  const StageTimes& stages = measured.stages;
  if (!(stages.beside_seconds > 0)) return "no copy goes on beside computing";
  if (measured.brought.copying_seconds > 0) return "what was brought is copied";
  if (stages.wall_seconds <= kOverheadMost * measured.recurrence_seconds) {
    return "";
  }
  return absl::StrFormat(
      "%.1f us are more than %.2f times the %.1f us of the "
      "recurrence",
      1e6 * stages.wall_seconds, kOverheadMost,
      1e6 * measured.recurrence_seconds);
}

}  // namespace layerd
