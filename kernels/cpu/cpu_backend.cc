#include "kernels/cpu/cpu_backend.h"

#include <omp.h>

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "config/check.h"
#include "config/status_macros.h"
#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/team.h"
#include "kernels/cpu/weight_decoder.h"
#include "kernels/decoded_part.h"
#include "kernels/part_check.h"
#include "kernels/reference/reference_part.h"

namespace layerd {
namespace {

using cpu::CpuKernel;
using cpu::KernelOr;

// The library has 32-bit corners; nothing a small machine runs comes near.
constexpr int64_t kElementsMax = (int64_t{1} << 31) - 1;

class FallbackKernel : public CpuKernel {
 public:
  explicit FallbackKernel(const PartSpec& spec) : part_(spec) {
    scratch_bytes_ = part_.scratch_bytes();
  }
  std::string implementation() const override { return "reference"; }
  absl::Status Run(dnnl_stream_t, const PartMemory& memory) override {
    return part_.Run(memory);
  }

 private:
  ReferencePart part_;
};

// A narrow part: decoded, then computed like any other.
class DecodingKernel : public CpuKernel {
 public:
  DecodingKernel(const PartSpec& stored, std::unique_ptr<CpuKernel> decoded)
      : decoder_(stored), inner_(std::move(decoded)) {
    scratch_bytes_ = inner_->scratch_bytes();
    inner_decodes_ = inner_->TakeDecoder(&decoder_);
  }

  size_t decoded_bytes() const override { return decoder_.decoded_bytes(); }
  std::string implementation() const override {
    return inner_->implementation();
  }

  absl::Status Run(dnnl_stream_t stream, const PartMemory& memory) override {
    if (inner_decodes_) return inner_->Run(stream, memory);
    decoder_.Decode(memory.weights, memory.decoded);
    PartMemory decoded = memory;
    decoded.weights = memory.decoded;
    return inner_->Run(stream, decoded);
  }

 private:
  cpu::WeightDecoder decoder_;
  std::unique_ptr<CpuKernel> inner_;
  bool inner_decodes_;
};

// One element may stand for any number of them: what broadcasts is counted too.
bool FitsLibrary(const PartSpec& spec) {
  const auto fits = [](const TensorType& type) {
    return type.element_count() <= kElementsMax &&
           type.span_bytes() / static_cast<int64_t>(SizeOf(type.dtype)) <=
               kElementsMax;
  };
  for (const TensorType& type : spec.inputs) {
    if (!fits(type)) return false;
  }
  for (const TensorType& type : spec.outputs) {
    if (!fits(type)) return false;
  }
  for (const WeightPiece& piece : spec.weights) {
    if (piece.layout.bytes() > kElementsMax) return false;
  }
  return true;
}

class CpuBackend : public Backend {
 public:
  explicit CpuBackend(int threads) : threads_(threads), team_(threads) {
    LAYERD_CHECK(threads >= 1);
  }

  KernelKey key() const override {
    return {"cpu", cpu::OneDnn::Isa(), "f32", cpu::OneDnn::Version()};
  }

  absl::StatusOr<std::vector<WeightLayout>> WeightLayouts(
      const PartSpec& spec) const override {
    RETURN_IF_ERROR(CheckPart(spec));
    RETURN_IF_ERROR(CheckComputesF32(spec));
    if (!IsNarrow(spec)) return Wanted(spec);
    ASSIGN_OR_RETURN(const std::vector<WeightLayout> decoded,
                     Wanted(DecodedSpec(spec)));
    std::vector<WeightLayout> layouts;
    for (const WeightPiece& piece : spec.weights) {
      layouts.push_back(piece.layout);
    }
    for (size_t w = 0; w < KernelsOf(spec.op); ++w) {
      layouts[w] = Decoded(decoded[w], spec.weights[w].layout.dtype);
    }
    return layouts;
  }

  absl::StatusOr<std::unique_ptr<Kernel>> Prepare(
      const PartSpec& spec) override {
    RETURN_IF_ERROR(CheckPlacedPart(spec));
    RETURN_IF_ERROR(CheckComputesF32(spec));
    omp_set_num_threads(threads_);
    const cpu::ThreadsScope loops(threads_);
    ASSIGN_OR_RETURN(std::unique_ptr<CpuKernel> kernel,
                     PrepareF32(DecodedSpec(spec)));
    if (!IsNarrow(spec)) return kernel;
    return std::make_unique<DecodingKernel>(spec, std::move(kernel));
  }

