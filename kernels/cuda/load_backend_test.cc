#include "kernels/cuda/load_backend.h"

#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

// Set while it exists.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    setenv(name, value, 1);
  }
  ~Variable() { unsetenv(name_); }

 private:
  const char* const name_;
};

TEST_CASE("A memory strategy that is none is refused, and says what there is") {
  const absl::Status named = CudaOptionsNamed("fast").status();
  CHECK(absl::IsInvalidArgument(named));
  CHECK_THAT(std::string(named.message()),
             Catch::Contains("\"fast\"") && Catch::Contains("managed"));
  const Variable memory("LAYERD_CUDA_MEMORY", "faster");
  CHECK(absl::IsInvalidArgument(CudaOptionsNamed("probe").status()));
}

TEST_CASE("The environment chooses where nobody else does") {
  CHECK(CudaOptionsNamed("probe")->memory == 0);
  const Variable memory("LAYERD_CUDA_MEMORY", "managed");
  CHECK(CudaOptionsNamed("probe")->memory == 3);
  CHECK(CudaOptionsNamed("staged")->memory == 1);
}

TEST_CASE("A library that is not there is why there is no CUDA") {
  const std::string nowhere = "/nowhere/liblayerd_cuda.so";
  for (const absl::Status& status :
       {LoadCudaBackend({}, nowhere).status(), ProbeCuda(nowhere).status()}) {
    CHECK(absl::IsUnavailable(status));
    CHECK_THAT(std::string(status.message()), Catch::Contains("/nowhere"));
  }
}

}  // namespace
}  // namespace layerd
