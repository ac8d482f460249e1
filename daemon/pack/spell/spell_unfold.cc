// What puts windows back where they were taken from: MaxUnpool by places,
// Col2Im by sums.

#include <algorithm>
#include <utility>

#include "config/status_macros.h"
#include "daemon/pack/graph/element_type.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

using Shape = Speller::Shape;

constexpr int64_t kSizeMax = int64_t{1} << 31;

struct Windows {
  Shape kernel, strides, dilations, pads;
  size_t rank() const { return kernel.size(); }
};

absl::Status TakeLists(const Speller& speller, Windows& windows) {
  const size_t rank = windows.rank();
  const Shape ones(rank, 1), zeros(2 * rank, 0);
  ASSIGN_OR_RETURN(windows.strides, speller.ListOr<int64_t>("strides", ones));
  ASSIGN_OR_RETURN(windows.dilations,
                   speller.ListOr<int64_t>("dilations", ones));
  ASSIGN_OR_RETURN(windows.pads, speller.ListOr<int64_t>("pads", zeros));
  bool fits = windows.strides.size() == rank &&
              windows.dilations.size() == rank &&
              windows.pads.size() == 2 * rank;
  for (const Shape* list :
       {&windows.kernel, &windows.strides, &windows.dilations}) {
    for (const int64_t size : *list) fits = fits && size >= 1 && size < 1 << 15;
  }
  for (const int64_t pad : windows.pads) {
    fits = fits && pad >= 0 && pad < kSizeMax;
  }
  if (fits) return absl::OkStatus();
  return speller.Invalid("its windows do not fit");
}

// From one end of a window to the other.
int64_t Reach(const Windows& windows, size_t d) {
  return windows.dilations[d] * (windows.kernel[d] - 1) + 1;
}

// Known sizes, each positive.
absl::StatusOr<Shape> TakeSizes(const Speller& speller, size_t input) {
  if (!speller.is_known(speller.input(input))) {
    return speller.Unsupported("its shape must be known while packing");
  }
  ASSIGN_OR_RETURN(Shape sizes, speller.Elements(speller.input(input)));
  for (const int64_t size : sizes) {
    if (size < 1 || size > kSizeMax) {
      return speller.Invalid("its shape has a size that is none");
    }
  }
  return sizes;
}

absl::StatusOr<Shape> UnpooledShape(const Speller& speller, Shape shape,
                                    const Windows& windows) {
  if (speller.has_input(2)) return TakeSizes(speller, 2);
  const size_t rank = windows.rank();
  for (size_t d = 0; d < rank; ++d) {
    shape[d + 2] = (shape[d + 2] - 1) * windows.strides[d] - windows.pads[d] -
                   windows.pads[d + rank] + windows.kernel[d];
  }
  return shape;
}

}  // namespace

absl::Status SpellMaxUnpool(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"kernel_shape", "pads", "strides"}));
  const int x = speller.input(0);
  Windows windows;
  ASSIGN_OR_RETURN(windows.kernel, speller.ListOr<int64_t>("kernel_shape", {}));
  RETURN_IF_ERROR(TakeLists(speller, windows));
  const Shape shape = speller.shape(x);
  if (shape.size() != windows.rank() + 2 ||
      speller.shape(speller.input(1)) != shape) {
    return speller.Invalid("its places do not fit its input");
  }
  ASSIGN_OR_RETURN(const Shape to, UnpooledShape(speller, shape, windows));
  const std::optional<int64_t> count = ElementCount(to);
  const std::optional<int64_t> given = ElementCount(shape);
  if (!count || !given || *count < 1) {
    return speller.Invalid("its shape is none");
  }
  RETURN_IF_ERROR(speller.CheckSize(*count, *given));
  ASSIGN_OR_RETURN(const int zeros, speller.Zeros(speller.dtype(x), {*count}));
  ASSIGN_OR_RETURN(const int values, speller.Reshaped(x, {*given}));
  ASSIGN_OR_RETURN(const int places,
                   speller.Reshaped(speller.input(1), {*given}));
  const int put = speller.Add("ScatterElements", {zeros, places, values},
                              {{"axis", int64_t{0}}});
  ASSIGN_OR_RETURN(const int y, speller.Reshaped(put, to));
  speller.Finish(y);
  return absl::OkStatus();
}

namespace {

// How many windows lie along each dimension of a picture.
absl::StatusOr<Shape> WindowsIn(const Speller& speller, const Shape& picture,
                                const Windows& windows) {
  Shape counts;
  for (size_t d = 0; d < picture.size(); ++d) {
    const int64_t all =
        picture[d] + windows.pads[d] + windows.pads[d + windows.rank()];
    if (all < Reach(windows, d)) {
      return speller.Invalid("its windows are larger than its picture");
    }
    counts.push_back((all - Reach(windows, d)) / windows.strides[d] + 1);
  }
  return counts;
}

// [channels * block, 1, block...]: number k of a block goes to place k.
absl::StatusOr<int> PlacingKernel(Speller& speller, int64_t channels,
                                  int64_t block, const Windows& windows) {
  RETURN_IF_ERROR(speller.CheckSize(channels * block, block));
  std::vector<float> ones(static_cast<size_t>(channels * block * block), 0);
  for (int64_t i = 0; i < channels * block; ++i) {
    ones[static_cast<size_t>(i * block + i % block)] = 1;
  }
  ASSIGN_OR_RETURN(const int known,
                   speller.KnownNumbers(speller.dtype(speller.input(0)), ones));
  Shape shape = {channels * block, 1};
  shape.insert(shape.end(), windows.kernel.begin(), windows.kernel.end());
  return speller.Reshaped(known, shape);
}

}  // namespace

// A transposed convolution whose weights put each number into its place.
absl::Status SpellCol2Im(Speller& speller) {
  RETURN_IF_ERROR(speller.CheckAttributes({"dilations", "pads", "strides"}));
  ASSIGN_OR_RETURN(const Shape picture, TakeSizes(speller, 1));
  Windows windows;
  ASSIGN_OR_RETURN(windows.kernel, TakeSizes(speller, 2));
  RETURN_IF_ERROR(TakeLists(speller, windows));
  const Shape x = speller.shape(speller.input(0));
  const std::optional<int64_t> block = ElementCount(windows.kernel);
  if (picture.size() != windows.rank() || picture.empty() || x.size() != 3 ||
      !block || x[1] % *block != 0) {
    return speller.Invalid("its blocks do not fit its input");
  }
  ASSIGN_OR_RETURN(const Shape counts, WindowsIn(speller, picture, windows));
  if (ElementCount(counts) != x[2]) {
    return speller.Invalid("its blocks do not fit its input");
  }
  ASSIGN_OR_RETURN(const int kernel,
                   PlacingKernel(speller, x[1] / *block, *block, windows));
  Shape folded = {x[0], x[1]};
  Shape rest;
  for (size_t d = 0; d < picture.size(); ++d) {
    folded.push_back(counts[d]);
    const int64_t all =
        picture[d] + windows.pads[d] + windows.pads[d + windows.rank()];
    rest.push_back((all - Reach(windows, d)) % windows.strides[d]);
  }
  ASSIGN_OR_RETURN(const int blocks,
                   speller.Reshaped(speller.input(0), folded));
  speller.Finish(speller.Add("ConvTranspose", {blocks, kernel},
                             {{"dilations", windows.dilations},
                              {"group", x[1] / *block},
                              {"output_padding", rest},
                              {"pads", windows.pads},
                              {"strides", windows.strides}}));
  return absl::OkStatus();
}

}  // namespace layerd
