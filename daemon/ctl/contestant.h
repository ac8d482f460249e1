#ifndef LAYERD_DAEMON_CTL_CONTESTANT_H_
#define LAYERD_DAEMON_CTL_CONTESTANT_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/ctl/array_files.h"
#include "daemon/ctl/npy.h"
#include "daemon/engine/engine.h"

namespace layerd {

// Inputs or outputs of a model as files of arrays fit them.
std::vector<ArrayPort> PortsOf(const std::vector<Model::Port>& ports);

// One engine of a bench with one model, its requests timed one by one.
class Contestant {
 public:
  static absl::StatusOr<Contestant> Start(const EngineOptions& options,
                                          const std::string& layer_file);

  // One request. Its latency is kept if `counts`, as are its part times.
  absl::Status Ask(const std::vector<Array>& inputs, bool counts);

  // What `before` has counted, with the same model, counts as this one's.
  // REQUIRES: nothing is counted here.
  void TakeOver(Contestant before);
  // Returns when its ring is as full as it gets without a request.
  void AwaitReadAhead();

  const std::vector<std::string>& outputs() const { return outputs_; }
  const std::vector<double>& latencies_ms() const { return latencies_ms_; }
  // Of each request, how long it waited for the drive, and the sum of its part
  // times.
  const std::vector<double>& waits_ms() const { return waits_ms_; }
  const std::vector<double>& computing_ms() const { return computing_ms_; }
  // Of each part, over what counted (TypicalParts()).
  std::vector<double> PartSeconds() const;

  Engine& engine() { return *engine_; }
  const Model& model() const { return *model_; }

 private:
  std::unique_ptr<Engine> engine_;
  std::shared_ptr<Model> model_;
  std::vector<std::string> outputs_;  // Of the last request.
  std::vector<double> latencies_ms_, waits_ms_, computing_ms_;
  std::vector<std::vector<double>> part_seconds_;  // By part, then request.
  std::vector<std::chrono::nanoseconds> part_times_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_CONTESTANT_H_
