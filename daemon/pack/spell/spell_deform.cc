// DeformConv: what each place of the kernel sees is sampled where the offsets
// say, and a convolution looks at the samples as at a picture of one column for
// each output and one row for each place of the kernel.

#include <string>
#include <utility>
#include <vector>

#include "config/status_macros.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

constexpr int64_t kOffsetGroupsMax = 1024;

class Deforming {
 public:
  explicit Deforming(Speller* speller) : speller_(*speller) {}

  absl::Status Run() {
    RETURN_IF_ERROR(TakeShapes());
    RETURN_IF_ERROR(TakeAttributes());
    RETURN_IF_ERROR(CheckShapes());
    int samples = kAbsent;
    for (int64_t g = 0; g < offset_groups_; ++g) {
      ASSIGN_OR_RETURN(const int seen, SamplesOf(g));
      samples = g == 0 ? seen
                       : speller_.Add("Concat", {samples, seen},
                                      {{"axis", int64_t{1}}});
    }
    return Convolve(samples);
  }

 private:
  int64_t places() const { return w_[2] * w_[3]; }
  int64_t outputs() const { return offset_[2] * offset_[3]; }

  absl::Status TakeShapes() {
    x_ = speller_.shape(speller_.input(0));
    w_ = speller_.shape(speller_.input(1));
    offset_ = speller_.shape(speller_.input(2));
    for (size_t i = 0; i < 5; ++i) {
      if (i > 2 && !speller_.has_input(i)) continue;
      if (speller_.dtype(speller_.input(i)) != DataType::kF32) {
        return speller_.Unsupported("only FP32 is supported");
      }
    }
    if (x_.size() == 4 && w_.size() == 4 && offset_.size() == 4) {
      return absl::OkStatus();
    }
    return speller_.Unsupported("only pictures [N, C, H, W] are supported");
  }

  absl::StatusOr<Shape> Sizes(const char* name, Shape otherwise,
                              int64_t least) {
    const size_t count = otherwise.size();
    ASSIGN_OR_RETURN(Shape sizes, speller_.ListOr(name, std::move(otherwise)));
    constexpr int64_t kMost = 1 << 20;
    bool is_sound = sizes.size() == count;
    for (const int64_t size : sizes) {
      is_sound = is_sound && size >= least && size <= kMost;
    }
    if (is_sound) return sizes;
    return speller_.Invalid(std::string("attribute ") + name + " does not fit");
  }

  absl::Status TakeAttributes() {
    RETURN_IF_ERROR(
        speller_.CheckAttributes({"dilations", "group", "kernel_shape",
                                  "offset_group", "pads", "strides"}));
    ASSIGN_OR_RETURN(groups_, speller_.IntOr("group", 1));
    ASSIGN_OR_RETURN(offset_groups_, speller_.IntOr("offset_group", 1));
    ASSIGN_OR_RETURN(dilations_, Sizes("dilations", {1, 1}, 1));
    ASSIGN_OR_RETURN(strides_, Sizes("strides", {1, 1}, 1));
    ASSIGN_OR_RETURN(pads_, Sizes("pads", {0, 0, 0, 0}, 0));
    ASSIGN_OR_RETURN(const Shape kernel,
                     Sizes("kernel_shape", {w_[2], w_[3]}, 1));
    if (kernel == Shape{w_[2], w_[3]}) return absl::OkStatus();
    return speller_.Invalid("kernel_shape is not that of its weights");
  }

  // Of what the pieces do not check themselves.
  absl::Status CheckShapes() {
    for (size_t d = 0; d < 2; ++d) {
      const int64_t reach = (w_[2 + d] - 1) * dilations_[d] + 1;
      const int64_t room = x_[2 + d] + pads_[d] + pads_[2 + d] - reach;
      if (x_[2 + d] < 1 || room < 0 ||
          offset_[2 + d] != room / strides_[d] + 1) {
        return speller_.Invalid("its offsets are not as many as its outputs");
      }
    }
    if (offset_groups_ < 1 || x_[1] % offset_groups_ != 0 ||
        offset_[0] != x_[0] || offset_[1] % offset_groups_ != 0 ||
        offset_[1] / offset_groups_ != 2 * places()) {
      return speller_.Invalid("its offsets are not those of its groups");
    }
    if (offset_groups_ > kOffsetGroupsMax) {
      return speller_.Unsupported(
          "so many groups of offsets are not supported");
    }
    const Shape mask = {x_[0], offset_[1] / 2, offset_[2], offset_[3]};
    if (has_mask() && speller_.shape(speller_.input(4)) != mask) {
      return speller_.Invalid("its mask does not fit its offsets");
    }
    RETURN_IF_ERROR(speller_.CheckSize(x_[1]));
    return speller_.CheckSize(offset_[1], offset_[2] + offset_[3]);
  }

