// RoiAlign with a known number of samples: each looks at four neighbours,
// gathered as pixels and weighed.

#include <string>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

constexpr int64_t kSideMax = 1 << 20;

class Aligning {
 public:
  explicit Aligning(Speller* speller) : speller_(*speller) {}

  absl::Status Run() {
    RETURN_IF_ERROR(TakeInputs());
    RETURN_IF_ERROR(TakeAttributes());
    const int turned = speller_.Transposed(speller_.input(0), {0, 2, 3, 1});
    ASSIGN_OR_RETURN(pixels_,
                     speller_.Reshaped(turned, {x_[0] * x_[2] * x_[3], x_[1]}));
    // Boxes are x1, y1, x2, y2.
    ASSIGN_OR_RETURN(const Axis x, Along(0, x_[3], sizes_[1], 2));
    ASSIGN_OR_RETURN(const Axis y, Along(1, x_[2], sizes_[0], 1));
    int together = kAbsent;
    for (const Side& row : y.sides) {
      for (const Side& column : x.sides) {
        ASSIGN_OR_RETURN(const int one, Weighed(row, column));
        together = together == kAbsent ? one : Joined(together, one);
      }
    }
    return Pool(together);
  }

 private:
  // One neighbour along an axis: its place, and what it weighs; [R, n, 1] along
  // y, [R, 1, n] along x.
  struct Side {
    int place, weight;
  };
  struct Axis {
    std::vector<Side> sides;
  };

  absl::Status TakeInputs() {
    x_ = speller_.shape(speller_.input(0));
    const Shape boxes = speller_.shape(speller_.input(1));
    if (x_.size() != 4 || boxes.size() != 2 || boxes[1] != 4 ||
        speller_.shape(speller_.input(2)) != Shape{boxes[0]}) {
      return speller_.Invalid("its boxes do not fit");
    }
    boxes_ = boxes[0];
    if (speller_.dtype(speller_.input(0)) == DataType::kF32 &&
        speller_.dtype(speller_.input(1)) == DataType::kF32) {
      return absl::OkStatus();
    }
    return speller_.Unsupported("only FP32 is supported");
  }

  absl::Status TakeAttributes() {
    RETURN_IF_ERROR(speller_.CheckAttributes(
        {"coordinate_transformation_mode", "mode", "output_height",
         "output_width", "sampling_ratio", "spatial_scale"}));
    ASSIGN_OR_RETURN(sizes_[0], speller_.IntOr("output_height", 1));
    ASSIGN_OR_RETURN(sizes_[1], speller_.IntOr("output_width", 1));
    ASSIGN_OR_RETURN(samples_, speller_.IntOr("sampling_ratio", 0));
    ASSIGN_OR_RETURN(scale_, speller_.FloatOr("spatial_scale", 1));
    ASSIGN_OR_RETURN(const std::string mode, speller_.StringOr("mode", "avg"));
    // Before opset 16 boxes began at the middle of a pixel.
    ASSIGN_OR_RETURN(
        const std::string from,
        speller_.StringOr(
            "coordinate_transformation_mode",
            speller_.node().opset < 16 ? "output_half_pixel" : "half_pixel"));
    if (samples_ == 0) {
      return speller_.Unsupported(
          "sampling_ratio 0 takes as many samples as a box is large, which "
          "depends on data of each request; export with a fixed one");
    }
    if (samples_ < 1 || sizes_[0] < 1 || sizes_[1] < 1 ||
        samples_ > kSideMax / sizes_[0] || samples_ > kSideMax / sizes_[1] ||
        (mode != "avg" && mode != "max")) {
      return speller_.Invalid("its sizes or its mode are none");
    }
    is_max_ = mode == "max";
    is_half_ = from == "half_pixel";
    return absl::OkStatus();
  }

  absl::StatusOr<int> Number(float number) {
    return speller_.KnownNumber(DataType::kF32, number);
  }

  // One of the four numbers of each box, scaled, as [R, 1, 1].
  absl::StatusOr<int> Edge(int64_t which) {
    ASSIGN_OR_RETURN(const int at, speller_.Known({which}, {}));
    const int given =
        speller_.Add("Gather", {speller_.input(1), at}, {{"axis", int64_t{1}}});
    ASSIGN_OR_RETURN(const int edge, speller_.Reshaped(given, {boxes_, 1, 1}));
    ASSIGN_OR_RETURN(const int scale, Number(scale_));
    ASSIGN_OR_RETURN(const int half, Number(is_half_ ? 0.5f : 0.0f));
    return speller_.Add("Sub", {speller_.Add("Mul", {edge, scale}), half});
  }

