#ifndef LAYERD_TEST_GPU_MUTANTS_MUTANT_H_
#define LAYERD_TEST_GPU_MUTANTS_MUTANT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "test/gpu/twin_run.h"
#include "test/sim/forwarding_backend.h"

namespace layerd {

// A fault that a host could have: what it would do to the calls that reach the
// device, or to the promises of a backend. Made anew for each run, so that it
// may keep a state.
struct Mutant {
  std::string name;
  std::string fault;  // "the compute stream does not wait for the copy"
  CudaMemory memory = CudaMemory::kStaged;
  Story story = Story::kPlain;
  bool half = false;
  std::function<twin::Hook()> hook = nullptr;
  std::function<std::unique_ptr<Backend>(std::unique_ptr<Backend>)> backend =
      nullptr;
};

// In the order of linking.
std::vector<Mutant>& Mutants();

struct MutantRegistration {
  explicit MutantRegistration(Mutant mutant) {
    Mutants().push_back(std::move(mutant));
  }
};

// The two streams, in the order in which the backend makes them.
inline const cudaStream_t kCompute = reinterpret_cast<cudaStream_t>(1);
inline const cudaStream_t kCopies = reinterpret_cast<cudaStream_t>(2);

inline std::byte* Shifted(void* pointer, ptrdiff_t bytes) {
  return static_cast<std::byte*>(pointer) + bytes;
}

inline bool IsConvolution(const twin::Call& call) {
  return call.name == "cudnnConvolutionBiasActivationForward";
}
// A copy of weights; those of inputs and outputs are on the compute stream.
inline bool IsWeightCopy(const twin::Call& call) {
  return call.name == "cudaMemcpyAsync" && call.stream == kCopies;
}
inline bool IsOtherCopy(const twin::Call& call) {
  return call.name == "cudaMemcpyAsync" && call.stream == kCompute;
}

// A backend with some promises broken.
using BrokenBackend = ForwardingBackend;

}  // namespace layerd

#endif  // LAYERD_TEST_GPU_MUTANTS_MUTANT_H_
