// Such a copy is silently synchronous, or late.
#include "test/gpu/mutants/mutant.h"

namespace layerd {
namespace {

const MutantRegistration registration({
    .name = "pageable_copy",
    .fault = "weights are copied from memory that is not page-locked",
    .hook =
        [] {
          return twin::Hook(
              [copy = std::vector<std::byte>()](twin::Call& call) mutable {
                if (!IsWeightCopy(call)) return;
                const auto* from = static_cast<std::byte*>(call.pointers[1]);
                copy.assign(from, from + call.bytes);
                call.pointers[1] = copy.data();
              });
        },
});

}  // namespace
}  // namespace layerd
