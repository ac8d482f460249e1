#include "test/kernels/twins.h"

#include <thread>
#include <utility>
#include <vector>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/reference/reference_backend.h"
#include "test/sim/forwarding_backend.h"
#include "test/sim/sim_backend.h"

namespace layerd {
namespace {

// With all the threads that it asks for.
class HelpedBackend final : public ForwardingBackend {
 public:
  explicit HelpedBackend(std::unique_ptr<Backend> inner)
      : ForwardingBackend(std::move(inner)) {
    for (int i = 0; i < helpers(); ++i) {
      threads_.emplace_back([this, i] { Help(i, /*own_cpus=*/false); });
    }
  }
  ~HelpedBackend() override {
    StopHelping();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::vector<std::thread> threads_;
};

constexpr Twin kTwins[] = {
    {"reference", MakeReferenceBackend},
    {"cpu, 1 thread", [] { return MakeCpuBackend(1); }},
    {"cpu, 2 threads", [] { return MakeCpuBackend(2); }},
    {"cpu, 2 threads, helped", MakeHelpedCpuBackend},
    {"sim over cpu",
     []() -> std::unique_ptr<Backend> {
       return std::make_unique<SimBackend>(MakeCpuBackend(1), /*seed=*/7);
     }},
};

}  // namespace

std::span<const Twin> AllTwins() { return kTwins; }

std::unique_ptr<Backend> MakeHelpedCpuBackend() {
  return std::make_unique<HelpedBackend>(MakeCpuBackend(2));
}

}  // namespace layerd