  int helpers() const override { return threads_ - 1; }
  void Help(int helper, bool own_cpus) override {
    team_.Help(helper + 1, own_cpus);
  }
  void StopHelping() override { team_.Stop(); }

  void OnLibraryThreads(const std::function<void(int)>& body) override {
#if defined(__SANITIZE_THREAD__)  // It knows nothing of libgomp's barriers.
    body(0);
#else
#pragma omp parallel num_threads(threads_)
    body(omp_get_thread_num());
#endif
  }

  absl::StatusOr<Ticket> Enqueue(Kernel& kernel,
                                 const PartMemory& memory) override {
    auto* ours = dynamic_cast<CpuKernel*>(&kernel);
    LAYERD_CHECK(ours != nullptr, "a kernel of another backend");
    omp_set_num_threads(threads_);
    const cpu::ThreadsScope loops(threads_, threads_ > 1 ? &team_ : nullptr);
    RETURN_IF_ERROR(ours->Run(library_.stream(), memory));
    return Ticket{++last_ticket_};
  }

  bool Completed(Ticket) override { return true; }
  absl::Status Wait(Ticket) override { return absl::OkStatus(); }

 private:
  KernelOr PrepareF32(const PartSpec& spec) const {
    ASSIGN_OR_RETURN(const std::vector<WeightLayout> wanted, Wanted(spec));
    for (size_t i = 0; i < wanted.size(); ++i) {
      const absl::Status status =
          cpu::CompareLayouts(spec.weights[i].layout, wanted[i]);
      if (!status.ok()) {
        return absl::Status(status.code(), absl::StrCat(NameOf(spec.op), ": ",
                                                        status.message()));
      }
    }
    KernelOr kernel = MakeKernel(spec);
    if (!absl::IsUnimplemented(kernel.status())) return kernel;
    return std::make_unique<FallbackKernel>(spec);
  }

  absl::StatusOr<std::vector<WeightLayout>> WantedBy(
      const Recurrent& op, const PartSpec& spec,
      std::vector<WeightLayout> layouts) const {
    for (size_t i = 0; i < layouts.size(); ++i) {
      absl::StatusOr<WeightLayout> kernel =
          cpu::KernelLayout(op, spec, i, library_);
      if (absl::IsUnimplemented(kernel.status())) continue;
      ASSIGN_OR_RETURN(layouts[i], std::move(kernel));
    }
    return layouts;
  }

  // Plain, but for the kernels of convolutions, fully connected and recurrent
  // layers.
  absl::StatusOr<std::vector<WeightLayout>> Wanted(const PartSpec& spec) const {
    std::vector<WeightLayout> layouts;
    for (const WeightPiece& piece : spec.weights) {
      layouts.push_back(
          WeightLayout::Plain(piece.layout.dtype, piece.layout.shape));
    }
    absl::StatusOr<WeightLayout> kernel = absl::UnimplementedError("");
    if (layouts.empty() || !FitsLibrary(spec)) return layouts;
    if (const auto* op = std::get_if<Recurrent>(&spec.op)) {
      return WantedBy(*op, spec, std::move(layouts));
    }
    if (const auto* op = std::get_if<Convolution>(&spec.op)) {
      kernel = cpu::KernelLayout(*op, spec, library_);
    } else if (const auto* op = std::get_if<ConvTranspose>(&spec.op)) {
      kernel = cpu::KernelLayout(*op, spec, library_);
    } else if (const auto* op = std::get_if<FullyConnected>(&spec.op)) {
      kernel = cpu::KernelLayout(*op, spec, library_);
    }
    if (absl::IsUnimplemented(kernel.status())) return layouts;
    ASSIGN_OR_RETURN(layouts[0], std::move(kernel));
    return layouts;
  }

  KernelOr MakeKernel(const PartSpec& spec) const {
    if (!FitsLibrary(spec)) return absl::UnimplementedError("too large");
    return std::visit(
        [&](const auto& op) { return cpu::Make(op, spec, library_); }, spec.op);
  }

  const int threads_;
  const cpu::OneDnn library_;
  cpu::Team team_;
  uint64_t last_ticket_ = 0;
};

}  // namespace

std::unique_ptr<Backend> MakeCpuBackend(int threads) {
  return std::make_unique<CpuBackend>(threads);
}

}  // namespace layerd
