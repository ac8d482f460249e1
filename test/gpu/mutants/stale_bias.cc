// The pointer of the part before.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "stale_bias",
    .fault = "a convolution adds the bias of the one before",
    .hook =
        [] {
          return twin::Hook(
              [bias = static_cast<void*>(nullptr)](twin::Call& call) mutable {
                if (!IsConvolution(call)) return;
                std::swap(bias, call.pointers[4]);
                if (call.pointers[4] == nullptr) call.pointers[4] = bias;
              });
        },
});

}  // namespace
}  // namespace layerd
