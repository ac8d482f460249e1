// A MaxPool that also says where, pools of powers, a Pad that crops or wraps.

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

// One window element costs five layers.
constexpr int64_t kPlacesOfWindowMax = 64;

// Whether they are at most so many: their number may not fit an integer.
bool IsWithin(const Shape& shape, int64_t most) {
  for (const int64_t size : shape) {
    if (size > most) return false;
    if (size > 0) most /= size;
  }
  return true;
}

// Goes through a window element by element: the largest so far, and its place.
class Places {
 public:
  explicit Places(Speller* speller)
      : speller_(*speller),
        x_(speller->shape(speller->input(0))),
        kernel_(Ints("kernel_shape")),
        strides_(Ints("strides")),
        dilations_(Ints("dilations")),
        pads_(Ints("pads")),
        ceil_pads_(Ints("ceil_pads")),
        spatial_(kernel_.size()) {}

  absl::Status Run() {
    if (!IsWithin(kernel_, kPlacesOfWindowMax)) {
      return speller_.Unsupported(
          "places of a window of more than 64 elements are not supported");
    }
    const DataType dtype = speller_.dtype(speller_.input(0));
    if (dtype == DataType::kU8 || dtype == DataType::kI8) {
      return speller_.Unsupported("places among bytes are not supported");
    }
    const Shape whole = speller_.shape(speller_.node().outputs[1]);
    output_.assign(whole.begin() + 2, whole.end());
    if (CountOf(whole) == 0) {
      return speller_.Unsupported(
          "its output is empty, which is not supported");
    }
    RETURN_IF_ERROR(speller_.CheckSize(CountOf(output_)));
    ASSIGN_OR_RETURN(const int padded, Padded());
    Shape element(spatial_, 0);
    int best = kAbsent;
    int place = kAbsent;
    do {
      ASSIGN_OR_RETURN(const int seen, Seen(padded, element));
      ASSIGN_OR_RETURN(const int at,
                       speller_.Known(PlacesOf(element), output_));
      if (best == kAbsent) {
        best = seen;
        place = at;
        continue;
      }
      const int is_larger = speller_.Add("Greater", {seen, best});
      place = speller_.Add("Where", {is_larger, at, place});
      best = speller_.Add("Max", {best, seen});
    } while (Next(&element));
    ASSIGN_OR_RETURN(const int pictures, FirstOfPictures());
    speller_.FinishOutput(1, speller_.Add("Add", {place, pictures}));
    if (speller_.has_output(0)) speller_.FinishOutput(0, best);
    return absl::OkStatus();
  }

 private:
  const Shape& Ints(const char* name) const {
    return speller_.attribute<Shape>(name);
  }

  absl::StatusOr<int> Padded() const {
    Shape widths(2 * x_.size(), 0);
    for (size_t d = 0; d < spatial_; ++d) {
      widths[2 + d] = pads_[d];
      widths[x_.size() + 2 + d] = pads_[spatial_ + d] + ceil_pads_[d];
    }
    if (std::all_of(widths.begin(), widths.end(),
                    [](int64_t width) { return width == 0; })) {
      return speller_.input(0);
    }
    ASSIGN_OR_RETURN(const int known, speller_.KnownList(widths));
    ASSIGN_OR_RETURN(
        const int lowest,
        speller_.KnownNumber(speller_.dtype(speller_.input(0)),
                             -std::numeric_limits<float>::infinity()));
    return speller_.Add("Pad", {speller_.input(0), known, lowest});
  }

  // The elements at this place of all windows.
  absl::StatusOr<int> Seen(int padded, const Shape& element) const {
    Shape first, end, axes;
    for (size_t d = 0; d < spatial_; ++d) {
      first.push_back(element[d] * dilations_[d]);
      end.push_back(first[d] + (output_[d] - 1) * strides_[d] + 1);
      axes.push_back(static_cast<int64_t>(d) + 2);
    }
    ASSIGN_OR_RETURN(const int a, speller_.KnownList(first));
    ASSIGN_OR_RETURN(const int b, speller_.KnownList(end));
    ASSIGN_OR_RETURN(const int c, speller_.KnownList(axes));
    ASSIGN_OR_RETURN(const int e, speller_.KnownList(strides_));
    return speller_.Add("Slice", {padded, a, b, c, e});
  }

