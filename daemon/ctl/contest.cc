#include "daemon/ctl/contest.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "config/status_macros.h"
#include "daemon/ctl/temporary_folder.h"
#include "daemon/pack/decode_layer_file.h"
#include "daemon/rt/processor_name.h"

namespace layerd {
namespace {

constexpr uint64_t kWarmUps = 2;
// Where an engine's memory happens to lie makes it a percent or three faster or
// slower for as long as it lives, so a bench is held in several places.
constexpr uint64_t kPlaces = 3;
constexpr uint64_t kInputSeeds = 4;  // Different inputs, in turn.

absl::StatusOr<std::vector<std::vector<Array>>> InputsOf(
    const BenchSettings& settings, const Model& model) {
  std::vector<std::vector<Array>> inputs(kInputSeeds);
  if (!settings.inputs.empty()) {
    ASSIGN_OR_RETURN(const std::vector<Array> given,
                     ReadInputs(settings.inputs, PortsOf(model.inputs())));
    inputs.assign(kInputSeeds, given);
    return inputs;
  }
  for (uint64_t seed = 0; seed < kInputSeeds; ++seed) {
    for (const ArrayPort& port : PortsOf(model.inputs())) {
      ASSIGN_OR_RETURN(Array array, RandomArray(port, seed));
      inputs[seed].push_back(std::move(array));
    }
  }
  return inputs;
}

// All weights in memory as f32: narrow ones are decoded once, into a file that
// is gone as soon as it is open. The layer file's own folder may be read-only.
absl::StatusOr<Contestant> StartResident(const EngineOptions& options,
                                         const BenchSettings& settings) {
  if (!settings.is_narrow) {
    return Contestant::Start(options, settings.layer_file);
  }
  std::error_code ignored;  // Then it goes elsewhere.
  std::filesystem::create_directories(settings.cache_folder, ignored);
  ASSIGN_OR_RETURN(
      const TemporaryFolder folder,
      TemporaryFolder::Make({settings.cache_folder, SystemTemporaryFolder()}));
  const std::string decoded = folder / "decoded.layers";
  RETURN_IF_ERROR(DecodeLayerFile(settings.layer_file, decoded));
  return Contestant::Start(options, decoded);
}

// The drive is as it was found a moment ago.
EngineOptions OptionsOf(const BenchSettings& settings,
                        const DriveSpeed& drive) {
  EngineOptions options;
  options.threads = settings.threads;
  options.cache_path = settings.cache_folder;
  Machine& machine = options.machine.emplace(settings.machine);
  if (!settings.machine_is_given) machine.processor = ProcessorName();
  machine.drive_bytes_per_s = drive.bytes_per_s;
  machine.first_read_seconds = drive.first_read_seconds;
  machine.drive_turn_seconds = drive.turn_seconds;
  return options;
}

// Where its memory lies now stays taken until `contest` has another place.
absl::Status Move(const BenchSettings& settings, const DriveSpeed& drive,
                  Contest* contest) {
  ASSIGN_OR_RETURN(Contest next, StartContest(settings, drive));
  next.resident.TakeOver(std::move(contest->resident));
  next.streamed.TakeOver(std::move(contest->streamed));
  if (next.whole_layer) {
    next.whole_layer->TakeOver(*std::move(contest->whole_layer));
  }
  contest->resident = std::move(next.resident);
  contest->streamed = std::move(next.streamed);
  contest->whole_layer = std::move(next.whole_layer);
  return absl::OkStatus();
}

// What the streamed request of this round read, and what that cost.
absl::Status AskStreamed(const std::vector<Array>& inputs, bool counts,
                         Contest* contest) {
  Engine& engine = contest->streamed.engine();
  const Loader::Stats before = engine.loading();
  const auto cpu_before = engine.loader_cpu_time();
  const auto begin = std::chrono::steady_clock::now();
  RETURN_IF_ERROR(contest->streamed.Ask(inputs, counts));
  // In idle time, as between the requests of a daemon; nobody is timed now.
  contest->streamed.AwaitReadAhead();
  if (!counts) return absl::OkStatus();
  contest->read_bytes += engine.loading().read_bytes - before.read_bytes;
  contest->reads += engine.loading().reads - before.reads;
  contest->loader_cpu_time += engine.loader_cpu_time() - cpu_before;
  contest->reading_time += std::chrono::steady_clock::now() - begin;
  return absl::OkStatus();
}

absl::Status AskResident(const std::vector<Array>& inputs, bool counts,
                         Contest* contest) {
  RETURN_IF_ERROR(contest->resident.Ask(inputs, counts));
  if (!contest->whole_layer) return absl::OkStatus();
  return contest->whole_layer->Ask(inputs, counts);
}

absl::Status Round(uint64_t number, bool counts, Contest* contest) {
  const std::vector<Array>& inputs = contest->inputs[number % kInputSeeds];
  // Whoever comes second finds the caches as the first left them.
  if (number / kInputSeeds % 2 == 0) {
    RETURN_IF_ERROR(AskResident(inputs, counts, contest));
    RETURN_IF_ERROR(AskStreamed(inputs, counts, contest));
  } else {
    RETURN_IF_ERROR(AskStreamed(inputs, counts, contest));
    RETURN_IF_ERROR(AskResident(inputs, counts, contest));
  }
  contest->outputs_identical &=
      contest->resident.outputs() == contest->streamed.outputs();
  return absl::OkStatus();
}

// The drive as the streamed requests of this round met it.
absl::Status LookAtDrive(uint64_t number, Contest* contest) {
  if (!contest->drive) return absl::OkStatus();
  return contest->drive->LookBeside([&] {
    return contest->resident.Ask(contest->inputs[number % kInputSeeds],
                                 /*counts=*/false);
  });
}

absl::Status WarmUp(Contest* contest) {
  for (uint64_t round = 0; round < kWarmUps; ++round) {
    RETURN_IF_ERROR(Round(round, /*counts=*/false, contest));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Contest> StartContest(const BenchSettings& settings,
                                     const DriveSpeed& drive) {
  EngineOptions options = OptionsOf(settings, drive);
  ASSIGN_OR_RETURN(Contestant resident, StartResident(options, settings));
  ASSIGN_OR_RETURN(auto inputs, InputsOf(settings, resident.model()));
  std::optional<Contestant> whole_layer;
  if (!settings.whole_layer_file.empty()) {
    ASSIGN_OR_RETURN(whole_layer,
                     Contestant::Start(options, settings.whole_layer_file));
  }
  options.weight_budget_bytes = settings.budget_bytes;
  options.drive_bytes_per_s_max = settings.paced_bytes_per_s;
  ASSIGN_OR_RETURN(Contestant streamed,
                   Contestant::Start(options, settings.layer_file));
  return Contest{.resident = std::move(resident),
                 .streamed = std::move(streamed),
                 .whole_layer = std::move(whole_layer),
                 .inputs = std::move(inputs)};
}

absl::Status RunRounds(const BenchSettings& settings, const DriveSpeed& drive,
                       uint64_t rounds, Contest* contest) {
  const uint64_t places = std::min(kPlaces, rounds);
  for (uint64_t place = 0, round = 0; place < places; ++place) {
    if (place > 0) RETURN_IF_ERROR(Move(settings, drive, contest));
    RETURN_IF_ERROR(WarmUp(contest));
    for (; round < rounds * (place + 1) / places; ++round) {
      RETURN_IF_ERROR(Round(round, /*counts=*/true, contest));
      RETURN_IF_ERROR(LookAtDrive(round, contest));
    }
  }
  return absl::OkStatus();
}

}  // namespace layerd
