#ifndef LAYERD_TEST_SIM_IMPORTED_ANSWERS_H_
#define LAYERD_TEST_SIM_IMPORTED_ANSWERS_H_

#include <vector>

#include "daemon/pack/import/onnx_test_model.h"
#include "kernels/backend.h"

namespace layerd {

// What `model` answers when it is imported, simplified, cut and run part by
// part. A failure on the way fails the test.
//
// REQUIRES: inputs and outputs are f32.
std::vector<std::vector<float>> ImportedAnswers(
    TestModel& model, const std::vector<std::vector<float>>& inputs,
    Backend& backend);

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_IMPORTED_ANSWERS_H_
