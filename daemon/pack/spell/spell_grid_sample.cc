// GridSample: the neighbours of each point, gathered as pixels and weighed.

#include <string>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

class Sampling {
 public:
  explicit Sampling(Speller* speller) : speller_(*speller) {}

  absl::Status Run() {
    RETURN_IF_ERROR(TakeAttributes());
    x_ = speller_.shape(speller_.input(0));
    grid_ = speller_.shape(speller_.input(1));
    if (x_.size() != 4 || grid_.size() != 4 || grid_[3] != 2 ||
        grid_[0] != x_[0] ||
        speller_.dtype(speller_.input(0)) != DataType::kF32 ||
        speller_.dtype(speller_.input(1)) != DataType::kF32) {
      return speller_.Unsupported(
          "only FP32 pictures [N, C, H, W] and grids [N, H, W, 2] are "
          "supported");
    }
    RETURN_IF_ERROR(speller_.CheckSize(x_[0]));
    const int turned = speller_.Transposed(speller_.input(0), {0, 2, 3, 1});
    ASSIGN_OR_RETURN(pixels_,
                     speller_.Reshaped(turned, {x_[0] * x_[2] * x_[3], x_[1]}));
    ASSIGN_OR_RETURN(const Axis x, Along(0, x_[3]));
    ASSIGN_OR_RETURN(const Axis y, Along(1, x_[2]));
    int sum = kAbsent;
    for (const Side& row : y) {
      for (const Side& column : x) {
        ASSIGN_OR_RETURN(const int one, Weighed(row, column));
        sum = sum == kAbsent ? one : speller_.Add("Add", {sum, one});
      }
    }
    speller_.Finish(speller_.Transposed(sum, {0, 3, 1, 2}));
    return absl::OkStatus();
  }

 private:
  // One neighbour along an axis: its place, and what it weighs.
  struct Side {
    int place, weight;
  };
  using Axis = std::vector<Side>;

  absl::Status TakeAttributes() {
    RETURN_IF_ERROR(
        speller_.CheckAttributes({"align_corners", "mode", "padding_mode"}));
    ASSIGN_OR_RETURN(const int64_t aligns, speller_.IntOr("align_corners", 0));
    ASSIGN_OR_RETURN(const std::string mode,
                     speller_.StringOr("mode", "linear"));
    ASSIGN_OR_RETURN(const std::string padding,
                     speller_.StringOr("padding_mode", "zeros"));
    aligns_corners_ = aligns != 0;
    is_nearest_ = mode == "nearest";
    repeats_border_ = padding == "border";
    if (!is_nearest_ && mode != "linear" && mode != "bilinear") {
      return speller_.Unsupported(
          "only the modes linear and nearest are supported");
    }
    if (!repeats_border_ && padding != "zeros") {
      return speller_.Unsupported(
          "only the padding modes zeros and border are supported");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int> Number(float number) {
    return speller_.KnownNumber(DataType::kF32, number);
  }

  // From [-1, 1] to the pixels of a row or column.
  absl::StatusOr<int> Points(int64_t which, int64_t size) {
    ASSIGN_OR_RETURN(const int at, speller_.Known({which}, {}));
    const int given =
        speller_.Add("Gather", {speller_.input(1), at}, {{"axis", int64_t{3}}});
    const auto span = static_cast<float>(aligns_corners_ ? size - 1 : size);
    ASSIGN_OR_RETURN(const int factor, Number(span / 2));
    ASSIGN_OR_RETURN(const int middle,
                     Number(static_cast<float>(size - 1) / 2));
    return speller_.Add("Add", {speller_.Add("Mul", {given, factor}), middle});
  }

  absl::StatusOr<Axis> Along(int64_t which, int64_t size) {
    ASSIGN_OR_RETURN(const int zero, Number(0));
    ASSIGN_OR_RETURN(const int one, Number(1));
    ASSIGN_OR_RETURN(const int last, Number(static_cast<float>(size - 1)));
    ASSIGN_OR_RETURN(int points, Points(which, size));
    if (repeats_border_) points = speller_.Add("Clip", {points, zero, last});
    const int first = speller_.Add(is_nearest_ ? "Round" : "Floor", {points});
    Axis axis;
    const auto add = [&](int place, int weight) {
      const int within = speller_.Add("Clip", {place, zero, last});
      const int counts = speller_.CastTo(speller_.Add("Equal", {within, place}),
                                         DataType::kF32);
      const int weighs =
          weight == kAbsent ? counts : speller_.Add("Mul", {weight, counts});
      axis.push_back({speller_.CastTo(within, DataType::kI64), weighs});
    };
    if (is_nearest_) {
      add(first, kAbsent);
      return axis;
    }
    const int beyond = speller_.Add("Sub", {points, first});
    add(first, speller_.Add("Sub", {one, beyond}));
    add(speller_.Add("Add", {first, one}), beyond);
    return axis;
  }

  absl::StatusOr<int> Weighed(const Side& row, const Side& column) {
    ASSIGN_OR_RETURN(const int width, speller_.Known({x_[3]}, {}));
    std::vector<int64_t> firsts(static_cast<size_t>(x_[0]));
    for (size_t n = 0; n < firsts.size(); ++n) {
      firsts[n] = static_cast<int64_t>(n) * x_[2] * x_[3];
    }
    ASSIGN_OR_RETURN(const int pictures, speller_.Known(firsts, {x_[0], 1, 1}));
    int place = speller_.Add("Mul", {row.place, width});
    place = speller_.Add("Add", {place, column.place});
    place = speller_.Add("Add", {place, pictures});
    const int pixels =
        speller_.Add("Gather", {pixels_, place}, {{"axis", int64_t{0}}});
    ASSIGN_OR_RETURN(
        const int weight,
        speller_.Reshaped(speller_.Add("Mul", {row.weight, column.weight}),
                          {grid_[0], grid_[1], grid_[2], 1}));
    return speller_.Add("Mul", {pixels, weight});
  }

  Speller& speller_;
  bool aligns_corners_ = false, is_nearest_ = false, repeats_border_ = false;
  Shape x_, grid_;
  int pixels_ = kAbsent;  // [N * H * W, C].
};

}  // namespace

absl::Status SpellGridSample(Speller& speller) {
  return Sampling(&speller).Run();
}

}  // namespace layerd
