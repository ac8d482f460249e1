#ifndef LAYERD_KERNELS_CPU_ONEDNN_H_
#define LAYERD_KERNELS_CPU_ONEDNN_H_

#include <dnnl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/cpu/memory_desc.h"
#include "kernels/cpu/team.h"
#include "kernels/operator.h"
#include "kernels/weight_layout.h"

namespace layerd::cpu {

// The library's C interface, as little of it as we need, of its version 2 or
// what came after: `memory_desc` and `primitive_desc` are alike for both. C,
// because executing through it takes an array that was made beforehand, where
// the C++ interface wants a new map each time.

template <typename Handle, dnnl_status_t (*destroy)(Handle)>
struct Destroyer {
  using pointer = Handle;
  void operator()(Handle handle) const { destroy(handle); }
};
template <typename Handle, dnnl_status_t (*destroy)(Handle)>
using Unique = std::unique_ptr<void, Destroyer<Handle, destroy>>;

using UniqueAttributes =
    Unique<dnnl_primitive_attr_t, dnnl_primitive_attr_destroy>;
using UniquePrimitiveDesc =
    Unique<dnnl_primitive_desc_t, dnnl_primitive_desc_destroy>;
dnnl_status_t DestroyPrimitive(dnnl_primitive_t primitive);
using UniquePrimitive = Unique<dnnl_primitive_t, DestroyPrimitive>;
using UniqueMemory = Unique<dnnl_memory_t, dnnl_memory_destroy>;

// The CPU as the library sees it. Threading: the engine is free for all; the
// stream is the executor's.
class OneDnn {
 public:
  OneDnn();
  ~OneDnn();
  OneDnn(const OneDnn&) = delete;
  OneDnn& operator=(const OneDnn&) = delete;

  dnnl_engine_t engine() const { return engine_; }
  dnnl_stream_t stream() const { return stream_; }

  static std::string Version();  // "oneDNN 2.6.3".
  static std::string Isa();      // "avx512_core", by the library's names.

 private:
  dnnl_engine_t engine_ = nullptr;
  dnnl_stream_t stream_ = nullptr;
};

// While it lives, the library and our loops plan for one thread. For questions
// whose answer must not depend on the number of threads.
class OneThread {
 public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  const int threads_before_;
  const ThreadsScope loops_;
};

// UNIMPLEMENTED for what the library does not do, INTERNAL for its failures.
absl::Status FromDnnl(dnnl_status_t status, const char* what);

// OK if `stored` is what the library asks for now; else FAILED_PRECONDITION
// that shows both.
absl::Status CompareLayouts(const WeightLayout& stored,
                            const WeightLayout& wanted);

// Scratchpad by us, and `activation` behind the operation.
absl::StatusOr<UniqueAttributes> AttributesWith(const Activation& activation);

// A primitive and the memory objects of its arguments, all made beforehand.
//
// Equal ones share their machine code through the library's cache, which drops
// what was used longest ago. It has room for as many as there are in the
// process, 1024 at least, whichever models they belong to.
class Primitive {
 public:
  struct Argument {
    int id;  // DNNL_ARG_...
    MemoryDesc desc;
  };

  // A scratchpad is added where the primitive wants one.
  static absl::StatusOr<Primitive> Create(
      const OneDnn& library, const_dnnl_primitive_desc_t desc,
      const std::vector<Argument>& arguments);

  size_t scratch_bytes() const { return scratch_bytes_; }

  // `data` has one address for each argument, in their order. Allocates
  // nothing itself; the library does, a few times.
  absl::Status Execute(dnnl_stream_t stream, const void* const* data,
                       std::byte* scratch) const;

 private:
  Primitive() = default;

  UniquePrimitive primitive_;
  std::vector<UniqueMemory>
      memories_;  // Of the arguments, the scratchpad last.
  std::vector<dnnl_exec_arg_t> arguments_;
  size_t scratch_bytes_ = 0;
};

}  // namespace layerd::cpu

#endif  // LAYERD_KERNELS_CPU_ONEDNN_H_