  // In the picture: what lies in the padding counts as the first place of its
  // row that does not. The first element of a window stays where none is
  // larger, and so says the first place inside.
  std::vector<int64_t> PlacesOf(const Shape& element) const {
    const bool by_columns = speller_.attribute<int64_t>("storage_order") != 0;
    std::vector<int64_t> places;
    Shape window(spatial_, 0);
    do {
      int64_t place = 0;
      for (size_t i = 0; i < spatial_; ++i) {
        const size_t d = by_columns ? spatial_ - 1 - i : i;
        place = place * x_[2 + d] + Inside(d, window[d], element[d]);
      }
      places.push_back(place);
    } while (Advance(output_, &window));
    return places;
  }

  int64_t Inside(size_t d, int64_t window, int64_t element) const {
    int64_t at = window * strides_[d] - pads_[d] + element * dilations_[d];
    if (at < 0) at += (dilations_[d] - 1 - at) / dilations_[d] * dilations_[d];
    return std::min(at, x_[2 + d] - 1);
  }

  absl::StatusOr<int> FirstOfPictures() const {
    RETURN_IF_ERROR(speller_.CheckSize(x_[0], x_[1]));
    std::vector<int64_t> firsts(static_cast<size_t>(x_[0] * x_[1]));
    const int64_t size = CountOf({x_.begin() + 2, x_.end()});
    for (size_t i = 0; i < firsts.size(); ++i) {
      firsts[i] = static_cast<int64_t>(i) * size;
    }
    Shape shape(x_.size(), 1);
    shape[0] = x_[0];
    shape[1] = x_[1];
    return speller_.Known(firsts, shape);
  }

  static bool Advance(const Shape& shape, Shape* index) {
    for (size_t d = shape.size(); d-- > 0;) {
      if (++(*index)[d] < shape[d]) return true;
      (*index)[d] = 0;
    }
    return false;
  }
  bool Next(Shape* element) const { return Advance(kernel_, element); }

  Speller& speller_;
  const Shape x_, kernel_, strides_, dilations_, pads_, ceil_pads_;
  const size_t spatial_;
  Shape output_;
};

}  // namespace

absl::Status SpellMaxPoolPlaces(Speller& speller) {
  return Places(&speller).Run();
}

