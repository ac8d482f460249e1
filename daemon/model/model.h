#ifndef LAYERD_DAEMON_MODEL_MODEL_H_
#define LAYERD_DAEMON_MODEL_MODEL_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/plan/program.h"
#include "kernels/backend.h"
#include "loader/store/layer_file_reader.h"

namespace layerd {

// A loaded network: its layer file open, its program understood, its kernels
// prepared. "Loaded" does not mean that weights are in memory.
//
// Threading: immutable after Load(), but for the failure that the executor
//            may note and anyone may read.
class Model {
 public:
  struct Port {  // An input or output.
    std::string name;
    DataType dtype;
    std::vector<int64_t> shape;
    uint64_t bytes;
  };

  // Opens and understands the layer file and prepares every part on `backend`,
  // which outlives the model.
  // Errors: as LayerFileReader::Open() and Program::Parse(); what the backend
  //         says of a part, with its layer; FAILED_PRECONDITION if the weights
  //         were laid out for other kernels.
  static absl::StatusOr<std::shared_ptr<Model>> Load(
      const std::string& layer_file_path, const std::string& name,
      const std::string& version, int level, Backend* backend);

  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  int level() const { return level_; }
  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  const Program& program() const { return program_; }
  const LayerFileReader& file() const { return *file_; }
  // Identity of the layer file: of the ONNX it came from, and sizes.
  uint64_t weight_bytes() const { return weight_bytes_; }
  uint64_t scratch_bytes() const {
    return scratch_bytes_;
  }  // Of the greediest part.
  Kernel& kernel(size_t part) const { return *kernels_[part]; }

  // After a damaged tile or a dying drive: no request is served until the
  // model is loaded again. The first reason stays.
  void Fail(const absl::Status& reason);
  absl::Status failure() const;  // OK while it may serve.

 private:
  Model() = default;
  absl::Status PrepareParts(const KernelKey& packed_for, Backend* backend);

  std::string name_, version_;
  int level_ = 3;
  std::vector<Port> inputs_, outputs_;
  std::unique_ptr<LayerFileReader> file_;
  Program program_;
  std::vector<std::unique_ptr<Kernel>> kernels_;
  uint64_t weight_bytes_ = 0, scratch_bytes_ = 0;
  mutable std::mutex mutex_;
  absl::Status failure_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_MODEL_MODEL_H_
