// What looks up, chooses, reduces and resizes, and what computes on integers.
#include <cstring>
#include <variant>
#include <vector>

#include "config/status_macros.h"
#include "kernels/cuda/host_access.h"
#include "kernels/cuda/loop.h"
#include "kernels/resize_taps.h"

namespace layerd::cuda {
namespace {

int NumberOf(DataType type) { return static_cast<int>(type); }

// Taps as the kernel reads them: words.
struct TapWords {
  ResizeArguments arguments;
  std::vector<int32_t> words;
};

void AppendTaps(const ResizeTaps& taps, size_t d, int64_t length,
                TapWords* table) {
  std::vector<int32_t>& words = table->words;
  size_t count = 0;
  for (int64_t to = 0; to < length; ++to) count += taps.Of(to).size();
  words.reserve(words.size() + length + 1 + 2 * count);
  table->arguments.firsts[d] = static_cast<int64_t>(words.size());
  int32_t first = 0;
  words.push_back(first);
  for (int64_t to = 0; to < length; ++to) {
    first += static_cast<int32_t>(taps.Of(to).size());
    words.push_back(first);
  }
  table->arguments.taps[d] = static_cast<int64_t>(words.size());
  for (int64_t to = 0; to < length; ++to) {
    for (const ResizeTaps::Tap& tap : taps.Of(to)) {
      int32_t weight = 0;
      std::memcpy(&weight, &tap.weight, sizeof(weight));
      words.push_back(static_cast<int32_t>(tap.from));
      words.push_back(weight);
    }
  }
}

TapWords TapWordsOf(const Resize& op, const PartSpec& spec) {
  const TensorType& x = spec.inputs[0];
  const TensorType& y = spec.outputs[0];
  TapWords table;
  table.arguments.extrapolation_value = op.extrapolation_value;
  for (size_t d = 0; d < x.shape.size(); ++d) {
    const ResizeTaps taps(op, d, x.shape[d], y.shape[d]);
    if (taps.is_identity()) {
      table.arguments.firsts[d] = -1;
    } else {
      AppendTaps(taps, d, y.shape[d], &table);
    }
  }
  return table;
}

// Where the host writes and the device reads: for tables of a few KiB, made
// when a part is prepared, nothing need be copied or waited for.
absl::StatusOr<UniquePageLocked> ReadByDevice(const std::vector<int32_t>& words,
                                              Operand* operand) {
  const size_t bytes = words.size() * sizeof(words[0]);
  void* host = nullptr;
  RETURN_IF_ERROR(FromCuda(cudaHostAlloc(&host, bytes, cudaHostAllocMapped),
                           "cudaHostAlloc"));
  UniquePageLocked memory(static_cast<std::byte*>(host));
  HostWrites(host, bytes);
  std::memcpy(host, words.data(), bytes);
  RETURN_IF_ERROR(FromCuda(cudaHostGetDevicePointer(&operand->data, host, 0),
                           "cudaHostGetDevicePointer"));
  operand->span_bytes = static_cast<int64_t>(bytes);
  return memory;
}

}  // namespace

KernelOr MakeTypedLoop(const Unary& op, const PartSpec& spec) {
  Operands operands = WholeOutput(spec);
  operands.x[0] = OperandOf(spec.inputs[0]);
  TypedArguments arguments;
  arguments.of = NumberOf(spec.inputs[0].dtype);
  arguments.kind = static_cast<int>(op.activation.kind);
  arguments.unary = true;
  auto loop = NewLoop(spec, &LaunchTyped, operands, arguments);
  loop->Reads(0, Input(0));
  return loop;
}

KernelOr MakeTypedLoop(const Binary& op, const PartSpec& spec) {
  const Pair pair = PairOf(op, spec);
  TypedArguments arguments;
  arguments.of = NumberOf(spec.inputs[0].dtype);
  arguments.kind = static_cast<int>(op.kind);
  arguments.divides =
      op.kind == Binary::Kind::kDiv || op.kind == Binary::Kind::kMod;
  auto loop = NewLoop(spec, &LaunchTyped, pair.operands, arguments);
  for (int i = 0; i < 2; ++i) loop->Reads(i, pair.sources[i]);
  if (arguments.divides) loop->MayFault();
  return loop;
}

KernelOr MakeLoop(const Reduce& op, const PartSpec& spec) {
  Operands operands = WholeOutput(spec);
  operands.x[0] = OperandOf(spec.inputs[0]);
  ReduceArguments arguments;
  arguments.over = TakeDimensions(spec, op.dimensions, &operands);
  arguments.kind = static_cast<int>(op.kind);
  arguments.of = NumberOf(spec.inputs[0].dtype);
  arguments.selects_last = op.selects_last;
  auto loop = NewLoop(spec, &LaunchReduce, operands, arguments);
  loop->Reads(0, Input(0));
  return loop;
}

KernelOr MakeLoop(const Gather& op, const PartSpec& spec) {
  const bool constant = spec.inputs.size() == 1;
  const TensorType& indices = spec.inputs.back();
  const Slice x = constant ? Slice{spec.weights[0].layout.shape,
                                   spec.weights[0].layout.strides, 0}
                           : Slice::Of(spec.inputs[0]);
  const DataType of = spec.outputs[0].dtype;
  const size_t looked_up = indices.shape.size();
  const size_t axis = op.axis;
  Operands operands = WholeOutput(spec);
  operands.x[0].span_bytes = x.span() * SizeOf(of);
  operands.x[1].span_bytes = indices.span_bytes();
  for (size_t d = 0; d < x.shape.size(); ++d) {
    if (d == axis) continue;
    operands.x[0].strides[d < axis ? d : d - 1 + looked_up] = x.strides[d];
  }
  for (size_t d = 0; d < looked_up; ++d) {
    operands.x[1].strides[axis + d] = indices.strides[d];
  }
  GatherArguments arguments;
  arguments.of = NumberOf(of);
  arguments.of_indices = NumberOf(indices.dtype);
  arguments.length = x.shape[axis];
  arguments.step = x.strides[axis];
  auto loop = NewLoop(spec, &LaunchGather, operands, arguments);
  loop->Reads(0, constant ? Weights(spec, 0) : Input(0));
  loop->Reads(1, Input(constant ? 0 : 1));
  loop->MayFault();
  return loop;
}

KernelOr MakeLoop(const Recurrent&, const PartSpec&) {
  return absl::UnimplementedError("a recurrence is not computed on the device");
}

KernelOr MakeLoop(const TopK&, const PartSpec&) {
  return absl::UnimplementedError("TopK is not computed on the device");
}

KernelOr MakeLoop(const Select&, const PartSpec& spec) {
  Operands operands = WholeOutput(spec);
  for (size_t i = 0; i < 3; ++i) {
    const TensorType& x = spec.inputs[i];
    operands.x[i] =
        BroadcastOperand(x.shape, x.strides, spec.outputs[0].shape, x.dtype);
  }
  auto loop = NewLoop(spec, &LaunchSelect, operands,
                      SelectArguments{NumberOf(spec.outputs[0].dtype)});
  for (int i = 0; i < 3; ++i) loop->Reads(i, Input(i));
  return loop;
}

KernelOr MakeLoop(const Resize& op, const PartSpec& spec) {
  const TapWords table = TapWordsOf(op, spec);
  Operands operands = WholeOutput(spec);
  operands.x[0] = OperandOf(spec.inputs[0]);
  UniquePageLocked memory;
  if (!table.words.empty()) {
    ASSIGN_OR_RETURN(memory, ReadByDevice(table.words, &operands.x[1]));
  }
  auto loop = NewLoop(spec, &LaunchResize, operands, table.arguments);
  loop->Reads(0, Input(0));
  loop->Owns(std::move(memory));
  return loop;
}

}  // namespace layerd::cuda
