#include "kernels/cpu/row_split.h"

#include <algorithm>
#include <utility>

#include "config/status_macros.h"
#include "kernels/cpu/staging.h"

namespace layerd::cpu {
namespace {

class RowSplitKernel : public CpuKernel {
 public:
  explicit RowSplitKernel(std::vector<std::unique_ptr<CpuKernel>> shares)
      : shares_(std::move(shares)), statuses_(shares_.size()) {
    ScratchPlan scratch;
    for (const std::unique_ptr<CpuKernel>& share : shares_) {
      scratch_offsets_.push_back(scratch.Take(share->scratch_bytes()));
    }
    scratch_bytes_ = scratch.bytes();
  }

  std::string implementation() const override {
    return shares_.front()->implementation();
  }

  absl::Status Run(dnnl_stream_t stream, const PartMemory& memory) override {
    const int64_t count = shares_.size();
    ParallelRanges(count, kParallelElements, [&](int64_t begin, int64_t end) {
      const OneThread one_thread;
      for (int64_t i = begin; i < end; ++i) {
        PartMemory share = memory;
        share.scratch += scratch_offsets_[i];
        statuses_[i] = shares_[i]->Run(stream, share);
      }
    });
    for (const absl::Status& status : statuses_) RETURN_IF_ERROR(status);
    return absl::OkStatus();
  }

 private:
  std::vector<std::unique_ptr<CpuKernel>> shares_;
  std::vector<size_t> scratch_offsets_;
  std::vector<absl::Status> statuses_;
};

}  // namespace

bool IsFast(const CpuKernel& kernel) {
  return kernel.implementation().find("ref") == std::string::npos;
}

KernelOr SplitRows(const PartSpec& spec, const OneDnn& library, MakeRows make) {
  const int64_t count = std::min(ThreadsMax(), spec.rows.count);
  const OneThread one_thread;
  std::vector<std::unique_ptr<CpuKernel>> shares;
  for (int64_t i = 0; i < count; ++i) {
    PartSpec share = spec;
    const int64_t begin = spec.rows.count * i / count;
    const int64_t end = spec.rows.count * (i + 1) / count;
    share.rows = {spec.rows.first + begin, end - begin};
    ASSIGN_OR_RETURN(std::unique_ptr<CpuKernel> kernel, make(share, library));
    if (!IsFast(*kernel)) return absl::UnimplementedError("slow at one thread");
    shares.push_back(std::move(kernel));
  }
  return std::make_unique<RowSplitKernel>(std::move(shares));
}

KernelOr MakeFast(const PartSpec& spec, const OneDnn& library, MakeRows make) {
  ASSIGN_OR_RETURN(std::unique_ptr<CpuKernel> kernel, make(spec, library));
  if (IsFast(*kernel)) return kernel;
  KernelOr split = SplitRows(spec, library, make);
  if (!absl::IsUnimplemented(split.status())) return split;
  return kernel;
}

}  // namespace layerd::cpu
