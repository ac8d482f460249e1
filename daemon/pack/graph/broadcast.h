#ifndef LAYERD_DAEMON_PACK_GRAPH_BROADCAST_H_
#define LAYERD_DAEMON_PACK_GRAPH_BROADCAST_H_

#include <cstdint>
#include <optional>
#include <vector>

namespace layerd {

// The shape that two shapes broadcast to, numpy's way; nothing if they do not.
std::optional<std::vector<int64_t>> BroadcastShape(
    const std::vector<int64_t>& a, const std::vector<int64_t>& b);

// Elements from one to the next along each dimension of `to`, 0 where `from`
// repeats.
// REQUIRES: `from` broadcasts to `to`.
std::vector<int64_t> BroadcastStrides(const std::vector<int64_t>& from,
                                      const std::vector<int64_t>& to);

// Walks a plain tensor of `shape` in row-major order and says where each
// element is in other tensors, by their strides along the same dimensions.
class StridedWalk {
 public:
  StridedWalk(std::vector<int64_t> shape,
              std::vector<std::vector<int64_t>> strides)
      : shape_(std::move(shape)),
        strides_(std::move(strides)),
        index_(shape_.size(), 0),
        offsets_(strides_.size(), 0) {}

  // Elements from the start of tensor `i`.
  int64_t offset(size_t i) const { return offsets_[i]; }

  void Step();

 private:
  std::vector<int64_t> shape_;
  std::vector<std::vector<int64_t>> strides_;
  std::vector<int64_t> index_;
  std::vector<int64_t> offsets_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_GRAPH_BROADCAST_H_
