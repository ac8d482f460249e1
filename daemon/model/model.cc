#include "daemon/model/model.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "daemon/plan/base_memory.h"
#include "kernels/prepared_bytes.h"

namespace layerd {
namespace {

KernelKey KeyOf(const manifest::KernelKey& key) {
  return {key.backend(), key.isa(), key.dtype(), key.library()};
}

std::string ToString(const KernelKey& key) {
  return absl::StrFormat("%s %s %s %s", key.backend, key.isa, key.dtype,
                         key.library);
}

// Only a layout that differs makes a file foreign; the key then says whose it
// is.
absl::Status Foreign(const absl::Status& status, const KernelKey& packed_for,
                     const KernelKey& here) {
  if (!absl::IsFailedPrecondition(status) || packed_for == here) return status;
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s; the file was packed for %s, here is %s, which `layerctl repack` "
      "lays it out for",
      std::string(status.message()), ToString(packed_for), ToString(here)));
}

absl::Status InPart(const Program& program, size_t part,
                    const absl::Status& status) {
  return absl::Status(
      status.code(),
      absl::StrFormat("layer \"%s\", part %d: %s",
                      program.layers[program.parts[part].layer].name, part,
                      std::string(status.message())));
}

std::vector<Model::Port> PortsOf(const Program& program,
                                 const std::vector<uint32_t>& tensors) {
  std::vector<Model::Port> ports;
  for (uint32_t tensor : tensors) {
    const Tensor& t = program.tensors[tensor];
    ports.push_back({.name = t.name,
                     .dtype = t.type.dtype,
                     .shape = t.type.shape,
                     .bytes = static_cast<uint64_t>(t.type.element_count()) *
                              SizeOf(t.type.dtype)});
  }
  return ports;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Model>> Model::Open(
    const std::string& layer_file_path, const std::string& name,
    const std::string& version, const ModelUrgency& urgency,
    uint64_t memory_budget_bytes) {
  std::shared_ptr<Model> model(new Model());
  model->name_ = name;
  model->version_ = version;
  model->urgency_ = urgency;
  ASSIGN_OR_RETURN(model->file_, LayerFileReader::Open(layer_file_path));
  const manifest::Manifest& manifest = model->file_->manifest();
  ASSIGN_OR_RETURN(model->program_, Program::Parse(manifest));
  model->weight_bytes_ = manifest.identity().weight_bytes();
  model->packed_for_ = KeyOf(manifest.kernel_key());
  model->file_->DropManifest();
  RETURN_IF_ERROR(model->CheckPrepared(memory_budget_bytes));
  model->inputs_ = PortsOf(model->program_, model->program_.inputs);
  model->outputs_ = PortsOf(model->program_, model->program_.outputs);
  return model;
}

absl::StatusOr<std::shared_ptr<Model>> Model::Load(
    const std::string& layer_file_path, const std::string& name,
    const std::string& version, const ModelUrgency& urgency, Backend* backend,
    uint64_t memory_budget_bytes) {
  ASSIGN_OR_RETURN(
      std::shared_ptr<Model> model,
      Open(layer_file_path, name, version, urgency, memory_budget_bytes));
  RETURN_IF_ERROR(model->Prepare(backend));
  return model;
}

uint64_t Model::base_bytes() const {
  return BaseBytesOf(program_.parts.size(), file_->tiles().tile_count(),
                     file_->manifest_memory_bytes());
}

absl::Status Model::CheckPrepared(uint64_t memory_budget_bytes) {
  uint64_t prepared_bytes = 0, most_bytes = 0;
  size_t most = 0;
  for (size_t part = 0; part < program_.parts.size(); ++part) {
    const uint64_t bytes =
        PreparedBytesMax(program_.SpecOf(program_.parts[part]));
    if (__builtin_add_overflow(prepared_bytes, bytes, &prepared_bytes)) {
      prepared_bytes = std::numeric_limits<uint64_t>::max();
    }
    if (bytes > most_bytes) most = part;
    most_bytes = std::max(most_bytes, bytes);
  }
  prepared_bytes_ = CountedPreparedBytes(prepared_bytes);
  if (prepared_bytes <= kPreparedBytesMax &&
      prepared_bytes_ <= memory_budget_bytes) {
    return absl::OkStatus();
  }
  const std::string why =
      prepared_bytes > kPreparedBytesMax
          ? absl::StrFormat(
                "at most %d are allowed; pack the model with "
                "smaller shapes",
                kPreparedBytesMax)
          : absl::StrFormat("the memory budget is %d: give at least %d",
                            memory_budget_bytes, prepared_bytes_);
  return InPart(program_, most,
                absl::ResourceExhaustedError(absl::StrFormat(
                    "it lists so many elements that the kernels of the model "
                    "would take %d bytes, of which this part %d; %s",
                    prepared_bytes, most_bytes, why)));
}

absl::Status Model::Prepare(Backend* backend) {
  for (size_t part = 0; part < program_.parts.size(); ++part) {
    PartSpec spec = program_.SpecOf(program_.parts[part]);
    // Rows of a table are copied, and widened, by who reads them: its kernel
    // never runs.
    if (program_.parts[part].table) {
      spec.weights[0].layout.dtype = spec.outputs[0].dtype;
    }
    auto kernel = backend->Prepare(spec);
    if (!kernel.ok()) {
      return InPart(program_, part,
                    Foreign(kernel.status(), packed_for_, backend->key()));
    }
    scratch_bytes_ =
        std::max<uint64_t>(scratch_bytes_, (*kernel)->scratch_bytes());
    decode_bytes_ =
        std::max<uint64_t>(decode_bytes_, (*kernel)->decoded_bytes());
    kernels_.push_back(*std::move(kernel));
  }
  return absl::OkStatus();
}

void Model::Fail(const absl::Status& reason) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (failure_.ok()) failure_ = reason;
  failed_.store(true);
}

absl::Status Model::failure() const {
  if (!failed_.load()) return absl::OkStatus();
  const std::lock_guard<std::mutex> lock(mutex_);
  return failure_;
}

absl::Status Model::unavailable() const {
  const absl::Status reason = failure();
  if (reason.ok()) return reason;
  return absl::UnavailableError(
      absl::StrFormat("model %s/%s is unavailable until it is loaded again: %s",
                      name_, version_, std::string(reason.message())));
}

}  // namespace layerd
