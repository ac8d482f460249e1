#include "daemon/ctl/layer_file_for.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/check.h"
#include "config/fnv1a.h"
#include "config/status_macros.h"
#include "config/version.h"
#include "daemon/ctl/output.h"
#include "daemon/ctl/pack_options.h"
#include "daemon/pack/onnx/onnx_scan.h"
#include "loader/store/format.h"

namespace layerd {
namespace {

constexpr char kOnnxEnding[] = ".onnx";
// What names and attributes may take while we look for the model's files.
constexpr uint64_t kScanBytesMax = 64 << 20;

// All files that the model's weights come from.
absl::StatusOr<std::string> IdentityOf(const std::string& onnx_path) {
  Allowance held_bytes("bytes", kScanBytesMax);
  ASSIGN_OR_RETURN(const OnnxModel model, ScanOnnx(onnx_path, held_bytes));
  std::string identity;
  for (const auto& file : model.files) {
    struct stat there;
    if (fstat(file->fd.get(), &there) != 0) {
      return absl::ErrnoToStatus(errno, file->path);
    }
    absl::StrAppend(&identity, there.st_dev, ":", there.st_ino, ":",
                    there.st_size, ":", there.st_mtim.tv_sec, ".",
                    there.st_mtim.tv_nsec, ":", there.st_ctim.tv_sec, ".",
                    there.st_ctim.tv_nsec, "\n");
  }
  return identity;
}

std::string PurposeOf(const PackOptions& options) {
  const KernelKey key = PackingBackend(options)->key();
  std::string purpose =
      absl::StrCat(kVersion, "|", kFormatVersion, "|", key.backend, "|",
                   key.isa, "|", key.dtype, "|", key.library);
  for (const auto& [name, shape] : options.shapes) {
    absl::StrAppend(&purpose, "|", name, "=", absl::StrJoin(shape, ","));
  }
  absl::StrAppend(&purpose, "|", options.weights, "|", options.optimize_for,
                  "|", options.tile_bytes, "|", options.extent_bytes_max, "|",
                  options.part_flops_max);
  if (options.compute != "f32") absl::StrAppend(&purpose, "|", options.compute);
  return purpose;
}

absl::Status MakeFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) return absl::OkStatus();
  return absl::ErrnoToStatus(error.value(),
                             absl::StrCat("cache folder ", folder));
}

}  // namespace

std::string ModelNameOf(const std::string& file) {
  std::error_code ignored;
  std::filesystem::path path = std::filesystem::absolute(file, ignored);
  if (path.stem() != "model") return path.stem().string();
  path = path.parent_path();
  const std::string folder = path.filename().string();
  const bool is_version =
      folder.find_first_not_of("0123456789") == std::string::npos;
  return (is_version ? path.parent_path() : path).filename().string();
}

absl::StatusOr<LayerFileFor> LayerFileFor::Find(const std::string& file,
                                                const std::string& cache_folder,
                                                const PackOptions& options) {
  LayerFileFor found;
  if (!file.ends_with(kOnnxEnding)) {
    found.path_ = file;
    return found;
  }
  ASSIGN_OR_RETURN(const std::string identity, IdentityOf(file));
  found.onnx_path_ = file;
  found.options_ = options;
  found.path_ =
      absl::StrFormat("%s/%s-%016x.layers", cache_folder,
                      std::filesystem::path(file).stem().string(),
                      Fnv1a(absl::StrCat(identity, PurposeOf(options))));
  return found;
}

bool LayerFileFor::is_there() const { return access(path_.c_str(), F_OK) == 0; }

absl::Status LayerFileFor::PackOnce() {
  return can_pack() && !is_there() ? Pack() : absl::OkStatus();
}

absl::Status LayerFileFor::Pack() {
  LAYERD_CHECK(can_pack());
  RETURN_IF_ERROR(
      MakeFolder(std::filesystem::path(path_).parent_path().string()));
  const std::unique_ptr<Backend> backend = PackingBackend(options_);
  return layerd::Pack(onnx_path_, path_, options_, *backend,
                      ProgressBar("packing"))
      .status();
}

}  // namespace layerd
