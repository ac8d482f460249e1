#include "daemon/plan/machine.h"

#include <google/protobuf/util/json_util.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "costs.pb.h"
#include "daemon/plan/base_memory.h"
#include "daemon/plan/ring_recurrence.h"

namespace layerd {
namespace {

constexpr int kCoresMax = 4096;
constexpr double kMicro = 1e-6;

// Within these every time that follows from them is a number, of whatever file.
constexpr double kRateMin = 1, kRateMax = 1e18;
constexpr double kMicrosecondsMin = 1e-6, kMicrosecondsMax = 1e12;

// Of a board, where nobody has measured: too little rather than too much.
constexpr double kGuessedCopyBytesPerS = 3e9;
constexpr double kGuessedLaunchSeconds = 10e-6;

double Or(double measured, double guessed) {
  return measured > 0 ? measured : guessed;
}

absl::Status CheckWithin(const char* field, double value, double min,
                         double max) {
  if (value >= min && value <= max) return absl::OkStatus();  // Not so a NaN.
  return absl::InvalidArgumentError(
      absl::StrFormat("machine: %s is %g, expected a number from %g to %g",
                      field, value, min, max));
}
absl::Status CheckRate(const char* field, double value) {
  return CheckWithin(field, value, kRateMin, kRateMax);
}
absl::Status CheckMicroseconds(const char* field, double value) {
  return CheckWithin(field, value, kMicrosecondsMin, kMicrosecondsMax);
}

absl::Status CheckSound(const costs::Machine& proto) {
  RETURN_IF_ERROR(CheckRate("flops_per_s", proto.flops_per_s()));
  RETURN_IF_ERROR(CheckRate("memory_bytes_per_s", proto.memory_bytes_per_s()));
  RETURN_IF_ERROR(CheckRate("crc_bytes_per_s", proto.crc_bytes_per_s()));
  RETURN_IF_ERROR(CheckRate("drive_bytes_per_s", proto.drive_bytes_per_s()));
  RETURN_IF_ERROR(CheckMicroseconds("first_read_us", proto.first_read_us()));
  if (proto.copy_bytes_per_s() != 0) {
    RETURN_IF_ERROR(CheckRate("copy_bytes_per_s", proto.copy_bytes_per_s()));
  }
  for (const auto& [field, value] :
       {std::pair("launch_us", proto.launch_us()),
        std::pair("drive_turn_us", proto.drive_turn_us())}) {
    if (value != 0) RETURN_IF_ERROR(CheckMicroseconds(field, value));
  }
  if (proto.cores() < 1 || proto.cores() > kCoresMax) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "machine: cores is %d, expected 1 to %d", proto.cores(), kCoresMax));
  }
  return absl::OkStatus();
}

Machine From(const costs::Machine& proto) {
  Machine machine;
  machine.processor = proto.processor();
  machine.isa = proto.isa();
  machine.cores = static_cast<int>(proto.cores());
  machine.flops_per_s = proto.flops_per_s();
  machine.memory_bytes_per_s = proto.memory_bytes_per_s();
  machine.crc_bytes_per_s = proto.crc_bytes_per_s();
  machine.drive_bytes_per_s = proto.drive_bytes_per_s();
  machine.first_read_seconds = proto.first_read_us() * kMicro;
  machine.drive_turn_seconds = proto.drive_turn_us() * kMicro;
  machine.device_copy_bytes_per_s = proto.copy_bytes_per_s();
  machine.device_launch_seconds = proto.launch_us() * kMicro;
  machine.device_base_bytes = proto.device_base_bytes();
  for (const costs::DriveRate& rate : proto.drive()) {
    machine.drive.push_back({.read_bytes = rate.read_bytes(),
                             .depth = static_cast<int>(rate.depth()),
                             .mib_s = rate.mib_s(),
                             .p50_us = rate.p50_us(),
                             .p99_us = rate.p99_us(),
                             .p999_us = rate.p999_us(),
                             .cpu_ms_per_gib = rate.cpu_ms_per_gib()});
  }
  return machine;
}

}  // namespace

Machine Machine::OfClass(const std::string& isa, int cores) {
  Machine machine;
  machine.isa = isa;
  machine.cores = cores;
  const bool wide = isa.starts_with("avx512") || isa.starts_with("avx10");
  machine.flops_per_s = wide                       ? 80e9
                        : isa.starts_with("avx2")  ? 40e9
                        : isa.starts_with("asimd") ? 16e9
                                                   : 8e9;
  machine.memory_bytes_per_s = 6e9;
  machine.crc_bytes_per_s = 5e9;
  machine.drive_bytes_per_s = 1e9;
  machine.first_read_seconds = 200e-6;
  return machine;
}

Machine Machine::WithDevice(bool copies) const {
  Machine machine = *this;
  if (copies) {
    machine.copy_bytes_per_s =
        Or(device_copy_bytes_per_s, kGuessedCopyBytesPerS);
  }
  machine.launch_seconds = Or(device_launch_seconds, kGuessedLaunchSeconds);
  machine.parts_open_max = kTicketsOpenMax;
  return machine;
}

uint64_t Machine::DeviceBaseBytes() const {
  return device_base_bytes > 0 ? device_base_bytes : kDeviceBaseBytes;
}

absl::StatusOr<Machine> Machine::Parse(std::string_view json) {
  costs::Machine proto;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      {json.data(), json.size()}, &proto, options);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "machine: %s: make the file with `layerctl probe -o FILE`",
        parsed.ToString()));
  }
  RETURN_IF_ERROR(CheckSound(proto));
  return From(proto);
}

std::string Machine::ToJson() const {
  costs::Machine proto;
  proto.set_processor(processor);
  proto.set_isa(isa);
  proto.set_cores(static_cast<uint32_t>(cores));
  proto.set_flops_per_s(flops_per_s);
  proto.set_memory_bytes_per_s(memory_bytes_per_s);
  proto.set_crc_bytes_per_s(crc_bytes_per_s);
  proto.set_drive_bytes_per_s(drive_bytes_per_s);
  proto.set_first_read_us(first_read_seconds / kMicro);
  proto.set_drive_turn_us(drive_turn_seconds / kMicro);
  proto.set_copy_bytes_per_s(device_copy_bytes_per_s);
  proto.set_launch_us(device_launch_seconds / kMicro);
  proto.set_device_base_bytes(device_base_bytes);
  for (const DriveRate& rate : drive) {
    costs::DriveRate* const cell = proto.add_drive();
    cell->set_read_bytes(rate.read_bytes);
    cell->set_depth(static_cast<uint32_t>(rate.depth));
    cell->set_mib_s(rate.mib_s);
    cell->set_p50_us(rate.p50_us);
    cell->set_p99_us(rate.p99_us);
    cell->set_p999_us(rate.p999_us);
    cell->set_cpu_ms_per_gib(rate.cpu_ms_per_gib);
  }
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string json;
  LAYERD_CHECK(
      google::protobuf::util::MessageToJsonString(proto, &json, options).ok());
  return json;
}

}  // namespace layerd
