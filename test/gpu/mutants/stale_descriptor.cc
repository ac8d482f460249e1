// It was right for the layer before.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "stale_descriptor",
    .fault = "a convolution has the pads of the one before",
    .hook =
        [] {
          return twin::Hook(
              [stale = static_cast<void*>(nullptr)](twin::Call& call) mutable {
                if (!IsConvolution(call)) return;
                std::swap(stale, call.descriptor);
                if (call.descriptor == nullptr) call.descriptor = stale;
              });
        },
});

}  // namespace
}  // namespace layerd
