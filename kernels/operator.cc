#include "kernels/operator.h"

#include <iterator>

namespace layerd {
namespace {

constexpr const char* kNames[] = {
    "Convolution", "FullyConnected", "MatMul",    "Pool",   "Unary",
    "Binary",      "ScaleShift",     "Softmax",   "Lrn",    "Pad",
    "Copy",        "ConvTranspose",  "LayerNorm", "Reduce", "Gather",
    "Select",      "Resize",         "Recurrent", "TopK"};
static_assert(std::size(kNames) == std::variant_size_v<Operator>);

}  // namespace

const char* NameOf(const Operator& op) { return kNames[op.index()]; }

}  // namespace layerd
