#ifndef LAYERD_KERNELS_BACKEND_H_
#define LAYERD_KERNELS_BACKEND_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/operator.h"
#include "kernels/tensor.h"
#include "kernels/weight_layout.h"

namespace layerd {

// For whom the weights of a layer file were laid out.
struct KernelKey {
  std::string backend;  // "cpu", "cuda", "reference"
  std::string isa;      // "avx512_core", "sm_87", "any"
  std::string dtype;    // Of compute: "f32"
  std::string library;  // "oneDNN 2.6.3"
  friend bool operator==(const KernelKey&, const KernelKey&) = default;
};

struct Range {
  int64_t first = 0;
  int64_t count = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

// One tensor of weights inside the extent of a part. Its layout's datatype is
// how it is stored; what computes always has F32 (decoded_part.h).
struct WeightPiece {
  WeightLayout layout;
  uint64_t offset_bytes = 0;  // From the start of the extent; multiple of 256.
  friend bool operator==(const WeightPiece&, const WeightPiece&) = default;
};

// What one part computes: its layer's operator over whole activations, and the
// output channels and rows that are this part's share. Only convolutions, fully
// connected and recurrent layers are cut so; in all others nobody looks at the
// ranges, and a part of one comes as a smaller layer on a range of its tensors.
struct PartSpec {
  Operator op;
  std::vector<TensorType> inputs;    // Whole tensors.
  std::vector<WeightPiece> weights;  // Of this part's channels only.
  std::vector<TensorType> outputs;   // Whole tensors.
  // Convolution: of dimension 1; fully connected: of the last. With groups a
  // range covers whole groups.
  Range channels;
  // Convolution: of dimension 2 of the output; fully connected: of the rows
  // (all leading dimensions together); recurrent: of the steps.
  Range rows;
  // A power of two that the address of each input and output is surely a
  // multiple of. It may choose the kernel, so it comes from the layer file and
  // not from where memory happens to be.
  uint32_t alignment_bytes = 1;
};

// The memory that one run of a part touches. Loans until its ticket completes.
// Addresses are those of the first element of the whole tensors in PartSpec.
struct PartMemory {
  std::span<const std::byte* const> inputs;
  const std::byte* weights = nullptr;  // Start of the extent; null if none.
  std::span<std::byte* const> outputs;
  std::byte* scratch = nullptr;  // kernel.scratch_bytes(), 64 B-aligned.
  std::byte* decoded = nullptr;  // kernel.decoded_bytes(), 64 B-aligned.
  // Of the extent, whose bytes devices with memory of their own copy; 0: what
  // the part's own pieces span.
  size_t weights_bytes = 0;
  // False if a part was enqueued before with these weights at this address,
  // without an error, and they are what they were: nothing is copied again.
  bool weights_are_new = true;
};

// One part made ready off the request path: primitives chosen and created.
// Threading: Prepare() on any one thread, then used by one executor at a time.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual size_t scratch_bytes() const = 0;
  // Scratch for weights that are stored narrower than they are computed with:
  // apart, because it counts as memory for weights.
  virtual size_t decoded_bytes() const { return 0; }
};

// Names one Enqueue() of one backend. Tickets complete in order.
struct Ticket {
  uint64_t value = 0;
};

// The door to a device.
//
// Why asynchronous: a GPU computes while its caller goes on; a CPU backend
// computes inside Enqueue() and its tickets are complete when that returns.
// Weights may be overwritten and outputs may be read only after completion.
//
// Errors: a part that cannot be prepared is INVALID_ARGUMENT or UNIMPLEMENTED
//         naming the operator; weights laid out for other kernels are
//         FAILED_PRECONDITION; a device that fails is INTERNAL, and every
//         later ticket of the same job may be.
// Threading: WeightLayouts() and Prepare() may be called from several threads;
//         Enqueue(), Completed() and Wait() from the one executor thread.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual KernelKey key() const = 0;

  // The layouts in which `spec` wants its weights: the same number of pieces,
  // the same datatypes and shapes. `spec.weights` come in with plain layouts
  // and any offsets. Asked when packing. A convolution whose kernel comes in
  // with Winograd's transform wishes for it, and gets it where that is possible
  // and pays off.
  virtual absl::StatusOr<std::vector<WeightLayout>> WeightLayouts(
      const PartSpec& spec) const = 0;

  virtual absl::StatusOr<std::unique_ptr<Kernel>> Prepare(
      const PartSpec& spec) = 0;

  // The block that all memory of parts will lie in, until Detach(): devices
  // make it their own, or a twin of it. One block at a time.
  // Errors: RESOURCE_EXHAUSTED if the device has not as much.
  // REQUIRES, for both: no ticket is open.
  virtual absl::Status Attach(std::span<std::byte>) { return absl::OkStatus(); }
  virtual void Detach() {}

  // The host may read and write the memory of parts itself while no ticket is
  // open; else only by the two below.
  virtual bool shares_memory() const { return true; }

  // Copy what the host brings into the memory of parts, and fetch what they
  // have left there. CopyIn() may return before the device has it; parts that
  // are enqueued later see it. CopyOut() returns when it is there.
  // With the same address twice the host then sees in place what the device
  // has, and the device what the host has written there.
  // REQUIRES: no open ticket touches that memory.
  virtual absl::Status CopyIn(std::byte* to, std::span<const std::byte> from) {
    if (!from.empty() && to != from.data())
      std::memcpy(to, from.data(), from.size());
    return absl::OkStatus();
  }
  virtual absl::Status CopyOut(std::span<std::byte> to, const std::byte* from) {
    if (!to.empty() && to.data() != from)
      std::memcpy(to.data(), from, to.size());
    return absl::OkStatus();
  }

  // Threads that the backend computes with beside the one that calls Enqueue(),
  // which whoever owns threads gives it, or not: results are the same. Help(i)
  // for 0 <= i < helpers() is the whole life of one, until StopHelping();
  // `own_cpus`: each thread has a CPU that no other of them needs.
  virtual int helpers() const { return 0; }
  virtual void Help(int, bool own_cpus) { static_cast<void>(own_cpus); }
  virtual void StopHelping() {}
  // Calls `body` with 0 on this thread, which will call Enqueue(), and with the
  // others' numbers on threads that a library starts for itself.
  virtual void OnLibraryThreads(const std::function<void(int)>& body) {
    body(0);
  }

  // Returns when the weights of a part are where it reads them. Who times parts
  // says this first: enqueued next, with `weights_are_new` false, a part only
  // computes. Does nothing where weights are not copied.
  // REQUIRES: as Enqueue(); no ticket is open.
  virtual absl::Status BringWeights(Kernel&, const PartMemory&) {
    return absl::OkStatus();
  }

  // REQUIRES: `kernel` came from this backend's Prepare(). No allocation by
  // our own code.
  virtual absl::StatusOr<Ticket> Enqueue(Kernel& kernel,
                                         const PartMemory& memory) = 0;
  virtual bool Completed(Ticket ticket) = 0;
  // Returns when `ticket` is complete; the first error since the last Wait().
  virtual absl::Status Wait(Ticket ticket) = 0;
};

}  // namespace layerd

#endif  // LAYERD_KERNELS_BACKEND_H_
