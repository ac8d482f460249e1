#include "daemon/plan/byte_ranges.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <vector>

namespace layerd {
namespace {

// Elements that lie `stride` apart.
struct Run {
  int64_t size, stride;
};
using Runs = std::vector<Run>;

// The outermost first, each of which goes past all inside it; one of all
// places where dimensions lie in each other.
Runs RunsOf(const TensorType& type) {
  Runs runs;
  for (size_t d = 0; d < type.shape.size(); ++d) {
    if (type.shape[d] == 1 || type.strides[d] == 0) continue;
    runs.push_back({type.shape[d], type.strides[d]});
  }
  std::sort(runs.begin(), runs.end(),
            [](const Run& a, const Run& b) { return a.stride > b.stride; });
  int64_t reach = 1;
  bool are_nested = true;
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    are_nested = are_nested && run->stride >= reach;
    reach += (run->size - 1) * run->stride;
  }
  return are_nested ? runs : Runs{{reach, 1}};
}

// The first element at or behind `place`.
std::optional<int64_t> NextElement(std::span<const Run> runs, int64_t place) {
  if (place <= 0) return 0;
  if (runs.empty()) return std::nullopt;
  const auto [size, stride] = runs[0];
  const int64_t index = place / stride;
  if (index >= size) return std::nullopt;
  const auto inside = NextElement(runs.subspan(1), place - index * stride);
  if (inside) return index * stride + *inside;
  if (index + 1 == size) return std::nullopt;
  return (index + 1) * stride;
}

// The elements of a tensor, in the order of their bytes.
class Elements {
 public:
  explicit Elements(const PlacedTensor& of)
      : first_(of.first),
        bytes_(SizeOf(of.type.dtype)),
        runs_(RunsOf(of.type)) {}

  uint64_t bytes() const { return bytes_; }
  // Where the first one begins that ends behind `place`.
  std::optional<uint64_t> EndingBehind(uint64_t place) const {
    const uint64_t before = place < first_ ? 0 : (place - first_) / bytes_;
    const auto next = NextElement(runs_, static_cast<int64_t>(before));
    if (!next) return std::nullopt;
    return first_ + static_cast<uint64_t>(*next) * bytes_;
  }

 private:
  const uint64_t first_, bytes_;  // Of one.
  const Runs runs_;
};

}  // namespace

void ByteRanges::Add(uint64_t first, uint64_t end) {
  auto it = ranges_.upper_bound(first);
  if (it != ranges_.begin() && std::prev(it)->second >= first) --it;
  while (it != ranges_.end() && it->first <= end) {
    first = std::min(first, it->first);
    end = std::max(end, it->second);
    it = ranges_.erase(it);
  }
  ranges_[first] = end;
}

bool ByteRanges::Cover(uint64_t first, const TensorType& type,
                       uint64_t* steps) const {
  if (type.element_count() == 0) return true;
  const Runs runs = RunsOf(type);
  const uint64_t element_bytes = SizeOf(type.dtype);
  std::optional<int64_t> next = 0;
  while (next) {
    ++*steps;
    const uint64_t at = first + static_cast<uint64_t>(*next) * element_bytes;
    const auto behind = ranges_.upper_bound(at);
    if (behind == ranges_.begin()) return false;
    const uint64_t end = std::prev(behind)->second;
    if (end < at + element_bytes) return false;
    next =
        NextElement(runs, static_cast<int64_t>((end - first) / element_bytes));
  }
  return true;
}

bool Overlap(const PlacedTensor& a, const PlacedTensor& b, uint64_t steps_max,
             uint64_t* steps) {
  const Elements elements_a(a), elements_b(b);
  for (uint64_t place = 0; ++*steps <= steps_max;) {
    const auto of_a = elements_a.EndingBehind(place);
    if (!of_a) return false;
    const auto of_b = elements_b.EndingBehind(*of_a);
    if (!of_b) return false;
    if (*of_b < *of_a + elements_a.bytes()) return true;
    place = *of_b;
  }
  return true;
}

}  // namespace layerd
