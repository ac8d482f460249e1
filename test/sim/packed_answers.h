#ifndef LAYERD_TEST_SIM_PACKED_ANSWERS_H_
#define LAYERD_TEST_SIM_PACKED_ANSWERS_H_

#include <vector>

#include "daemon/pack/lower/cut.h"
#include "daemon/pack/network/network.h"
#include "kernels/backend.h"

namespace layerd {

// The answers of `network`, lowered, cut by `limits`, written as for a layer
// file and run part by part on `backend`. A failure on the way fails the test.
//
// REQUIRES: inputs and outputs are f32.
std::vector<std::vector<float>> PackedAnswers(
    const Network& network, const CutLimits& limits,
    const std::vector<std::vector<float>>& inputs, Backend& backend);

}  // namespace layerd

#endif  // LAYERD_TEST_SIM_PACKED_ANSWERS_H_
