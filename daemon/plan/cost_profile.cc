#include "daemon/plan/cost_profile.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "costs.pb.h"

namespace layerd {
namespace {

constexpr double kPartSecondsMax = 3600;
constexpr double kMicro = 1e-6;
// Between two parts: the queue is asked, a kernel is entered.
constexpr double kPartOverheadSeconds = 3e-6;

absl::Status Unfit(const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("cost profile: ", why));
}

double BytesOf(const Program& program, const std::vector<uint32_t>& tensors) {
  double bytes = 0;
  for (const uint32_t tensor : tensors) {
    const TensorType& type = program.tensors[tensor].type;
    bytes += static_cast<double>(type.element_count()) *
             static_cast<double>(SizeOf(type.dtype));
  }
  return bytes;
}

// Not a number is not within.
bool IsWithin(double value, double most) { return value >= 0 && value <= most; }

absl::Status CheckSound(const CostProfile& profile, size_t parts) {
  if (profile.part_seconds.size() != parts) {
    return Unfit(absl::StrFormat("it has %d parts, the file %d",
                                 profile.part_seconds.size(), parts));
  }
  for (const double seconds : profile.part_seconds) {
    if (!IsWithin(seconds, kPartSecondsMax)) {
      return Unfit(absl::StrFormat("a part takes %g s", seconds));
    }
  }
  constexpr double kFinite = std::numeric_limits<double>::max();
  if (!IsWithin(profile.resident_seconds, kFinite)) {
    return Unfit(
        absl::StrFormat("a request takes %g s", profile.resident_seconds));
  }
  const DriveSpeed& drive = profile.drive;
  for (const double value :
       {drive.bytes_per_s, drive.first_read_seconds, drive.slow_bytes_per_s,
        drive.slow_first_read_seconds, drive.turn_seconds}) {
    if (IsWithin(value, kFinite)) continue;
    return Unfit(absl::StrFormat("%g is no speed of a drive", value));
  }
  if (profile.seen.counts.size() > SeenParts::kStepsMax) {
    return Unfit(absl::StrFormat("parts were seen to take %d steps of time",
                                 profile.seen.counts.size()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CostProfile> CostProfile::Parse(std::string_view json,
                                               std::string_view file_digest,
                                               std::string_view machine_key,
                                               size_t parts) {
  costs::Profile proto;
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      {json.data(), json.size()}, &proto);
  if (!parsed.ok()) return Unfit(parsed.ToString());
  if (proto.file_digest() != file_digest ||
      proto.machine_key() != machine_key) {
    return Unfit("it is of another file or machine");
  }
  CostProfile profile;
  profile.file_digest = proto.file_digest();
  profile.machine_key = proto.machine_key();
  profile.part_seconds.assign(proto.part_seconds().begin(),
                              proto.part_seconds().end());
  profile.resident_seconds = proto.resident_seconds();
  profile.drive = {
      .bytes_per_s = proto.drive_bytes_per_s(),
      .first_read_seconds = proto.first_read_us() * kMicro,
      .slow_bytes_per_s = proto.slow_drive_bytes_per_s(),
      .slow_first_read_seconds = proto.slow_first_read_us() * kMicro,
      .turn_seconds = proto.drive_turn_us() * kMicro};
  profile.seen.steps_per_octave = proto.seen().steps_per_octave();
  profile.seen.counts.assign(proto.seen().counts().begin(),
                             proto.seen().counts().end());
  RETURN_IF_ERROR(CheckSound(profile, parts));
  return profile;
}

std::string CostProfile::ToJson() const {
  costs::Profile proto;
  proto.set_file_digest(file_digest);
  proto.set_machine_key(machine_key);
  for (const double seconds : part_seconds) proto.add_part_seconds(seconds);
  proto.set_drive_bytes_per_s(drive.bytes_per_s);
  proto.set_first_read_us(drive.first_read_seconds / kMicro);
  proto.set_slow_drive_bytes_per_s(drive.slow_bytes_per_s);
  proto.set_slow_first_read_us(drive.slow_first_read_seconds / kMicro);
  proto.set_drive_turn_us(drive.turn_seconds / kMicro);
  proto.set_resident_seconds(resident_seconds);
  if (!seen.counts.empty()) {
    proto.mutable_seen()->set_steps_per_octave(seen.steps_per_octave);
    for (const uint32_t count : seen.counts) {
      proto.mutable_seen()->add_counts(count);
    }
  }
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  LAYERD_CHECK(
      google::protobuf::util::MessageToJsonString(proto, &json, options).ok());
  return json;
}

std::string CostProfile::FileName(std::string_view file_digest,
                                  std::string_view machine_key) {
  return absl::StrCat(std::string(file_digest), "-", std::string(machine_key),
                      ".costs.json");
}

std::vector<double> CountedPartSeconds(const Program& program,
                                       const Machine& machine, int threads) {
  const double cores = std::min(std::max(threads, 1), machine.cores);
  std::vector<double> parts_of_layer(program.layers.size(), 0);
  for (const Part& part : program.parts) ++parts_of_layer[part.layer];
  std::vector<double> seconds;
  for (const Part& part : program.parts) {
    const Layer& layer = program.layers[part.layer];
    double bytes =
        (BytesOf(program, layer.inputs) + BytesOf(program, layer.outputs)) /
        parts_of_layer[part.layer];
    if (part.read) {
      bytes += static_cast<double>(
          program.extents[program.reads[*part.read]].stored_bytes);
    }
    seconds.push_back(std::max(static_cast<double>(part.work_flops) /
                                   (machine.flops_per_s * cores),
                               bytes / machine.memory_bytes_per_s) +
                      kPartOverheadSeconds);
  }
  return seconds;
}

}  // namespace layerd
