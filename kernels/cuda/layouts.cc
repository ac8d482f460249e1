#include "kernels/cuda/layouts.h"

#include <variant>
#include <vector>

#include "absl/strings/str_format.h"
#include "config/status_macros.h"
#include "kernels/cuda/sketch.h"
#include "kernels/part_check.h"

namespace layerd {
namespace {

class CudaLayouts final : public Backend {
 public:
  KernelKey key() const override { return CudaKernelKey(); }

  absl::StatusOr<std::vector<WeightLayout>> WeightLayouts(
      const PartSpec& spec) const override {
    RETURN_IF_ERROR(CheckPart(spec));
    std::vector<WeightLayout> layouts;
    for (size_t i = 0; i < spec.weights.size(); ++i) {
      layouts.push_back(CudaLayout(spec, i));
    }
    return layouts;
  }

  absl::StatusOr<std::unique_ptr<Kernel>> Prepare(
      const PartSpec& spec) override {
    RETURN_IF_ERROR(CheckPlacedPart(spec));
    RETURN_IF_ERROR(CheckCudaLayouts(spec));
    return cuda::SketchKernel(spec);
  }
  absl::StatusOr<Ticket> Enqueue(Kernel&, const PartMemory&) override {
    return absl::UnimplementedError("only the layouts of CUDA are here");
  }
  bool Completed(Ticket) override { return true; }
  absl::Status Wait(Ticket) override { return absl::OkStatus(); }
};

}  // namespace

WeightLayout CudaLayout(const PartSpec& spec, size_t piece) {
  const WeightLayout& layout = spec.weights[piece].layout;
  WeightLayout wanted = WeightLayout::Plain(layout.dtype, layout.shape);
  const auto* op = std::get_if<Convolution>(&spec.op);
  if (op == nullptr || piece != 0) return wanted;
  // Inputs go last, behind the window.
  const size_t inputs = layout.shape.size() - op->strides.size() - 1;
  int64_t stride = layout.shape[inputs];
  wanted.strides[inputs] = 1;
  for (size_t d = layout.shape.size(); d-- > 0;) {
    if (d == inputs) continue;
    wanted.strides[d] = stride;
    stride *= layout.shape[d];
  }
  return wanted;
}

absl::Status CheckCudaLayouts(const PartSpec& spec) {
  for (size_t i = 0; i < spec.weights.size(); ++i) {
    const WeightLayout& stored = spec.weights[i].layout;
    const WeightLayout wanted = CudaLayout(spec, i);
    if (stored == wanted) continue;
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s: weights are stored as %s, the device computes on %s",
        NameOf(spec.op), ToString(stored), ToString(wanted)));
  }
  return absl::OkStatus();
}

KernelKey CudaKernelKey() { return {"cuda", "any", "f32", "KRSC"}; }

std::unique_ptr<Backend> MakeCudaLayouts() {
  return std::make_unique<CudaLayouts>();
}

}  // namespace layerd
