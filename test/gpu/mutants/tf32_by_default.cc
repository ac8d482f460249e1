// Ten bits of fraction where 23 were asked for.
#include "cudnn.h"
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "tf32_by_default",
    .fault = "convolutions may use TF32",
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (call.name == "cudnnSetConvolutionMathType") {
              call.bytes = CUDNN_DEFAULT_MATH;
            }
          });
        },
});

}  // namespace
}  // namespace layerd
