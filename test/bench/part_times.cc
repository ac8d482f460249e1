// Which parts does a request spend its time in, and is each as fast as it can
// be?
//
// One line a layer: its parts, weights, counted work, the time of the quickest
// run of each part (other programs on the machine cannot make one quicker), the
// sum of their medians, and the two rates that say what bounds it: below half of the processor's GFLOP/s
// and of the memory's GB/s at once we would worry. Several files run in turn,
// round by round; FILE.layers@4MiB streams through so much weight memory, and
// the last lines tell what its parts take longer than those of the first one,
// if that is the same file: with weights of their own, with weights that an
// earlier part waited for, and without.
//
//   bazel run //test/bench:part_times -- THREADS ROUNDS FILE.layers[@SIZE]...
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "config/byte_size.h"
#include "config/check.h"
#include "daemon/engine/engine.h"
#include "daemon/plan/quantile.h"
#include "kernels/operator.h"

namespace layerd {
namespace {

struct Runner {
  std::string file;
  std::unique_ptr<Engine> engine;
  std::shared_ptr<Model> model;
  std::vector<std::vector<std::byte>> inputs, outputs;
  std::vector<std::chrono::nanoseconds> now, best;
  std::vector<std::vector<double>> part_us;  // By part, then round.
  std::vector<double> requests_ms;
};

Runner Start(const std::string& name, int threads) {
  const std::string file = name.substr(0, name.find('@'));
  Runner runner{.file = name,
                .engine = nullptr,
                .model = nullptr,
                .inputs = {},
                .outputs = {},
                .now = {},
                .best = {},
                .part_us = {},
                .requests_ms = {}};
  EngineOptions options;
  options.threads = threads;
  if (file != name) {
    const auto budget = ParseByteSize(name.substr(file.size() + 1));
    LAYERD_CHECK(budget.ok(), std::string(budget.status().message()));
    options.weight_budget_bytes = *budget;
  }
  auto engine = Engine::Start(options);
  LAYERD_CHECK(engine.ok(), std::string(engine.status().message()));
  runner.engine = *std::move(engine);
  const absl::Status status =
      runner.engine->LoadModels({{file, "m", "1"}}).front();
  LAYERD_CHECK(status.ok(), std::string(status.message()));
  runner.model = runner.engine->Find("m", "");
  for (const Model::Port& port : runner.model->inputs()) {
    std::vector<std::byte>& bytes = runner.inputs.emplace_back(port.bytes);
    auto* const floats = reinterpret_cast<float*>(bytes.data());
    for (size_t i = 0; port.dtype == DataType::kF32 && i < port.bytes / 4;
         ++i) {
      floats[i] = static_cast<float>(i * 37 % 101) * 0.02f - 1.0f;
    }
  }
  for (const Model::Port& port : runner.model->outputs()) {
    runner.outputs.emplace_back(port.bytes);
  }
  runner.now.resize(runner.model->program().parts.size());
  runner.best.assign(runner.now.size(), std::chrono::hours(1));
  runner.part_us.resize(runner.now.size());
  return runner;
}

void Ask(Runner& runner) {
  auto job = std::make_unique<Job>();
  job->model = runner.model;
  job->level = runner.model->level();
  job->part_times = runner.now;
  for (const auto& bytes : runner.inputs) job->inputs.emplace_back(bytes);
  for (auto& bytes : runner.outputs) job->outputs.emplace_back(bytes);
  JobStats stats;
  const absl::Status status = runner.engine->Run(std::move(job), &stats);
  LAYERD_CHECK(status.ok(), std::string(status.message()));
  runner.requests_ms.push_back(1e-6 *
                               static_cast<double>(stats.computing.count()));
  for (size_t p = 0; p < runner.now.size(); ++p) {
    runner.best[p] = std::min(runner.best[p], runner.now[p]);
    runner.part_us[p].push_back(1e-3 *
                                static_cast<double>(runner.now[p].count()));
  }
}

// Medians of the parts, summed up by what they have to do with the drive.
void Compare(const Runner& first, const Runner& other) {
  const Program& program = first.model->program();
  if (other.model->program().parts.size() != program.parts.size()) return;
  const char* const kinds[] = {"begin an extent", "use it again", "have none"};
  double base_us[3] = {}, more_us[3] = {}, bytes = 0;
  size_t counts[3] = {};
  uint32_t read = ~0u;
  for (size_t p = 0; p < program.parts.size(); ++p) {
    const Part& part = program.parts[p];
    const int kind = !part.read ? 2 : *part.read == read ? 1 : 0;
    if (part.read) read = *part.read;
    if (kind == 0) {
      bytes += static_cast<double>(
          program.extents[program.reads[read]].stored_bytes);
    }
    const double us = Median(first.part_us[p]);
    base_us[kind] += us;
    more_us[kind] += Median(other.part_us[p]) - us;
    ++counts[kind];
  }
  std::printf("%s beside %s\n", other.file.c_str(), first.file.c_str());
  for (int kind = 0; kind < 3; ++kind) {
    std::printf("  %5zu parts that %-15s %9.3f ms %+8.3f ms (%+.2f %%)\n",
                counts[kind], kinds[kind], base_us[kind] * 1e-3,
                more_us[kind] * 1e-3, 100 * more_us[kind] / base_us[kind]);
  }
  std::printf("  of their %.1f MiB, %.3f ns a byte\n", bytes / (1 << 20),
              1e3 * more_us[0] / bytes);
}

void Report(const Runner& runner) {
  const Program& program = runner.model->program();
  std::printf(
      "%s\n  parts      KiB   MFLOP       us   median  longest  GFLOP/s   GB/s\n",
      runner.file.c_str());
  double total_us = 0, longest_us = 0;
  for (size_t p = 0; p < program.parts.size();) {
    const uint32_t layer = program.parts[p].layer;
    double us = 0, median_us = 0, longest = 0, flops = 0, bytes = 0;
    size_t parts = 0;
    uint32_t read = ~0u;
    for (; p < program.parts.size() && program.parts[p].layer == layer; ++p) {
      const Part& part = program.parts[p];
      const double part_us = 1e-3 * static_cast<double>(runner.best[p].count());
      us += part_us;
      median_us += Median(runner.part_us[p]);
      longest = std::max(longest, part_us);
      flops += static_cast<double>(part.work_flops);
      if (part.read && *part.read != read) {
        read = *part.read;
        bytes += static_cast<double>(
            program.extents[program.reads[read]].stored_bytes);
      }
      ++parts;
    }
    std::printf("  %5zu %8.0f %7.1f %8.1f %8.1f %8.1f %8.1f %6.1f  %s %s\n", parts,
                bytes / 1024, flops * 1e-6, us, median_us, longest, flops / us * 1e-3,
                bytes / us * 1e-3, NameOf(program.layers[layer].op),
                program.layers[layer].name.c_str());
    total_us += us;
    longest_us = std::max(longest_us, longest);
  }
  std::vector<double> requests = runner.requests_ms;
  std::sort(requests.begin(), requests.end());
  std::printf(
      "%s: %zu parts, sum of the quickest %.3f ms, longest %.0f us; "
      "requests: quickest %.3f, median %.3f ms\n",
      runner.file.c_str(), program.parts.size(), total_us * 1e-3, longest_us,
      requests.front(), requests[requests.size() / 2]);
}

}  // namespace
}  // namespace layerd

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("part_times THREADS ROUNDS FILE.layers...\n", stderr);
    return 2;
  }
  std::vector<layerd::Runner> runners;
  for (int i = 3; i < argc; ++i) {
    runners.push_back(layerd::Start(argv[i], std::atoi(argv[1])));
  }
  for (int round = 0; round < std::atoi(argv[2]); ++round) {
    for (layerd::Runner& runner : runners) layerd::Ask(runner);
  }
  for (const layerd::Runner& runner : runners) layerd::Report(runner);
  for (size_t i = 1; i < runners.size(); ++i) {
    layerd::Compare(runners[0], runners[i]);
  }
}