  // Where samples lie, in pixels.
  absl::StatusOr<int> Points(int64_t which, int64_t bins, size_t dimension) {
    ASSIGN_OR_RETURN(const int begin, Edge(which));
    ASSIGN_OR_RETURN(const int end, Edge(which + 2));
    int length = speller_.Add("Sub", {end, begin});
    if (!is_half_) {
      ASSIGN_OR_RETURN(const int one, Number(1));
      length = speller_.Add("Max", {length, one});
    }
    ASSIGN_OR_RETURN(const int divisor, Number(static_cast<float>(bins)));
    const int bin = speller_.Add("Div", {length, divisor});
    std::vector<float> steps;
    for (int64_t i = 0; i < bins * samples_; ++i) {
      steps.push_back((static_cast<float>(i) + 0.5f) /
                      static_cast<float>(samples_));
    }
    ASSIGN_OR_RETURN(const int known,
                     speller_.KnownNumbers(DataType::kF32, steps));
    Shape shape = {1, 1, 1};
    shape[dimension] = bins * samples_;
    ASSIGN_OR_RETURN(const int offsets, speller_.Reshaped(known, shape));
    return speller_.Add("Add", {begin, speller_.Add("Mul", {bin, offsets})});
  }

  // A sample up to a pixel outside is that of the border, one beyond is 0.
  absl::StatusOr<Axis> Along(int64_t which, int64_t size, int64_t bins,
                             size_t dimension) {
    ASSIGN_OR_RETURN(const int points, Points(which, bins, dimension));
    ASSIGN_OR_RETURN(const int zero, Number(0));
    ASSIGN_OR_RETURN(const int one, Number(1));
    ASSIGN_OR_RETURN(const int low, Number(-1));
    ASSIGN_OR_RETURN(const int high, Number(static_cast<float>(size)));
    ASSIGN_OR_RETURN(const int last, Number(static_cast<float>(size - 1)));
    const int within = speller_.Add("Clip", {points, low, high});
    const int counts = speller_.CastTo(speller_.Add("Equal", {within, points}),
                                       DataType::kF32);
    const int clipped = speller_.Add("Clip", {points, zero, last});
    const int first = speller_.Add("Floor", {clipped});
    const int beyond = speller_.Add("Sub", {clipped, first});
    const int next =
        speller_.Add("Min", {speller_.Add("Add", {first, one}), last});
    const auto side = [&](int place, int weight) {
      return Side{speller_.CastTo(place, DataType::kI64),
                  speller_.Add("Mul", {weight, counts})};
    };
    return Axis{
        {side(first, speller_.Add("Sub", {one, beyond})), side(next, beyond)}};
  }

  // [R, rows, columns, C]
  absl::StatusOr<int> Weighed(const Side& row, const Side& column) {
    ASSIGN_OR_RETURN(const int width, speller_.Known({x_[3]}, {}));
    ASSIGN_OR_RETURN(const int picture_size,
                     speller_.Known({x_[2] * x_[3]}, {}));
    ASSIGN_OR_RETURN(
        const int pictures,
        speller_.Reshaped(speller_.CastTo(speller_.input(2), DataType::kI64),
                          {boxes_, 1, 1}));
    int place = speller_.Add("Mul", {row.place, width});
    place = speller_.Add("Add", {place, column.place});
    place = speller_.Add(
        "Add", {place, speller_.Add("Mul", {pictures, picture_size})});
    const int pixels =
        speller_.Add("Gather", {pixels_, place}, {{"axis", int64_t{0}}});
    ASSIGN_OR_RETURN(
        const int weight,
        speller_.Reshaped(
            speller_.Add("Mul", {row.weight, column.weight}),
            {boxes_, sizes_[0] * samples_, sizes_[1] * samples_, 1}));
    return speller_.Add("Mul", {pixels, weight});
  }

  int Joined(int one, int other) {
    return speller_.Add(is_max_ ? "Max" : "Add", {one, other});
  }

  // Samples of each bin become one: [R, C, height, width].
  absl::Status Pool(int samples) {
    ASSIGN_OR_RETURN(const int split,
                     speller_.Reshaped(samples, {boxes_, sizes_[0], samples_,
                                                 sizes_[1], samples_, x_[1]}));
    const int pooled =
        speller_.Add(is_max_ ? "ReduceMax" : "ReduceMean", {split},
                     {{"axes", Shape{2, 4}}, {"keepdims", int64_t{0}}});
    speller_.Finish(speller_.Transposed(pooled, {0, 3, 1, 2}));
    return absl::OkStatus();
  }

  Speller& speller_;
  Shape x_;
  int64_t boxes_ = 0, samples_ = 0;
  int64_t sizes_[2] = {1, 1};  // Height and width of what comes out.
  float scale_ = 1;
  bool is_max_ = false, is_half_ = false;
  int pixels_ = kAbsent;  // [N * H * W, C].
};

}  // namespace

absl::Status SpellRoiAlign(Speller& speller) {
  return Aligning(&speller).Run();
}

}  // namespace layerd
