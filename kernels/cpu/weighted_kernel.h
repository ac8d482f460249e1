#ifndef LAYERD_KERNELS_CPU_WEIGHTED_KERNEL_H_
#define LAYERD_KERNELS_CPU_WEIGHTED_KERNEL_H_

#include <string>

#include "kernels/cpu/cpu_kernel.h"
#include "kernels/cpu/staging.h"

namespace layerd::cpu {

// What a convolution or a fully connected part is once the library has chosen:
// x staged, one primitive on weights where they were read, y staged.
class WeightedKernel : public CpuKernel {
 public:
  struct Plan {
    Slice x, y;
    std::vector<int64_t> x_order, y_order;  // Strides the primitive works on.
    // After the sum with the residual; the primitive has applied it otherwise.
    Activation activation;
    bool adds_residual = false;
    Slice residual;
  };

  static KernelOr Create(const PartSpec& spec, const Plan& plan,
                         const_dnnl_primitive_desc_t desc,
                         const OneDnn& library);

  std::string implementation() const override { return implementation_; }
  absl::Status Run(dnnl_stream_t stream, const PartMemory& memory) override;

 private:
  WeightedKernel(const PartSpec& spec, const Plan& plan, Primitive primitive,
                 std::string implementation);

  std::vector<uint64_t> weight_offsets_bytes_;
  Primitive primitive_;
  std::string implementation_;
  StagedInput x_;
  StagedOutput y_;
  size_t library_scratch_ = 0;
};

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_WEIGHTED_KERNEL_H_
