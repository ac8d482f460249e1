#include "test/sim/sim_backend.h"

#include <cmath>
#include <string>

#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

// y = max(x * scale + shift, 0) of four numbers in the memory of this struct.
struct Fixture {
  explicit Fixture(uint32_t seed) : backend(MakeReferenceBackend(), seed) {
    const TensorType type{DataType::kF32, {1, 4}, {4, 1}};
    const WeightLayout layout = WeightLayout::Plain(DataType::kF32, {4});
    kernel = *backend.Prepare({ScaleShift{{ActivationKind::kRelu, 0, 0}},
                               {type},
                               {{layout, 0}, {layout, 256}},
                               {type},
                               {},
                               {}});
    for (int i = 0; i < 4; ++i) weights[i] = 2;
  }

  Ticket Enqueue(const float* from, float* to) {
    const std::byte* inputs[] = {reinterpret_cast<const std::byte*>(from)};
    std::byte* outputs[] = {reinterpret_cast<std::byte*>(to)};
    return *backend.Enqueue(
        *kernel, {inputs, reinterpret_cast<const std::byte*>(weights), outputs,
                  nullptr});
  }

  SimBackend backend;
  std::unique_ptr<Kernel> kernel;
  float weights[68] = {};
  float x[4] = {1, -2, 3, 4};
  float y[4] = {};
  float z[4] = {};
};

TEST_CASE("Outputs are rubbish until the ticket completes") {
  Fixture f(1);
  const Ticket ticket = f.Enqueue(f.x, f.y);
  CHECK(std::isnan(f.y[0]));
  REQUIRE(f.backend.Wait(ticket).ok());
  CHECK(f.y[3] == 8);
  CHECK(f.backend.misuses() == 0);
}

TEST_CASE("Tickets complete late, in order, and in the end") {
  const uint32_t seed = GENERATE(range(0u, 50u));
  INFO("seed " << seed);
  Fixture f(seed);
  const Ticket first = f.Enqueue(f.x, f.y);
  const Ticket second = f.Enqueue(f.y, f.z);
  int asked = 0;
  while (!f.backend.Completed(second)) {
    REQUIRE(++asked < 1000);
  }
  CHECK(f.backend.Completed(first));
  CHECK(f.z[3] == 16);
  CHECK(f.backend.Wait(second).ok());
}

TEST_CASE("A later part may write where an earlier one reads") {
  Fixture f(1);
  f.Enqueue(f.x, f.y);
  const Ticket second = f.Enqueue(f.y, f.x);
  CHECK(f.x[3] == 4);
  REQUIRE(f.backend.Wait(second).ok());
  CHECK(f.x[3] == 16);
}

TEST_CASE("A part may compute in place") {
  Fixture f(1);
  REQUIRE(f.backend.Wait(f.Enqueue(f.x, f.x)).ok());
  CHECK(f.x[3] == 8);
}

TEST_CASE("Weights that change before completion fail the ticket") {
  Fixture f(1);
  const Ticket ticket = f.Enqueue(f.x, f.y);
  f.weights[2] = 3;
  const absl::Status status = f.backend.Wait(ticket);
  CHECK(absl::IsInternal(status));
  CHECK_THAT(std::string(status.message()),
             Catch::Contains("weights of ticket 1"));
  CHECK(f.backend.misuses() == 1);
}

TEST_CASE("An output that somebody else writes fails the ticket") {
  Fixture f(1);
  const Ticket ticket = f.Enqueue(f.x, f.y);
  f.y[1] = 0;
  CHECK(absl::IsInternal(f.backend.Wait(ticket)));
  CHECK(f.backend.misuses() == 1);
}

TEST_CASE("A failure of the device is told once, by the next Wait") {
  Fixture f(1);
  f.backend.FailTicket(1, absl::InternalError("device lost"));
  const Ticket first = f.Enqueue(f.x, f.y);
  const Ticket second = f.Enqueue(f.x, f.z);
  CHECK(absl::IsInternal(f.backend.Wait(second)));
  CHECK(f.backend.Wait(first).ok());
}

}  // namespace
}  // namespace layerd
