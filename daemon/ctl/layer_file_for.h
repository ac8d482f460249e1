#ifndef LAYERD_DAEMON_CTL_LAYER_FILE_FOR_H_
#define LAYERD_DAEMON_CTL_LAYER_FILE_FOR_H_

#include <string>

#include "absl/status/statusor.h"
#include "daemon/pack/packer.h"

namespace layerd {

// What to call the model of FILE: the file's name, or where all files are
// called alike the folder's: of <repository>/<model>/<version>/model.onnx it is
// <model>.
std::string ModelNameOf(const std::string& file);

// FILE of a command: a layer file, or an ONNX model and its place in the cache.
//
// The place is named by the identity of all files of the model (sizes, times,
// inodes), by how it is packed and for which kernels: another of them, another
// place, and nothing stale is ever found.
class LayerFileFor {
 public:
  // Errors: as ScanOnnx() for FILE.onnx; shapes are not looked at.
  static absl::StatusOr<LayerFileFor> Find(const std::string& file,
                                           const std::string& cache_folder,
                                           const PackOptions& options);

  const std::string& path() const { return path_; }
  // It can be made (again) from the model.
  bool can_pack() const { return !onnx_path_.empty(); }
  bool is_there() const;

  // REQUIRES: can_pack().
  absl::Status Pack();
  // Packs if that is possible and there is nothing yet.
  absl::Status PackOnce();

 private:
  LayerFileFor() = default;

  std::string path_;
  std::string onnx_path_;  // Empty if FILE is a layer file.
  PackOptions options_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_LAYER_FILE_FOR_H_
