#include "kernels/cpu/onednn.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <bit>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/check.h"
#include "config/status_macros.h"

namespace layerd::cpu {
namespace {

constexpr unsigned kCachedMin = 1024;

std::atomic<unsigned> primitives_made = 0;

void MakeRoomInCacheFor(unsigned primitives) {
  dnnl_set_primitive_cache_capacity(
      static_cast<int>(std::max(kCachedMin, std::bit_ceil(primitives))));
}

dnnl_status_t AppendElementwise(dnnl_post_ops_t operations,
                                dnnl_alg_kind_t kind, float alpha, float beta) {
#if DNNL_VERSION_MAJOR < 3
  return dnnl_post_ops_append_eltwise(operations, 1, kind, alpha, beta);
#else
  return dnnl_post_ops_append_eltwise(operations, kind, alpha, beta);
#endif
}

absl::Status AppendActivation(dnnl_post_ops_t operations,
                              const Activation& activation) {
  const auto append = [&](dnnl_alg_kind_t kind, float alpha, float beta) {
    return FromDnnl(AppendElementwise(operations, kind, alpha, beta),
                    "activation");
  };
  switch (activation.kind) {
    case ActivationKind::kNone:
      return absl::OkStatus();
    case ActivationKind::kRelu:
      return append(dnnl_eltwise_relu, 0, 0);
    case ActivationKind::kClip:
      return append(dnnl_eltwise_clip, activation.alpha, activation.beta);
    case ActivationKind::kLeakyRelu:
      return append(dnnl_eltwise_relu, activation.alpha, 0);
    case ActivationKind::kSigmoid:
      return append(dnnl_eltwise_logistic, 0, 0);
    case ActivationKind::kTanh:
      return append(dnnl_eltwise_tanh, 0, 0);
    case ActivationKind::kGelu:
      return append(dnnl_eltwise_gelu_erf, 0, 0);
    case ActivationKind::kGeluTanh:
      return append(dnnl_eltwise_gelu_tanh, 0, 0);
    case ActivationKind::kSwish:
      return append(dnnl_eltwise_swish, activation.alpha, 0);
    case ActivationKind::kHardSigmoid:
      RETURN_IF_ERROR(
          append(dnnl_eltwise_linear, activation.alpha, activation.beta));
      return append(dnnl_eltwise_clip, 0, 1);
    case ActivationKind::kHardSwish:
      // Before version 3 the library knows one line only.
      if (activation.alpha != 1.0f / 6 || activation.beta != 0.5f) break;
      return append(dnnl_eltwise_hardswish, activation.alpha, activation.beta);
    case ActivationKind::kMish:
      return append(dnnl_eltwise_mish, 0, 0);
    case ActivationKind::kElu:
      if (activation.beta != 1) break;
      return append(dnnl_eltwise_elu, activation.alpha, 0);
    case ActivationKind::kLinear:
      return append(dnnl_eltwise_linear, activation.alpha, activation.beta);
    default:
      break;
  }
  return absl::UnimplementedError("oneDNN has no such activation");
}

}  // namespace

OneDnn::OneDnn() {
  LAYERD_CHECK(dnnl_engine_create(&engine_, dnnl_cpu, 0) == dnnl_success);
  LAYERD_CHECK(dnnl_stream_create(&stream_, engine_,
                                  dnnl_stream_default_flags) == dnnl_success);
}

OneDnn::~OneDnn() {
  dnnl_stream_destroy(stream_);
  dnnl_engine_destroy(engine_);
}

std::string OneDnn::Version() {
  const dnnl_version_t* version = dnnl_version();
  return absl::StrFormat("oneDNN %d.%d.%d", version->major, version->minor,
                         version->patch);
}

std::string OneDnn::Isa() {
#if defined(__aarch64__)
  return "asimd";  // The library has no names for these.
#endif
  switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41:
      return "sse41";
    case dnnl_cpu_isa_avx:
      return "avx";
    case dnnl_cpu_isa_avx2:
      return "avx2";
    case dnnl_cpu_isa_avx2_vnni:
      return "avx2_vnni";
    case dnnl_cpu_isa_avx512_core:
      return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx:
      return "avx512_core_amx";
    default:
      return "native";
  }
}

