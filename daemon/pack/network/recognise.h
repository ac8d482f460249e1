#ifndef LAYERD_DAEMON_PACK_NETWORK_RECOGNISE_H_
#define LAYERD_DAEMON_PACK_NETWORK_RECOGNISE_H_

#include "daemon/pack/network/network.h"

namespace layerd {

// Finds what exporters spell out in many nodes, because the opset they write
// has no word for it, and puts one operator there:
//
//   ReduceMean, Sub, Pow, ReduceMean, Add, Sqrt, Div, Mul, Add -> LayerNorm
//   Pow, ReduceMean, Add, Sqrt, Reciprocal, Mul, Mul           -> the same, but
//                                              keeping its mean (an RMS norm)
//   Div, Erf, Add, Mul, Mul                                    -> Unary Gelu
//
// and so for the tanh and the sigmoid form of GELU, SiLU, HardSwish,
// HardSigmoid, Mish, Softplus, Softsign, LeakyRelu. A function is known by what
// it does to numbers (RowEvaluator), so any order of its nodes will do, and a
// function that is nearly another one is not taken for it: two forms of GELU
// differ by 5e-4, and 1e-6 tells. Where one is 0 or 1 it is that: a ReLU and
// 1e-7 is none, for a logarithm may follow.
//
// Nodes that others still read stay beside what replaced them; the rest is
// dead.
void RecogniseLayerNorms(Network* network);
void RecogniseActivations(Network* network);

}  // namespace layerd

#endif  // LAYERD_DAEMON_PACK_NETWORK_RECOGNISE_H_
