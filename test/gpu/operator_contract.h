#ifndef LAYERD_TEST_GPU_OPERATOR_CONTRACT_H_
#define LAYERD_TEST_GPU_OPERATOR_CONTRACT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "test/kernels/test_layer.h"

namespace layerd {

// What came of one sentence about one layer. `wrong` is empty if it holds.
struct OperatorVerdict {
  std::string sentence;  // "whole", "in channel parts", "the same bits"
  std::string layer;     // "Convolution, 3x3"
  std::string wrong;
};

// Runs every case of test/kernels/cases.h on `backend`, which carries memory
// itself (AttachedBackend): whole, aligned and not; in parts; twice at other
// addresses. Tensors of floats are `compute`: F32, or F16, and then the oracle
// is asked with the same rounded numbers; kernels are F16, F32 and what else
// they are stored as. `tolerance` is relative: |a - e| <=
// tolerance * (1 + |e|).
void HoldOperators(Backend& backend, DataType compute, float tolerance,
                   const std::function<void(const OperatorVerdict&)>& tell);

// What else a device has to hold, in f32: convolutions that take and write any
// order and ranges of buffers; random ones, cut at random; residuals and
// elementwise operators in place; and data that asks for what cannot be, which
// fails that part alone.
void HoldArrangements(Backend& backend, float tolerance,
                      const std::function<void(const OperatorVerdict&)>& tell);

}  // namespace layerd

#endif  // LAYERD_TEST_GPU_OPERATOR_CONTRACT_H_
