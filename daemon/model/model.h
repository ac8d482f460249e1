#ifndef LAYERD_DAEMON_MODEL_MODEL_H_
#define LAYERD_DAEMON_MODEL_MODEL_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/model/part_times.h"
#include "daemon/plan/program.h"
#include "kernels/backend.h"
#include "loader/store/layer_file_reader.h"

namespace layerd {

// How urgent the jobs of a model are. Levels count from 1, the most urgent.
struct ModelUrgency {
  int level = 3;
  int lower_to = 0;  // A request may ask for less, down to this; 0: `level`.
  // A declared task: at most one job in each period. 0: not declared.
  std::chrono::milliseconds period{0};
  // After a request's arrival, unless it asks for less; 0: none.
  std::chrono::milliseconds deadline{0};

  // Of a declared task, after a request's arrival, whatever that asks for; 0:
  // not declared.
  std::chrono::milliseconds declared_deadline() const {
    return period.count() > 0 && deadline.count() > 0 ? deadline : period;
  }
  int lowest() const { return lower_to > level ? lower_to : level; }
  // Of a request that asks for `priority`, where 0 is "as the model has it".
  int LevelFor(uint64_t priority) const {
    if (priority <= static_cast<uint64_t>(level)) return level;
    return static_cast<int>(
        std::min(priority, static_cast<uint64_t>(lowest())));
  }
};

// A loaded network: its layer file open, its program understood, its kernels
// prepared. "Loaded" does not mean that weights are in memory.
//
// Why in two steps: Open() tells what kernels will keep, and keeps nothing; so
// whoever divides memory can refuse a model before Prepare() takes any.
//
// Threading: immutable once prepared, but for the failure and the times of
//            parts that the executor may note and anyone may read.
class Model {
 public:
  struct Port {  // An input or output.
    std::string name;
    DataType dtype;
    std::vector<int64_t> shape;
    uint64_t bytes;
    bool operator==(const Port&) const = default;
  };

  // Opens and understands the layer file. What preparing will allocate is added
  // up, and must fit `memory_budget_bytes`: how long dimensions are, a file may
  // say as it likes.
  // Errors: as LayerFileReader::Open() and Program::Parse();
  //         RESOURCE_EXHAUSTED, with what is needed, if kernels would take more
  //         than the budget, or than kPreparedBytesMax.
  static absl::StatusOr<std::shared_ptr<Model>> Open(
      const std::string& layer_file_path, const std::string& name,
      const std::string& version, const ModelUrgency& urgency,
      uint64_t memory_budget_bytes = std::numeric_limits<uint64_t>::max());
  // Prepares every part on `backend`, which outlives the model. Once; one that
  // was refused is of no use.
  // Errors: what the backend says of a part, with its layer;
  //         FAILED_PRECONDITION if the weights were laid out for other kernels.
  absl::Status Prepare(Backend* backend);
  // Both.
  static absl::StatusOr<std::shared_ptr<Model>> Load(
      const std::string& layer_file_path, const std::string& name,
      const std::string& version, const ModelUrgency& urgency, Backend* backend,
      uint64_t memory_budget_bytes = std::numeric_limits<uint64_t>::max());

  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  int level() const { return urgency_.level; }
  const ModelUrgency& urgency() const { return urgency_; }
  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  // Of the process, beside all budgets (base_memory.h).
  uint64_t base_bytes() const;
  const Program& program() const { return program_; }
  const LayerFileReader& file() const { return *file_; }
  // Of all weights, as f32 in the ONNX.
  uint64_t weight_bytes() const { return weight_bytes_; }
  // Of the greediest part: what it computes in, and what narrow weights are
  // decoded into. 0 until it is prepared.
  uint64_t scratch_bytes() const { return scratch_bytes_; }
  uint64_t decode_bytes() const { return decode_bytes_; }
  // At most, that its kernels keep beyond what the base has of them.
  uint64_t prepared_bytes() const { return prepared_bytes_; }
  // REQUIRES: it is prepared.
  Kernel& kernel(size_t part) const { return *kernels_[part]; }

  PartTimes& part_times() { return part_times_; }
  const PartTimes& part_times() const { return part_times_; }

  // After a damaged tile or a dying drive: no request is served until the
  // model is loaded again. The first reason stays.
  void Fail(const absl::Status& reason);
  absl::Status failure() const;  // OK while it may serve.
  // The same as clients hear it: UNAVAILABLE, with the reason.
  absl::Status unavailable() const;

 private:
  Model() = default;
  absl::Status CheckPrepared(uint64_t memory_budget_bytes);

  std::string name_, version_;
  ModelUrgency urgency_;
  std::vector<Port> inputs_, outputs_;
  std::unique_ptr<LayerFileReader> file_;
  KernelKey packed_for_;
  Program program_;
  std::vector<std::unique_ptr<Kernel>> kernels_;
  uint64_t weight_bytes_ = 0, scratch_bytes_ = 0, decode_bytes_ = 0;
  uint64_t prepared_bytes_ = 0;
  PartTimes part_times_;
  std::atomic<bool> failed_{false};  // So that who may serve takes no lock.
  mutable std::mutex mutex_;
  absl::Status failure_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_MODEL_MODEL_H_
