// A MaxPool that also says where, and a Pad that crops.

#include <algorithm>
#include <limits>
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

// First what goes, then what comes.
absl::Status SpellCroppingPad(Speller& speller) {
  const Shape shape = speller.shape(speller.input(0));
  Shape pads = speller.attribute<Shape>("pads");
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
  const int kept = speller.Add("Slice", {speller.input(0), a, b, c});
  ASSIGN_OR_RETURN(const int widths, speller.KnownList(pads));
  ASSIGN_OR_RETURN(const int value,
                   speller.KnownNumber(speller.dtype(speller.input(0)),
                                       speller.attribute<float>("value")));
  speller.Finish(speller.Add("Pad", {kept, widths, value}));
  return absl::OkStatus();
}

}  // namespace layerd
