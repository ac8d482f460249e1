// The library writes behind it.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "small_workspace",
    .fault = "the workspace is smaller than planned",
    .hook =
        [] {
          return twin::Hook([](twin::Call& call) {
            if (IsConvolution(call)) call.bytes /= 2;
          });
        },
});

}  // namespace
}  // namespace layerd