OneThread::OneThread() : threads_before_(omp_get_max_threads()), loops_(1) {
  omp_set_num_threads(1);
}

OneThread::~OneThread() { omp_set_num_threads(threads_before_); }

absl::Status FromDnnl(dnnl_status_t status, const char* what) {
  if (status == dnnl_success) return absl::OkStatus();
  const std::string message =
      absl::StrFormat("%s: oneDNN status %d", what, static_cast<int>(status));
  // Invalid to it is what it does not do: ours was checked before.
  const bool refused =
      status == dnnl_unimplemented || status == dnnl_invalid_arguments;
  return refused ? absl::UnimplementedError(message)
                 : absl::InternalError(message);
}

absl::Status CompareLayouts(const WeightLayout& stored,
                            const WeightLayout& wanted) {
  if (stored == wanted) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("weights are stored as ", ToString(stored),
                   ", but this CPU and library want ", ToString(wanted),
                   ": repack the model"));
}

absl::StatusOr<UniqueAttributes> AttributesWith(const Activation& activation) {
  dnnl_primitive_attr_t raw;
  RETURN_IF_ERROR(FromDnnl(dnnl_primitive_attr_create(&raw), "attributes"));
  UniqueAttributes attributes(raw);
  RETURN_IF_ERROR(FromDnnl(
      dnnl_primitive_attr_set_scratchpad_mode(raw, dnnl_scratchpad_mode_user),
      "scratchpad"));
  dnnl_post_ops_t operations;
  RETURN_IF_ERROR(FromDnnl(dnnl_post_ops_create(&operations), "post-ops"));
  absl::Status status = AppendActivation(operations, activation);
  if (status.ok()) {
    status =
        FromDnnl(dnnl_primitive_attr_set_post_ops(raw, operations), "post-ops");
  }
  dnnl_post_ops_destroy(operations);
  RETURN_IF_ERROR(status);
  return attributes;
}

dnnl_status_t DestroyPrimitive(dnnl_primitive_t primitive) {
  const dnnl_status_t status = dnnl_primitive_destroy(primitive);
  MakeRoomInCacheFor(--primitives_made);
  return status;
}

absl::StatusOr<Primitive> Primitive::Create(
    const OneDnn& library, const_dnnl_primitive_desc_t desc,
    const std::vector<Argument>& arguments) {
  Primitive made;
  dnnl_primitive_t primitive;
  RETURN_IF_ERROR(
      FromDnnl(dnnl_primitive_create(&primitive, desc), "primitive"));
  MakeRoomInCacheFor(++primitives_made);
  made.primitive_.reset(primitive);
  std::vector<Argument> all = arguments;
  const const_dnnl_memory_desc_t scratch =
      dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
  made.scratch_bytes_ = dnnl_memory_desc_get_size(scratch);
  if (made.scratch_bytes_ > 0) {
    // `desc` owns it, and outlives this function.
    all.push_back({DNNL_ARG_SCRATCHPAD, MemoryDesc(MemoryDesc(), scratch)});
  }
  for (const Argument& argument : all) {
    dnnl_memory_t memory;
    RETURN_IF_ERROR(
        FromDnnl(dnnl_memory_create(&memory, argument.desc.get(),
                                    library.engine(), DNNL_MEMORY_NONE),
                 "memory"));
    made.memories_.emplace_back(memory);
    made.arguments_.push_back({argument.id, memory});
  }
  return made;
}

absl::Status Primitive::Execute(dnnl_stream_t stream, const void* const* data,
                                std::byte* scratch) const {
  // The library has threads of its own.
  if (thread_state.team != nullptr) thread_state.team->Rest();
  for (size_t i = 0; i < memories_.size(); ++i) {
    const bool is_scratch = arguments_[i].arg == DNNL_ARG_SCRATCHPAD;
    void* handle = is_scratch ? scratch : const_cast<void*>(data[i]);
    RETURN_IF_ERROR(FromDnnl(
        dnnl_memory_set_data_handle(memories_[i].get(), handle), "memory"));
  }
  return FromDnnl(dnnl_primitive_execute(primitive_.get(), stream,
                                         arguments_.size(), arguments_.data()),
                  "execution");
}

}  // namespace layerd::cpu
