// layerd's side of peers.py: one inference for each line that comes in, and a
// line with its milliseconds for each that goes out. All weights are resident.
//
//   contender THREADS FILE.layers
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "daemon/engine/engine.h"
#include "daemon/rt/passive_wait.h"

namespace layerd {
namespace {

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "contender: %s\n",
               std::string(status.message()).c_str());
  return 1;
}

int Answer(int threads, const std::string& file) {
  EngineOptions options;
  options.threads = threads;
  auto engine = Engine::Start(options);
  if (!engine.ok()) return Fail(engine.status());
  const absl::Status loaded =
      (*engine)->LoadModels({{file, "model", "1"}}).front();
  if (!loaded.ok()) return Fail(loaded);
  const std::shared_ptr<Model> model = (*engine)->Find("model", "");
  std::vector<std::vector<std::byte>> inputs, outputs;
  for (const Model::Port& port : model->inputs()) {
    std::vector<std::byte>& bytes = inputs.emplace_back(port.bytes);
    if (port.dtype != DataType::kF32) continue;  // Zeros: in every range.
    auto* const floats = reinterpret_cast<float*>(bytes.data());
    for (size_t i = 0; i < port.bytes / sizeof(float); ++i) {
      floats[i] = static_cast<float>(i * 37 % 101) * 0.02f - 1.0f;
    }
  }
  for (const Model::Port& port : model->outputs()) {
    outputs.emplace_back(port.bytes);
  }
  for (std::string line; std::getline(std::cin, line);) {
    JobStats stats;
    const auto begin = std::chrono::steady_clock::now();
    const absl::Status status =
        (*engine)->Run(model, {inputs.begin(), inputs.end()},
                       {outputs.begin(), outputs.end()}, &stats);
    if (!status.ok()) return Fail(status);
    std::printf("%.4f\n", std::chrono::duration<double, std::milli>(
                              std::chrono::steady_clock::now() - begin)
                              .count());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace layerd

int main(int argc, char** argv) {
  layerd::WaitPassively(argv);
  if (argc == 3) return layerd::Answer(std::atoi(argv[1]), argv[2]);
  std::fputs("contender THREADS FILE.layers\n", stderr);
  return 2;
}
