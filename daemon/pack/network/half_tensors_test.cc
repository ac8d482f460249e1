#include "daemon/pack/network/half_tensors.h"

#include <string>

#include "daemon/pack/lower/lower.h"
#include "daemon/pack/network/network_sketch.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

// "Copy FP32 -> FP16", layer by layer.
std::string Lowered16(NetworkSketch* sketch) {
  UseHalfTensors(&sketch->network());
  const Program program = Lower(sketch->network()).program;
  std::string text;
  for (const Layer& layer : program.layers) {
    text += NameOf(layer.op);
    for (const uint32_t input : layer.inputs) {
      text += std::string(" ") + NameOf(program.tensors[input].type.dtype);
    }
    const DataType made = program.tensors[layer.outputs[0]].type.dtype;
    text += std::string(" -> ") + NameOf(made) + "\n";
  }
  return text;
}

TEST_CASE("What goes in and comes out is f32, and halves are between") {
  NetworkSketch sketch;
  const int x = sketch.Input("x", {2, 8});
  const int fc = sketch.FullyConnected(x, 4);
  sketch.Output(sketch.Activate(fc, ActivationKind::kTanh));
  CHECK(Lowered16(&sketch) ==
        "Copy FP32 -> FP16\n"
        "FullyConnected FP16 -> FP16\n"
        "Unary FP16 -> FP16\n"
        "Copy FP16 -> FP32\n");
}

TEST_CASE("An input is cast once, whoever reads it") {
  NetworkSketch sketch;
  const int x = sketch.Input("x", {2, 8});
  const int fc = sketch.FullyConnected(x, 8);
  sketch.Output(sketch.Combine(fc, Binary::Kind::kAdd, x));
  CHECK(Lowered16(&sketch) ==
        "Copy FP32 -> FP16\n"
        "FullyConnected FP16 -> FP16\n"
        "Binary FP16 FP16 -> FP16\n"
        "Copy FP16 -> FP32\n");
}

TEST_CASE("What decides a truth stays f32, back to the matrices") {
  NetworkSketch sketch;
  const int x = sketch.Input("x", {2, 8});
  const int fc = sketch.FullyConnected(x, 8);
  const int scaled = sketch.Combine(fc, Binary::Kind::kMul, {3000.0f});
  const int truth = sketch.Combine(scaled, Binary::Kind::kLess, x);
  sketch.network().values[truth].dtype = DataType::kBool;
  const_cast<Graph*>(sketch.network().graph)->values[truth].dtype =
      DataType::kBool;
  sketch.Output(truth);
  CHECK(Lowered16(&sketch) ==
        "Copy FP32 -> FP16\n"
        "FullyConnected FP16 -> FP16\n"
        "Copy FP16 -> FP32\n"
        "Binary FP32 -> FP32\n"
        "Binary FP32 FP32 -> BOOL\n");
}

TEST_CASE("Rows of a table are looked up as they are stored, and cast") {
  NetworkSketch sketch;
  const int ids = sketch.Input("ids", {3}, DataType::kI64);
  const int rows = sketch.Gather(50, 8, ids);
  sketch.Output(sketch.FullyConnected(rows, 4));
  CHECK(Lowered16(&sketch) ==
        "Gather INT64 -> FP32\n"
        "Copy FP32 -> FP16\n"
        "FullyConnected FP16 -> FP16\n"
        "Copy FP16 -> FP32\n");
}

}  // namespace
}  // namespace layerd
