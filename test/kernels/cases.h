#ifndef LAYERD_TEST_KERNELS_CASES_H_
#define LAYERD_TEST_KERNELS_CASES_H_

#include <cstdint>
#include <vector>

#include "test/kernels/test_layer.h"

namespace layerd {

// Small layers that are hard in one way each; the name says in which.
std::vector<TestLayer> ConvolutionCases();
std::vector<TestLayer> FullyConnectedCases();
std::vector<TestLayer> MatMulCases();
std::vector<TestLayer> PoolCases();
std::vector<TestLayer> ElementwiseCases();
std::vector<TestLayer> NormalisationCases();
std::vector<TestLayer> MoveCases();
// transposed_cases.cc
std::vector<TestLayer> ConvTransposeCases();
std::vector<TestLayer> RunTimeKernelCases();
// array_cases.cc
std::vector<TestLayer> IntegerCases();
std::vector<TestLayer> LayerNormCases();
std::vector<TestLayer> ReduceCases();
std::vector<TestLayer> GatherCases();
std::vector<TestLayer> SelectCases();
std::vector<TestLayer> ResizeCases();
std::vector<TestLayer> AllCases();  // The narrow ones among them.

// Convolutions and fully connected layers whose weights are stored as F16,
// BF16 or I8, and the same with those weights decoded.
struct NarrowCase {
  TestLayer narrow, decoded;
};
std::vector<NarrowCase> NarrowCases();
// A layer in every way.
std::vector<NarrowCase> NarrowCasesOf(const TestLayer& layer);

// A layer of one output that is never cut.
TestLayer MakeWhole(const char* name, Operator op,
                    std::vector<TensorType> inputs,
                    std::vector<WeightPiece> weights, TensorType output);

// What a convolution is drawn from; the output follows.
struct ConvolutionSketch {
  const char* name;
  std::vector<int64_t> x;  // N, C, spatial...
  int64_t outputs;
  std::vector<int64_t> kernel;
  std::vector<int64_t> strides{}, dilations{};  // Of one, unless told.
  std::vector<int64_t> pads_begin{};            // None, unless told.
  std::vector<int64_t> pads_end{};              // As at the begin, unless told.
  int64_t groups = 1;
  bool has_bias = true;
  bool adds_residual = false;
  Activation activation{};
};
TestLayer LayerOf(const ConvolutionSketch& sketch, uint32_t seed);

// Of 3 x 3, hard for squares of 4 x 4 places.
std::vector<ConvolutionSketch> WinogradSketches();

// Any of those, small, by a seed.
TestLayer RandomConvolution(uint32_t seed);

}  // namespace layerd

#endif  // LAYERD_TEST_KERNELS_CASES_H_