namespace {

// Places [first, end) along `axis`.
absl::StatusOr<int> Sliced(Speller& speller, int x, int64_t axis, int64_t first,
                           int64_t end) {
  ASSIGN_OR_RETURN(const int a, speller.KnownList({first}));
  ASSIGN_OR_RETURN(const int b, speller.KnownList({end}));
  ASSIGN_OR_RETURN(const int c, speller.KnownList({axis}));
  return speller.Add("Slice", {x, a, b, c});
}

// What went out at one end comes in at the other.
absl::Status WrappingPad(Speller& speller) {
  const Shape shape = speller.shape(speller.input(0));
  const auto& pads = speller.attribute<Shape>("pads");
  int y = speller.input(0);
  for (size_t d = 0; d < shape.size(); ++d) {
    const auto axis = static_cast<int64_t>(d);
    const int64_t before = pads[d], behind = pads[d + shape.size()];
    std::vector<int> pieces = {y};
    if (before > 0) {
      ASSIGN_OR_RETURN(const int last,
                       Sliced(speller, y, axis, shape[d] - before, shape[d]));
      pieces.insert(pieces.begin(), last);
    }
    if (behind > 0) {
      ASSIGN_OR_RETURN(pieces.emplace_back(),
                       Sliced(speller, y, axis, 0, behind));
    }
    if (pieces.size() > 1) {
      y = speller.Add("Concat", std::move(pieces), {{"axis", axis}});
    }
  }
  speller.Finish(y);
  return absl::OkStatus();
}

// What is left of the input where pads are negative; these are 0 then.
absl::StatusOr<int> Cropped(Speller& speller, Shape& pads) {
  const Shape shape = speller.shape(speller.input(0));
  Shape first, end, axes;
  for (size_t d = 0; d < shape.size(); ++d) {
    int64_t& begin = pads[d];
    int64_t& behind = pads[d + shape.size()];
    first.push_back(std::max<int64_t>(-begin, 0));
    end.push_back(shape[d] - std::max<int64_t>(-behind, 0));
    axes.push_back(static_cast<int64_t>(d));
    begin = std::max<int64_t>(begin, 0);
    behind = std::max<int64_t>(behind, 0);
  }
  ASSIGN_OR_RETURN(const int a, speller.KnownList(first));
  ASSIGN_OR_RETURN(const int b, speller.KnownList(end));
  ASSIGN_OR_RETURN(const int c, speller.KnownList(axes));
  return speller.Add("Slice", {speller.input(0), a, b, c});
}

// First what goes, then what comes.
absl::Status CroppingPad(Speller& speller) {
  Shape pads = speller.attribute<Shape>("pads");
  ASSIGN_OR_RETURN(const int kept, Cropped(speller, pads));
  ASSIGN_OR_RETURN(const int widths, speller.KnownList(pads));
  ASSIGN_OR_RETURN(const int value,
                   speller.KnownNumber(speller.dtype(speller.input(0)),
                                       speller.attribute<float>("value")));
  speller.Finish(speller.Add("Pad", {kept, widths, value}));
  return absl::OkStatus();
}

// A layer's value is f32, and this one is input 1: what comes is put on either
// side, dimension by dimension.
absl::Status FillingPad(Speller& speller) {
  Shape pads = speller.attribute<Shape>("pads");
  ASSIGN_OR_RETURN(int y, Cropped(speller, pads));
  ASSIGN_OR_RETURN(const int value, speller.Reshaped(speller.input(1), {}));
  Shape shape = speller.shape(speller.node().outputs[0]);
  const size_t rank = shape.size();
  for (size_t d = 0; d < rank; ++d) shape[d] -= pads[d] + pads[d + rank];
  for (size_t d = 0; d < rank; ++d) {
    std::vector<int> pieces = {y};
    for (const size_t side : {d, d + rank}) {
      if (pads[side] == 0) continue;
      Shape filled = shape;
      filled[d] = pads[side];
      ASSIGN_OR_RETURN(const int to, speller.KnownList(filled));
      pieces.insert(side == d ? pieces.begin() : pieces.end(),
                    speller.Add("Expand", {value, to}));
    }
    shape[d] += pads[d] + pads[d + rank];
    y = speller.Add("Concat", std::move(pieces),
                    {{"axis", static_cast<int64_t>(d)}});
  }
  speller.Finish(y);
  return absl::OkStatus();
}

// |x| to the power of p.
absl::StatusOr<int> Power(Speller& speller, int64_t p) {
  const int x = speller.input(0);
  if (p == 2) return speller.Add("Mul", {x, x});
  const int size = speller.Add("Abs", {x});
  if (p == 1) return size;
  ASSIGN_OR_RETURN(
      const int exponent,
      speller.KnownNumber(speller.dtype(x), static_cast<float>(p)));
  return speller.Add("Pow", {size, exponent});
}

absl::StatusOr<int> Root(Speller& speller, int sum, int64_t p) {
  if (p == 1) return sum;
  if (p == 2) return speller.Add("Sqrt", {sum});
  ASSIGN_OR_RETURN(
      const int exponent,
      speller.KnownNumber(speller.dtype(speller.input(0)),
                          static_cast<float>(1.0 / static_cast<double>(p))));
  return speller.Add("Pow", {sum, exponent});
}

absl::StatusOr<int64_t> ExponentOf(const Speller& speller) {
  ASSIGN_OR_RETURN(const int64_t p, speller.IntOr("p", 2));
  if (p >= 1) return p;
  return speller.Invalid("p is below 1");
}

}  // namespace

