// GridSample: the neighbours of each point, gathered as pixels and weighed; and
// AffineGrid, which makes such points.

#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
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
    RETURN_IF_ERROR(CheckFits());
    ASSIGN_OR_RETURN(pixels_, Pixels());
    std::vector<Axis> axes;
    for (size_t d = 0; d < dimensions(); ++d) {
      ASSIGN_OR_RETURN(
          Axis axis,
          Along(static_cast<int64_t>(dimensions() - 1 - d), x_[2 + d]));
      axes.push_back(std::move(axis));
    }
    int sum = kAbsent;
    RETURN_IF_ERROR(AddNeighbours(axes, {kAbsent, kAbsent, kAbsent}, &sum));
    Shape channels_first(x_.size());
    std::iota(channels_first.begin(), channels_first.end(), -1);
    channels_first[0] = 0;
    channels_first[1] = static_cast<int64_t>(x_.size()) - 1;
    speller_.Finish(speller_.Transposed(sum, std::move(channels_first)));
    return absl::OkStatus();
  }

 private:
  // One neighbour along an axis: its place, what it weighs (1 if absent), and
  // whether it is in the picture (it is if absent).
  struct Side {
    int place, weight, counts;
  };
  using Axis = std::vector<Side>;
  struct Neighbour {
    float step;
    int weight;
  };

  // Two of a picture, three of a volume.
  size_t dimensions() const { return x_.size() - 2; }
  int64_t PictureSize() const { return CountOf(std::span(x_).subspan(2)); }
  int64_t PixelCount() const { return x_[0] * PictureSize(); }

  absl::Status CheckFits() const {
    const auto rank = static_cast<int64_t>(x_.size());
    if ((rank != 4 && rank != 5) || grid_.size() != x_.size() ||
        grid_.back() != rank - 2 || grid_[0] != x_[0] ||
        speller_.dtype(speller_.input(0)) != DataType::kF32 ||
        speller_.dtype(speller_.input(1)) != DataType::kF32) {
      return speller_.Unsupported(
          "only FP32 pictures [N, C, H, W] and grids [N, H, W, 2] are "
          "supported, or volumes and their grids [N, D, H, W, 3]");
    }
    if (is_cubic_ && rank != 4) {
      return speller_.Unsupported("cubic neighbours in volumes");
    }
    return speller_.CheckSize(x_[0]);
  }

  // All of them as rows [N * H * W, C], and one of zeros for what is outside: a
  // weight of 0 would make NaN of what is infinite at the edge.
  absl::StatusOr<int> Pixels() {
    Shape channels_last(x_.size());
    std::iota(channels_last.begin(), channels_last.end(), 1);
    channels_last[0] = 0;
    channels_last.back() = 1;
    const int turned =
        speller_.Transposed(speller_.input(0), std::move(channels_last));
    ASSIGN_OR_RETURN(const int rows,
                     speller_.Reshaped(turned, {PixelCount(), x_[1]}));
    if (!has_zeros_) return rows;
    ASSIGN_OR_RETURN(const int zeros,
                     speller_.Zeros(DataType::kF32, {1, x_[1]}));
    return speller_.Add("Concat", {rows, zeros}, {{"axis", int64_t{0}}});
  }

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
    is_cubic_ = mode == "cubic" || mode == "bicubic";
    has_zeros_ = padding == "zeros";
    repeats_border_ = padding == "border";
    if (!is_nearest_ && !is_cubic_ && mode != "linear" && mode != "bilinear") {
      return speller_.Invalid("its mode is none");
    }
    if (!has_zeros_ && !repeats_border_ && padding != "reflection") {
      return speller_.Invalid("its padding_mode is none");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int> Number(float number) {
    return speller_.KnownNumber(DataType::kF32, number);
  }

  // From [-1, 1] to the pixels of a row or column. What is no place is the low
  // end.
  absl::StatusOr<int> Point(int64_t which, int64_t size) {
    ASSIGN_OR_RETURN(const int at, speller_.Known({which}, {}));
    const int given =
        speller_.Add("Gather", {speller_.input(1), at},
                     {{"axis", static_cast<int64_t>(grid_.size()) - 1}});
    const auto span = static_cast<float>(aligns_corners_ ? size - 1 : size);
    ASSIGN_OR_RETURN(const int factor, Number(span / 2));
    ASSIGN_OR_RETURN(const int middle,
                     Number(static_cast<float>(size - 1) / 2));
    const int point =
        speller_.Add("Add", {speller_.Add("Mul", {given, factor}), middle});
    ASSIGN_OR_RETURN(const int is_place,
                     With("Less", speller_.Add("Abs", {point}),
                          std::numeric_limits<float>::infinity()));
    ASSIGN_OR_RETURN(const int low, Number(aligns_corners_ ? 0 : -0.5f));
    return speller_.Add("Where", {is_place, point, low});
  }

  absl::StatusOr<int> With(const char* op_type, int x, float number) {
    ASSIGN_OR_RETURN(const int known, Number(number));
    return speller_.Add(op_type, {x, known});
  }

  absl::StatusOr<int> Clipped(int place, int64_t size) {
    ASSIGN_OR_RETURN(const int zero, Number(0));
    ASSIGN_OR_RETURN(const int last, Number(static_cast<float>(size - 1)));
    return speller_.Add("Clip", {place, zero, last});
  }

  // Back into the picture, as between two mirrors: at the middle of the
  // outermost pixels, or at their edges.
  absl::StatusOr<int> Mirrored(int place, int64_t size) {
    const float low = aligns_corners_ ? 0 : -0.5f;
    const auto span = static_cast<float>(aligns_corners_ ? size - 1 : size);
    if (span == 0) return place;
    ASSIGN_OR_RETURN(const int from_low, With("Sub", place, low));
    ASSIGN_OR_RETURN(const int round_trip, Number(2 * span));
    const int along =
        speller_.Add("Mod", {speller_.Add("Abs", {from_low}), round_trip},
                     {{"fmod", int64_t{1}}});
    ASSIGN_OR_RETURN(const int from_span, With("Sub", along, span));
    ASSIGN_OR_RETURN(const int highest, Number(low + span));
    return speller_.Add("Sub", {highest, speller_.Add("Abs", {from_span})});
  }

  int Joined(const char* op_type, int a, int b) {
    if (a == kAbsent) return b;
    return b == kAbsent ? a : speller_.Add(op_type, {a, b});
  }

  absl::StatusOr<Side> SideAt(int place, int weight, int64_t size) {
    int inside = place;
    if (!has_zeros_ && !repeats_border_) {
      ASSIGN_OR_RETURN(inside, Mirrored(place, size));
    }
    ASSIGN_OR_RETURN(inside, Clipped(inside, size));
    const int at = speller_.CastTo(inside, DataType::kI64);
    if (!has_zeros_) return Side{at, weight, kAbsent};
    return Side{at, weight, speller_.Add("Equal", {inside, place})};
  }

  // (1.25 t - 2.25) t t + 1: of the nearer two of four, at a distance of t.
  absl::StatusOr<int> NearWeight(int t) {
    ASSIGN_OR_RETURN(const int steep, With("Mul", t, 1.25f));
    ASSIGN_OR_RETURN(const int factor, With("Sub", steep, 2.25f));
    const int square = speller_.Add("Mul", {t, t});
    return With("Add", speller_.Add("Mul", {factor, square}), 1);
  }

  // -0.75 t (1 - t) (1 - t): of the farther two, at a distance of 1 + t.
  absl::StatusOr<int> FarWeight(int t, int rest) {
    ASSIGN_OR_RETURN(const int scaled, With("Mul", t, -0.75f));
    return speller_.Add("Mul", {scaled, speller_.Add("Mul", {rest, rest})});
  }

  // Those whose pixels count, from the first one on, of a point beyond it.
  absl::StatusOr<std::vector<Neighbour>> Neighbours(int point, int first) {
    if (is_nearest_) return std::vector<Neighbour>{{0, kAbsent}};
    ASSIGN_OR_RETURN(const int one, Number(1));
    const int beyond = speller_.Add("Sub", {point, first});
    const int rest = speller_.Add("Sub", {one, beyond});
    if (!is_cubic_) return std::vector<Neighbour>{{0, rest}, {1, beyond}};
    ASSIGN_OR_RETURN(const int before, FarWeight(beyond, rest));
    ASSIGN_OR_RETURN(const int left, NearWeight(beyond));
    ASSIGN_OR_RETURN(const int right, NearWeight(rest));
    ASSIGN_OR_RETURN(const int behind, FarWeight(rest, beyond));
    return std::vector<Neighbour>{
        {-1, before}, {0, left}, {1, right}, {2, behind}};
  }

  absl::StatusOr<Axis> Along(int64_t which, int64_t size) {
    ASSIGN_OR_RETURN(const int point, Point(which, size));
    const int first = speller_.Add(is_nearest_ ? "Round" : "Floor", {point});
    ASSIGN_OR_RETURN(const auto neighbours, Neighbours(point, first));
    Axis axis;
    for (const auto& [step, weight] : neighbours) {
      int place = first;
      if (step != 0) {
        ASSIGN_OR_RETURN(place, With("Add", first, step));
      }
      ASSIGN_OR_RETURN(const Side side, SideAt(place, weight, size));
      axis.push_back(side);
    }
    return axis;
  }

  // Adds what is at `so_far`, whose place counts along the first axes, and at
  // all neighbours along the others.
  absl::Status AddNeighbours(std::span<const Axis> axes, const Side& so_far,
                             int* sum) {
    if (axes.empty()) {
      ASSIGN_OR_RETURN(const int one, Weighed(so_far));
      *sum = *sum == kAbsent ? one : speller_.Add("Add", {*sum, one});
      return absl::OkStatus();
    }
    int before = so_far.place;
    if (before != kAbsent) {
      ASSIGN_OR_RETURN(const int size,
                       speller_.Known({x_[x_.size() - axes.size()]}, {}));
      before = speller_.Add("Mul", {before, size});
    }
    for (const Side& side : axes.front()) {
      const int place = before == kAbsent
                            ? side.place
                            : speller_.Add("Add", {before, side.place});
      RETURN_IF_ERROR(
          AddNeighbours(axes.subspan(1),
                        {place, Joined("Mul", so_far.weight, side.weight),
                         Joined("And", so_far.counts, side.counts)},
                        sum));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int> Weighed(const Side& pixel) {
    std::vector<int64_t> firsts(static_cast<size_t>(x_[0]));
    for (size_t n = 0; n < firsts.size(); ++n) {
      firsts[n] = static_cast<int64_t>(n) * PictureSize();
    }
    Shape of_pictures(dimensions() + 1, 1);
    of_pictures[0] = x_[0];
    ASSIGN_OR_RETURN(const int pictures,
                     speller_.Known(firsts, std::move(of_pictures)));
    int place = speller_.Add("Add", {pixel.place, pictures});
    if (pixel.counts != kAbsent) {
      ASSIGN_OR_RETURN(const int outside, speller_.Known({PixelCount()}, {}));
      place = speller_.Add("Where", {pixel.counts, place, outside});
    }
    const int pixels =
        speller_.Add("Gather", {pixels_, place}, {{"axis", int64_t{0}}});
    if (pixel.weight == kAbsent) return pixels;
    Shape of_points = grid_;
    of_points.back() = 1;
    ASSIGN_OR_RETURN(const int shaped,
                     speller_.Reshaped(pixel.weight, of_points));
    return speller_.Add("Mul", {pixels, shaped});
  }

  Speller& speller_;
  bool aligns_corners_ = false, is_nearest_ = false, is_cubic_ = false;
  bool has_zeros_ = false, repeats_border_ = false;
  Shape x_, grid_;
  int pixels_ = kAbsent;
};

// Where the middles of `size` pixels are in [-1, 1], or these ends themselves.
std::vector<float> Middles(int64_t size, bool aligns_corners) {
  std::vector<float> middles;
  for (int64_t i = 0; i < size; ++i) {
    const double span =
        static_cast<double>(aligns_corners ? size - 1 : size) / 2;
    const double at = static_cast<double>(i) + (aligns_corners ? 0 : 0.5);
    middles.push_back(static_cast<float>(span == 0 ? 0 : at / span - 1));
  }
  return middles;
}

// Each pixel of a picture or volume [sizes...] as a row: x, y, perhaps z, 1.
std::vector<float> Rows(const Shape& sizes, bool aligns_corners) {
  std::vector<float> rows;
  std::vector<std::vector<float>> middles;
  int64_t count = 1;
  for (const int64_t size : sizes) {
    middles.push_back(Middles(size, aligns_corners));
    count *= size;
  }
  for (int64_t pixel = 0; pixel < count; ++pixel) {
    int64_t rest = pixel;
    for (size_t d = sizes.size(); d-- > 0; rest /= sizes[d]) {
      rows.push_back(middles[d][static_cast<size_t>(rest % sizes[d])]);
    }
    rows.push_back(1);
  }
  return rows;
}

}  // namespace

// The rows of all pixels times theta [N, axes, axes + 1], turned.
absl::Status SpellAffineGrid(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"align_corners"}));
  ASSIGN_OR_RETURN(const int64_t aligns, speller.IntOr("align_corners", 0));
  if (!speller.is_known(speller.input(1))) {
    return speller.Unsupported("its size must be known while packing");
  }
  ASSIGN_OR_RETURN(Shape size, speller.Elements(speller.input(1)));
  const Shape theta = speller.shape(speller.input(0));
  const auto axes = static_cast<int64_t>(size.size()) - 2;
  if ((axes != 2 && axes != 3) || theta != Shape{size[0], axes, axes + 1} ||
      speller.dtype(speller.input(0)) != DataType::kF32) {
    return speller.Unsupported(
        "only FP32 theta [N, 2, 3] or [N, 3, 4] of as many pictures is "
        "supported");
  }
  const int64_t pictures = size[0];
  size.erase(size.begin(), size.begin() + 2);
  int64_t pixels = 1;
  for (const int64_t each : size) {
    if (each < 1) return speller.Invalid("its size has no pixels");
    RETURN_IF_ERROR(speller.CheckSize(pixels, each));
    pixels *= each;
  }
  RETURN_IF_ERROR(speller.CheckSize(pixels, axes + 1));
  ASSIGN_OR_RETURN(
      const int list,
      speller.KnownNumbers(DataType::kF32, Rows(size, aligns != 0)));
  ASSIGN_OR_RETURN(const int rows, speller.Reshaped(list, {pixels, axes + 1}));
  const int points = speller.Add(
      "MatMul", {rows, speller.Transposed(speller.input(0), {0, 2, 1})});
  size.insert(size.begin(), pictures);
  size.push_back(axes);
  ASSIGN_OR_RETURN(const int y, speller.Reshaped(points, size));
  speller.Finish(y);
  return absl::OkStatus();
}

absl::Status SpellGridSample(Speller& speller) {
  return Sampling(&speller).Run();
}

}  // namespace layerd
