#ifndef LAYERD_DAEMON_PACK_NETWORK_NAIVE_ANSWERS_H_
#define LAYERD_DAEMON_PACK_NETWORK_NAIVE_ANSWERS_H_

#include <vector>

#include "daemon/pack/network/network.h"

namespace layerd {

// Evaluates a network operation by operation: every value row-major in memory
// of its own, every operator whole in the reference backend. It shares nothing
// with lowering, cutting and the writer of weights, whose answers it judges.
//
// REQUIRES: values and graph inputs and outputs are f32.
std::vector<std::vector<float>> NaiveAnswers(
    const Network& network, const std::vector<std::vector<float>>& inputs);

// As many numbers, each nearer than 1e-5 (1 + what was wanted).
bool AreNear(const std::vector<std::vector<float>>& got,
             const std::vector<std::vector<float>>& want);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_NETWORK_NAIVE_ANSWERS_H_
