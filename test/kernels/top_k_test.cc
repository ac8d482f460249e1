// The places of the largest elements, against sorting them all.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <vector>

#include "daemon/plan/layer_rows.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/reference/reference_backend.h"
#include "test/catch/catch.h"
#include "test/kernels/test_layer.h"

namespace layerd {
namespace {

struct Row {
  const char* name;
  std::vector<int64_t> shape;
  int64_t axis, count;
  bool is_largest;
  DataType dtype;
};

std::vector<Row> Rows() {
  return {
      {"of rows", {5, 40}, 1, 7, true, DataType::kF32},
      {"smallest of columns", {40, 5}, 0, 7, false, DataType::kF32},
      {"all", {3, 9, 2}, 1, 9, true, DataType::kF32},
      {"one of one", {1}, 0, 1, true, DataType::kF32},
      {"doubles that are one in f32", {4, 50}, 1, 20, true, DataType::kF64},
      {"integers that are equal", {4, 50}, 1, 20, true, DataType::kI64},
      {"smallest integers", {4, 50}, 1, 20, false, DataType::kI64},
  };
}

TestLayer LayerOf(const Row& row, uint32_t seed) {
  PartSpec spec;
  spec.op = TopK{row.axis, row.is_largest};
  spec.inputs = {PlainType(row.shape, row.dtype)};
  std::vector<int64_t> shape = row.shape;
  shape[static_cast<size_t>(row.axis)] = row.count;
  spec.outputs = {PlainType(shape, DataType::kI64)};
  TestLayer layer = Draw(row.name, spec, seed);
  if (row.dtype == DataType::kI64) {
    for (size_t i = 0; i < layer.inputs[0].size(); i += sizeof(int64_t)) {
      const int64_t value = static_cast<int64_t>(i * 7919 / 8 % 13) - 6;
      std::memcpy(&layer.inputs[0][i], &value, sizeof(value));
    }
  } else if (row.dtype == DataType::kF64) {
    for (size_t i = 0; i < layer.inputs[0].size(); i += sizeof(double)) {
      const double value = 1 + static_cast<double>(i * 7919 / 8 % 13) * 1e-12;
      std::memcpy(&layer.inputs[0][i], &value, sizeof(value));
    }
  } else {
    const float odd[] = {std::numeric_limits<float>::quiet_NaN(), 2, 2, -2, -2};
    const size_t bytes = std::min(sizeof(odd), layer.inputs[0].size());
    std::memcpy(layer.inputs[0].data(), odd, bytes);
  }
  return layer;
}

// Element i along the axis of the line that begins at `first`.
double ElementOf(const TestLayer& layer, int64_t first, int64_t stride,
                 int64_t i) {
  const auto at = static_cast<size_t>(first + i * stride);
  if (layer.whole.inputs[0].dtype == DataType::kI64) {
    return static_cast<double>(
        reinterpret_cast<const int64_t*>(layer.inputs[0].data())[at]);
  }
  if (layer.whole.inputs[0].dtype == DataType::kF64) {
    return reinterpret_cast<const double*>(layer.inputs[0].data())[at];
  }
  const float value =
      reinterpret_cast<const float*>(layer.inputs[0].data())[at];
  // A NaN is larger than all numbers.
  return std::isnan(value) ? std::numeric_limits<double>::infinity() : value;
}

std::vector<int64_t> Sorted(const Row& row, const TestLayer& layer) {
  const auto axis = static_cast<size_t>(row.axis);
  const TensorType& x = layer.whole.inputs[0];
  const TensorType& y = layer.whole.outputs[0];
  std::vector<int64_t> places(y.element_count());
  const int64_t inner = x.strides[axis];
  const int64_t outer = x.element_count() / inner / x.shape[axis];
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t in = 0; in < inner; ++in) {
      const int64_t first = o * inner * x.shape[axis] + in;
      std::vector<int64_t> order(x.shape[axis]);
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        const double left = ElementOf(layer, first, inner, a);
        const double right = ElementOf(layer, first, inner, b);
        return row.is_largest ? left > right : left < right;
      });
      for (int64_t k = 0; k < row.count; ++k) {
        places[o * inner * row.count + k * inner + in] = order[k];
      }
    }
  }
  return places;
}

TEST_CASE("The places of the most extreme elements come in order") {
  for (const Row& row : Rows()) {
    const TestLayer layer = LayerOf(row, 3);
    const std::vector<int64_t> wanted = Sorted(row, layer);
    for (const bool by_loops : {false, true}) {
      INFO(row.name << " by loops " << by_loops);
      const auto backend =
          by_loops ? MakeReferenceBackend() : MakeCpuBackend(2);
      RunOptions options;
      std::vector<PartSpec> slices;
      const int64_t rows = RowsOfLayer(layer.whole);
      for (int64_t r = 0; r < rows && rows > 1; r += 2) {
        RowSlice slice =
            SliceRows(layer.whole, {r, std::min<int64_t>(2, rows - r)});
        slices.push_back(std::move(slice.spec));
        options.places.push_back(
            {slice.input_offsets_bytes, slice.output_offsets_bytes[0]});
      }
      if (slices.empty()) slices = {layer.whole};

      for (const Outcome& outcome :
           {Run(*backend, layer), Run(*backend, layer, slices, options)}) {
        REQUIRE(outcome.status.ok());
        CHECK(outcome.guards_held);
        std::vector<int64_t> places(wanted.size());
        REQUIRE(outcome.output.size() == places.size() * sizeof(int64_t));
        std::memcpy(places.data(), outcome.output.data(),
                    outcome.output.size());
        CHECK(places == wanted);
      }
    }
  }
}

}  // namespace
}  // namespace layerd