  bool has_mask() const { return speller_.has_input(4); }

  // Of axis 1.
  absl::StatusOr<int> Channels(int value, const Shape& which) {
    ASSIGN_OR_RETURN(const int known, speller_.KnownList(which));
    return speller_.Add("Gather", {value, known}, {{"axis", int64_t{1}}});
  }

  // Where the places of the kernel lie without offsets: [places, size, 1] along
  // y, [places, 1, size] along x; as GridSample counts, from -1 to 1.
  absl::StatusOr<int> Regular(size_t d, float scale) {
    const int64_t size = offset_[2 + d];
    const float middle = static_cast<float>(x_[2 + d] - 1) / 2;
    std::vector<float> numbers;
    for (int64_t k = 0; k < places(); ++k) {
      const int64_t tap = d == 0 ? k / w_[3] : k % w_[3];
      for (int64_t o = 0; o < size; ++o) {
        const int64_t at = o * strides_[d] + tap * dilations_[d] - pads_[d];
        numbers.push_back((static_cast<float>(at) - middle) * scale);
      }
    }
    ASSIGN_OR_RETURN(const int known,
                     speller_.KnownNumbers(DataType::kF32, numbers));
    return speller_.Reshaped(
        known, d == 0 ? Shape{places(), size, 1} : Shape{places(), 1, size});
  }

  // [N, places x height, width, 1].
  absl::StatusOr<int> Points(int64_t group, size_t d) {
    Shape which;
    for (int64_t k = 0; k < places(); ++k) {
      which.push_back((group * places() + k) * 2 + static_cast<int64_t>(d));
    }
    ASSIGN_OR_RETURN(const int moved, Channels(speller_.input(2), which));
    const float scale = 2 / static_cast<float>(x_[2 + d]);
    ASSIGN_OR_RETURN(const int factor,
                     speller_.KnownNumber(DataType::kF32, scale));
    ASSIGN_OR_RETURN(const int regular, Regular(d, scale));
    const int points =
        speller_.Add("Add", {speller_.Add("Mul", {moved, factor}), regular});
    return speller_.Reshaped(points,
                             {x_[0], places() * offset_[2], offset_[3], 1});
  }

  // [N, C / offset groups, places, outputs].
  absl::StatusOr<int> SamplesOf(int64_t group) {
    const int64_t channels = x_[1] / offset_groups_;
    int picture = speller_.input(0);
    if (offset_groups_ > 1) {
      Shape which;
      for (int64_t c = 0; c < channels; ++c) {
        which.push_back(group * channels + c);
      }
      ASSIGN_OR_RETURN(picture, Channels(picture, which));
    }
    ASSIGN_OR_RETURN(const int y, Points(group, 0));
    ASSIGN_OR_RETURN(const int x, Points(group, 1));
    const int grid = speller_.Add("Concat", {x, y}, {{"axis", int64_t{3}}});
    const int sampled = speller_.AddOwn("GridSample", {picture, grid}, {});
    ASSIGN_OR_RETURN(
        const int seen,
        speller_.Reshaped(sampled, {x_[0], channels, places(), outputs()}));
    if (!has_mask()) return seen;
    Shape which;
    for (int64_t k = 0; k < places(); ++k) {
      which.push_back(group * places() + k);
    }
    ASSIGN_OR_RETURN(const int weights, Channels(speller_.input(4), which));
    ASSIGN_OR_RETURN(
        const int mask,
        speller_.Reshaped(weights, {x_[0], 1, places(), outputs()}));
    return speller_.Add("Mul", {seen, mask});
  }

  absl::Status Convolve(int samples) {
    ASSIGN_OR_RETURN(
        const int kernel,
        speller_.Reshaped(speller_.input(1), {w_[0], w_[1], places(), 1}));
    std::vector<int> inputs = {samples, kernel};
    if (speller_.has_input(3)) inputs.push_back(speller_.input(3));
    const int y = speller_.Add("Conv", std::move(inputs), {{"group", groups_}});
    ASSIGN_OR_RETURN(
        const int picture,
        speller_.Reshaped(y, {x_[0], w_[0], offset_[2], offset_[3]}));
    speller_.Finish(picture);
    return absl::OkStatus();
  }

  Speller& speller_;
  Shape x_, w_, offset_;
  Shape dilations_, strides_, pads_;
  int64_t groups_ = 1, offset_groups_ = 1;
};

}  // namespace

absl::Status SpellDeformConv(Speller& speller) {
  return Deforming(&speller).Run();
}

}  // namespace layerd
