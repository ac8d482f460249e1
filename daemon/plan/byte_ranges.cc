#include "daemon/plan/byte_ranges.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <utility>
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

// As few and as large blocks as they are.
ByteBlocks Joined(ByteBlocks blocks) {
  while (!blocks.steps.empty() && blocks.steps.back().bytes == blocks.bytes) {
    blocks.bytes *= blocks.steps.back().count;
    blocks.steps.pop_back();
  }
  return blocks;
}

ByteBlocks BlocksOf(const PlacedTensor& tensor) {
  ByteBlocks blocks{tensor.first, SizeOf(tensor.type.dtype), {}};
  for (const Run& run : RunsOf(tensor.type)) {
    const auto count = static_cast<uint64_t>(run.size);
    const uint64_t bytes = static_cast<uint64_t>(run.stride) * blocks.bytes;
    if (!blocks.steps.empty() && blocks.steps.back().bytes == count * bytes) {
      blocks.steps.back() = {blocks.steps.back().count * count, bytes};
    } else {
      blocks.steps.push_back({count, bytes});
    }
  }
  return Joined(std::move(blocks));
}

// Whether each step goes past all inside it, where the innermost are full.
bool AreNestedIfFull(const std::vector<ByteBlocks::Step>& steps) {
  uint64_t reach = steps.back().bytes;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (step->bytes < reach) return false;
    reach += (step->count - 1) * step->bytes;
  }
  return true;
}

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

std::optional<uint64_t> ByteRanges::EndAround(uint64_t place) const {
  const auto behind = ranges_.upper_bound(place);
  if (behind == ranges_.begin()) return std::nullopt;
  const uint64_t end = std::prev(behind)->second;
  return end > place ? std::optional(end) : std::nullopt;
}

void WrittenBytes::Add(const PlacedTensor& tensor) {
  if (tensor.type.element_count() == 0) return;
  ByteBlocks blocks = BlocksOf(tensor);
  while (!blocks.steps.empty()) {
    const Comb comb = CombOf(blocks);
    ByteRanges& in_step = combs_[comb];
    const uint64_t offset = blocks.first - comb.first;
    in_step.Add(offset, offset + blocks.bytes);
    const auto [count, bytes] = blocks.steps.back();
    if (in_step.EndAround(0) != bytes) return;
    // Nothing is left between them.
    combs_.erase(comb);
    blocks.steps.pop_back();
    blocks = Joined({comb.first, count * bytes, std::move(blocks.steps)});
  }
  ranges_.Add(blocks.first, blocks.first + blocks.bytes);
}

bool WrittenBytes::Cover(const PlacedTensor& tensor, uint64_t steps_max,
                         uint64_t* steps) const {
  if (tensor.type.element_count() == 0) return true;
  ++*steps;
  if (HasAsWritten(BlocksOf(tensor))) return true;
  const Elements elements(tensor);
  uint64_t place = tensor.first;
  while (const auto element = elements.EndingBehind(place)) {
    const auto end = EndAround(std::max(place, *element), steps);
    if (*steps > steps_max) return false;
    if (!end) return false;
    place = *end;
  }
  return true;
}

// Blocks that begin anywhere in the innermost step share a comb, if no step
// could then reach into the next.
WrittenBytes::Comb WrittenBytes::CombOf(const ByteBlocks& blocks) {
  const uint64_t bytes = blocks.steps.back().bytes;
  const uint64_t offset = blocks.first % bytes;
  const bool shares =
      offset + blocks.bytes <= bytes && AreNestedIfFull(blocks.steps);
  return {shares ? blocks.first - offset : blocks.first, blocks.steps};
}

bool WrittenBytes::HasAsWritten(const ByteBlocks& blocks) const {
  const uint64_t end = blocks.first + blocks.bytes;
  if (blocks.steps.empty()) return ranges_.EndAround(blocks.first) >= end;
  const auto comb = combs_.find(CombOf(blocks));
  if (comb == combs_.end()) return false;
  const uint64_t begin = comb->first.first;
  return comb->second.EndAround(blocks.first - begin) >= end - begin;
}

std::optional<uint64_t> WrittenBytes::EndAround(uint64_t place,
                                                uint64_t* steps) const {
  ++*steps;
  std::optional<uint64_t> end = ranges_.EndAround(place);
  for (const auto& [comb, in_step] : combs_) {
    if (place < comb.first) break;
    ++*steps;
    uint64_t offset = place - comb.first;
    bool is_inside = true;
    for (const auto& [count, bytes] : comb.steps) {
      is_inside = is_inside && offset / bytes < count;
      offset %= bytes;
    }
    if (!is_inside) continue;
    const auto in_comb = in_step.EndAround(offset);
    if (in_comb) end = std::max(end, std::optional(place + *in_comb - offset));
  }
  return end;
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
