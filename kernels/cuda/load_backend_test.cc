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

TEST_CASE("An override that is none is refused, and says what there is") {
  const Variable memory("LAYERD_CUDA_MEMORY", "fast");
  const absl::Status status = LoadCudaBackend({}).status();
  CHECK(absl::IsInvalidArgument(status));
  CHECK_THAT(std::string(status.message()),
             Catch::Contains("\"fast\"") && Catch::Contains("managed"));
}

TEST_CASE("A library that is not there is why there is no CUDA") {
  const Variable memory("LAYERD_CUDA_MEMORY", "managed");
  const absl::Status status =
      LoadCudaBackend({}, "/nowhere/liblayerd_cuda.so").status();
  CHECK(absl::IsUnavailable(status));
  CHECK_THAT(std::string(status.message()), Catch::Contains("/nowhere"));
}

}  // namespace
}  // namespace layerd
