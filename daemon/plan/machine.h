#ifndef LAYERD_DAEMON_PLAN_MACHINE_H_
#define LAYERD_DAEMON_PLAN_MACHINE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace layerd {

// What planning must know of a machine: how fast its drive and its processor
// are. Measured by `layerctl probe`, which writes it as JSON, so that one can
// plan for a machine that one does not hold; or that of a class.
//
// One that was parsed has rates from 1 to 1e18, and no time of more than days.
struct Machine {
  std::string processor;  // "AMD EPYC 9B45"; empty for a class.
  std::string isa;        // As in a kernel key.
  int cores = 1;
  double flops_per_s = 0;  // One core, like the two below.
  double memory_bytes_per_s = 0;
  double crc_bytes_per_s = 0;
  double drive_bytes_per_s = 0;   // As the loader reads.
  double first_read_seconds = 0;  // One tile after a pause.
  double drive_turn_seconds = 0;  // As DriveSpeed has it.
  // As Costs has them: of no device but after WithDevice().
  double copy_bytes_per_s = 0;
  double launch_seconds = 0;
  size_t parts_open_max = 1;
  // Of its GPU, as measured; 0: guessed.
  double device_copy_bytes_per_s = 0;
  double device_launch_seconds = 0;
  uint64_t device_base_bytes = 0;

  // One cell of the table of sizes and depths.
  struct DriveRate {
    uint64_t read_bytes = 0;
    int depth = 0;
    double mib_s = 0;
    double p50_us = 0, p99_us = 0, p999_us = 0;  // Of one read.
    double cpu_ms_per_gib = 0;
  };
  std::vector<DriveRate> drive;  // Empty for a class.

  // What any machine of that instruction set does: plans made with it promise
  // too little rather than too much.
  static Machine OfClass(const std::string& isa, int cores);
  // The same with a GPU; `copies` to memory of its own, or it shares ours.
  Machine WithDevice(bool copies) const;
  // What the GPU takes beside all budgets.
  uint64_t DeviceBaseBytes() const;

  // INVALID_ARGUMENT naming the field. Fields of a newer version are skipped.
  static absl::StatusOr<Machine> Parse(std::string_view json);
  std::string ToJson() const;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PLAN_MACHINE_H_
