// Parts whose weights are stored narrow, at the door for parts.

#include "kernels/decoded_part.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/part_check.h"
#include "kernels/type_check.h"
#include "test/catch/catch.h"
#include "test/kernels/part_sketches.h"

namespace layerd {
namespace {

// Kernels of I8: scales come last.
PartSpec Narrow() {
  PartSpec spec = ConnectedPart();
  spec.weights[0].layout.dtype = DataType::kI8;
  spec.weights.push_back(PlainPiece({4}));
  return spec;
}

PartSpec NarrowConnected() {
  PartSpec spec = ConnectedPart();
  spec.weights[0].layout.dtype = DataType::kF16;
  return spec;
}

// Tensors of halves, and a bias of halves.
PartSpec Half(DataType kernel) {
  PartSpec spec = ConnectedPart();
  spec.inputs[0].dtype = spec.outputs[0].dtype = DataType::kF16;
  spec.weights[0].layout.dtype = kernel;
  spec.weights[1].layout.dtype = DataType::kF16;
  if (kernel == DataType::kI8) spec.weights.push_back(PlainPiece({4}));
  return spec;
}

PartSpec SameShape(Operator op, const std::vector<int64_t>& shape,
                   std::vector<WeightPiece> weights) {
  PartSpec spec;
  spec.op = std::move(op);
  spec.inputs = spec.outputs = {PlainType(shape)};
  spec.weights = std::move(weights);
  return spec;
}

TEST_CASE("Beside halves, halves are computed with as they are stored") {
  CHECK(CheckPlacedPart(Half(DataType::kF16)).ok());
  CHECK_FALSE(IsNarrow(Half(DataType::kF16)));
  PartSpec scaled = Half(DataType::kF16);
  scaled.weights.push_back(PlainPiece({4}));
  for (const PartSpec& spec : {Half(DataType::kF32), Half(DataType::kBF16),
                               Half(DataType::kI8), scaled}) {
    CHECK(CheckPlacedPart(spec).ok());
    CHECK(IsNarrow(spec));
    const PartSpec decoded = DecodedSpec(spec);
    CHECK(CheckPlacedPart(decoded).ok());
    CHECK_FALSE(IsNarrow(decoded));
    CHECK(decoded.weights[0].layout.dtype == DataType::kF16);
    CHECK(decoded.weights[1].layout.dtype == DataType::kF16);
  }
}

TEST_CASE("Tensors are halves all together, and so is a bias beside them") {
  PartSpec spec = Half(DataType::kF16);
  spec.outputs[0].dtype = DataType::kF32;
  CHECK(absl::IsUnimplemented(CheckPart(spec)));
  spec = Half(DataType::kF16);
  spec.weights[1].layout.dtype = DataType::kF32;
  CHECK(absl::IsUnimplemented(CheckPart(spec)));
  // Of what is no kernel, weights stay F32.
  spec = SameShape(ScaleShift{}, {2, 3}, {PlainPiece({3}), PlainPiece({3})});
  spec.inputs[0].dtype = spec.outputs[0].dtype = DataType::kF16;
  CHECK(CheckPart(spec).ok());
  spec.weights[0].layout.dtype = DataType::kF16;
  CHECK(absl::IsUnimplemented(CheckPart(spec)));
}

TEST_CASE("Backends of f32 refuse to compute with halves, and say what to do") {
  const absl::Status refused = CheckComputesF32(Half(DataType::kF16));
  CHECK(absl::IsUnimplemented(refused));
  CHECK_THAT(std::string(refused.message()), Catch::Contains("compute: f32"));
  CHECK(CheckComputesF32(ConnectedPart()).ok());
  PartSpec copy = SameShape(Copy{}, {4}, {});
  copy.outputs[0].dtype = DataType::kF16;
  CHECK(CheckComputesF32(copy).ok());
}

TEST_CASE("Sound narrow parts pass, and so do the parts they become") {
  PartSpec scaled = NarrowConnected();
  scaled.weights.push_back(PlainPiece({4}));
  PartSpec bfloat = NarrowConnected();
  bfloat.weights[0].layout.dtype = DataType::kBF16;
  for (const PartSpec& spec : {Narrow(), NarrowConnected(), scaled, bfloat}) {
    CHECK(CheckPlacedPart(spec).ok());
    CHECK(IsNarrow(spec));
    const PartSpec decoded = DecodedSpec(spec);
    CHECK(CheckPlacedPart(decoded).ok());
    CHECK_FALSE(IsNarrow(decoded));
    CHECK(decoded.weights.size() == 2);
    CHECK(WeightBytes(decoded) ==
          decoded.weights[1].offset_bytes + kWeightAlignment);
  }
}

struct Spoiled {
  const char* name;
  PartSpec (*sound)();
  std::function<void(PartSpec&)> spoil;
  const char* message;
};

// Each row spoils one field and gives the words of the refusal.
std::vector<Spoiled> SpoiledParts() {
  return {
      {"int8 without scales", Narrow, [](PartSpec& s) { s.weights.pop_back(); },
       "2 weights"},
      {"one weight more than scales", Narrow,
       [](PartSpec& s) { s.weights.push_back(s.weights[1]); }, "4 weights"},
      {"scales beside f32", ConnectedPart,
       [](PartSpec& s) { s.weights.push_back(s.weights[1]); }, "3 weights"},
      {"too few scales", Narrow,
       [](PartSpec& s) { s.weights[2] = PlainPiece({3}); },
       "scales is [3], expected [4]"},
      {"scales that are strewn", Narrow,
       [](PartSpec& s) {
         s.weights[2].layout.padded_shape = {8};
         s.weights[2].layout.strides = {4};
         s.weights[2].layout.blocks = {{0, 4}};
       },
       "scales are FP32 [4] strides [4] padded to [8]"},
      {"too large to decode", NarrowConnected,
       [](PartSpec& s) {
         WeightLayout& layout = s.weights[0].layout;
         layout.padded_shape = {int64_t{1} << 30, 512};
         layout.strides = {512, 1};
       },
       "too large to decode"},
  };
}

TEST_CASE("An unsound narrow part is refused with the field that is wrong") {
  for (const Spoiled& row : SpoiledParts()) {
    INFO(row.name);
    PartSpec spec = row.sound();
    row.spoil(spec);

    const absl::Status status = CheckPlacedPart(spec);

    CHECK(absl::IsInvalidArgument(status));
    CHECK_THAT(std::string(status.message()), Catch::Contains(row.message));
  }
}

TEST_CASE("Scales are F32") {
  PartSpec spec = Narrow();
  spec.weights[2].layout.dtype = DataType::kF16;
  CHECK(absl::IsUnimplemented(CheckPart(spec)));
}

}  // namespace
}  // namespace layerd
