#include "kernels/reference/reference_backend.h"

#include <optional>
#include <utility>

#include "config/check.h"
#include "config/status_macros.h"
#include "kernels/decoded_part.h"
#include "kernels/part_check.h"
#include "kernels/reference/plain_decoder.h"
#include "kernels/reference/reference_part.h"

namespace layerd {
namespace {

class ReferenceKernel : public Kernel {
 public:
  explicit ReferenceKernel(const PartSpec& spec) : part_(DecodedSpec(spec)) {
    if (IsNarrow(spec)) decoder_.emplace(spec);
  }
  size_t scratch_bytes() const override { return part_.scratch_bytes(); }
  size_t decoded_bytes() const override {
    return decoder_ ? decoder_->decoded_bytes() : 0;
  }

  absl::Status Run(const PartMemory& memory) const {
    if (!decoder_) return part_.Run(memory);
    decoder_->Decode(memory.weights, memory.decoded);
    PartMemory decoded = memory;
    decoded.weights = memory.decoded;
    return part_.Run(decoded);
  }

 private:
  ReferencePart part_;
  std::optional<PlainDecoder> decoder_;
};

class ReferenceBackend : public Backend {
 public:
  KernelKey key() const override {
    return {"reference", "any", "f32", "plain loops"};
  }

  absl::StatusOr<std::vector<WeightLayout>> WeightLayouts(
      const PartSpec& spec) const override {
    RETURN_IF_ERROR(CheckPart(spec));
    RETURN_IF_ERROR(CheckComputesF32(spec));
    std::vector<WeightLayout> layouts;
    for (const WeightPiece& piece : spec.weights) {
      layouts.push_back(
          WeightLayout::Plain(piece.layout.dtype, piece.layout.shape));
    }
    return layouts;
  }

  absl::StatusOr<std::unique_ptr<Kernel>> Prepare(
      const PartSpec& spec) override {
    RETURN_IF_ERROR(CheckPlacedPart(spec));
    RETURN_IF_ERROR(CheckComputesF32(spec));
    for (const WeightPiece& piece : spec.weights) {
      if (piece.layout.transform == WeightLayout::Transform::kNone) continue;
      return absl::FailedPreconditionError(
          "weights are stored transformed: repack the model");
    }
    return std::make_unique<ReferenceKernel>(spec);
  }

  absl::StatusOr<Ticket> Enqueue(Kernel& kernel,
                                 const PartMemory& memory) override {
    auto* ours = dynamic_cast<ReferenceKernel*>(&kernel);
    LAYERD_CHECK(ours != nullptr, "a kernel of another backend");
    RETURN_IF_ERROR(ours->Run(memory));
    return Ticket{++last_ticket_};
  }

  bool Completed(Ticket) override { return true; }
  absl::Status Wait(Ticket) override { return absl::OkStatus(); }

 private:
  uint64_t last_ticket_ = 0;
};

}  // namespace

std::unique_ptr<Backend> MakeReferenceBackend() {
  return std::make_unique<ReferenceBackend>();
}

}  // namespace layerd