// Averages that count their padding are sums over the size of the window.
absl::Status SpellLpPool(Speller& speller) {
  RETURN_IF_ERROR(
      speller.CheckAttributes({"auto_pad", "ceil_mode", "dilations",
                               "kernel_shape", "p", "pads", "strides"}));
  ASSIGN_OR_RETURN(const int64_t p, ExponentOf(speller));
  ASSIGN_OR_RETURN(const int64_t ceils, speller.IntOr("ceil_mode", 0));
  if (ceils != 0) return speller.Unsupported("ceil_mode is not supported");
  ASSIGN_OR_RETURN(const Shape kernel,
                   speller.ListOr<int64_t>("kernel_shape", {}));
  Speller::Attributes window = speller.node().attributes;
  window.erase("p");
  window["count_include_pad"] = int64_t{1};
  float size = 1;
  for (const int64_t each : kernel) size *= static_cast<float>(each);
  ASSIGN_OR_RETURN(const int powers, Power(speller, p));
  const int mean = speller.Add("AveragePool", {powers}, std::move(window));
  ASSIGN_OR_RETURN(const int count,
                   speller.KnownNumber(speller.dtype(speller.input(0)), size));
  ASSIGN_OR_RETURN(const int y,
                   Root(speller, speller.Add("Mul", {mean, count}), p));
  speller.Finish(y);
  return absl::OkStatus();
}

absl::Status SpellGlobalLpPool(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"p"}));
  ASSIGN_OR_RETURN(const int64_t p, ExponentOf(speller));
  const size_t rank = speller.shape(speller.input(0)).size();
  if (rank < 3) return speller.Unsupported("its input is no picture");
  Shape axes(rank - 2);
  std::iota(axes.begin(), axes.end(), 2);
  ASSIGN_OR_RETURN(const int pixels, speller.KnownList(axes));
  ASSIGN_OR_RETURN(const int powers, Power(speller, p));
  const int sum =
      speller.Add("ReduceSum", {powers, pixels}, {{"keepdims", int64_t{1}}});
  ASSIGN_OR_RETURN(const int y, Root(speller, sum, p));
  speller.Finish(y);
  return absl::OkStatus();
}

absl::Status SpellPad(Speller& speller) {
  if (speller.node().inputs.size() > 1) return FillingPad(speller);
  return speller.attribute<std::string>("mode") == "wrap"
             ? WrappingPad(speller)
             : CroppingPad(speller);
}

// What is odd is more at the end.
absl::Status SpellCenterCropPad(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"axes"}));
  if (!speller.is_known(speller.input(1))) {
    return speller.Unsupported("its shape must be known while packing");
  }
  const Shape from = speller.shape(speller.input(0));
  const auto rank = static_cast<int64_t>(from.size());
  Shape every(from.size());
  std::iota(every.begin(), every.end(), 0);
  ASSIGN_OR_RETURN(const Shape axes, speller.ListOr<int64_t>("axes", every));
  ASSIGN_OR_RETURN(const Shape to, speller.Elements(speller.input(1)));
  if (to.size() != axes.size()) {
    return speller.Invalid("its shape has not one number for each axis");
  }
  Shape widths(2 * from.size(), 0);
  std::vector<bool> is_taken(from.size());
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] < -rank || axes[i] >= rank) {
      return speller.Invalid("an axis is not one of its dimensions");
    }
    const auto d = static_cast<size_t>(axes[i] < 0 ? axes[i] + rank : axes[i]);
    if (is_taken[d]) return speller.Invalid("an axis is named twice");
    if (to[i] < 0 || to[i] > int64_t{1} << 31) {
      return speller.Invalid("a dimension of its shape is none");
    }
    is_taken[d] = true;
    const int64_t more = to[i] - from[d];
    widths[d] = more / 2;
    widths[from.size() + d] = more - more / 2;
  }
  ASSIGN_OR_RETURN(const int known, speller.KnownList(widths));
  speller.Finish(speller.Add("Pad", {speller.input(0), known}));
  return absl::OkStatus();
}

}  // namespace layerd
