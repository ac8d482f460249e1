#include "daemon/plan/program_sketch.h"

#include <algorithm>
#include <utility>

namespace layerd {
namespace {

uint32_t AddTensor(Program* program, uint64_t bytes) {
  const auto count = static_cast<int64_t>(bytes / 4);
  program->buffers.push_back({bytes});
  program->tensors.push_back(
      {.name = "t",
       .type = {DataType::kF32, {count}, {1}},
       .buffer = static_cast<uint32_t>(program->buffers.size() - 1)});
  return static_cast<uint32_t>(program->tensors.size() - 1);
}

uint32_t AddExtent(Program* program, uint64_t bytes) {
  const uint64_t offset = program->extents.empty()
                              ? 0
                              : program->extents.back().offset_bytes +
                                    program->extents.back().stored_bytes;
  program->extents.push_back({offset, bytes});
  return static_cast<uint32_t>(program->extents.size() - 1);
}

uint32_t AddRead(Program* program, uint32_t extent) {
  program->reads.push_back(extent);
  return static_cast<uint32_t>(program->reads.size() - 1);
}

// A layer from the last tensor, and perhaps another one, to a new tensor.
uint32_t AddLayer(Program* program, std::vector<uint32_t> inputs,
                  uint64_t bytes) {
  const uint32_t output = AddTensor(program, bytes);
  Layer& layer = program->layers.emplace_back();
  layer.name = std::string("l");
  layer.inputs = std::move(inputs);
  layer.outputs = {output};
  program->outputs = {output};
  return static_cast<uint32_t>(program->layers.size() - 1);
}

}  // namespace

Program Sketch(const std::vector<uint64_t>& extent_bytes) {
  Program program;
  program.inputs = {AddTensor(&program, 4096)};
  program.outputs = program.inputs;
  for (uint64_t bytes : extent_bytes) {
    AddExtent(&program, bytes);
    AppendRead(&program, static_cast<uint32_t>(program.extents.size() - 1));
  }
  return program;
}

void AppendRead(Program* program, uint32_t extent) {
  const uint32_t layer = AddLayer(program, program->outputs, 4096);
  Part& part = program->parts.emplace_back();
  part.layer = layer;
  part.read = AddRead(program, extent);
}

Program RandomSketch(std::mt19937& random) {
  Program program;
  program.inputs = {AddTensor(&program, 4 + random() % 5000)};
  program.outputs = program.inputs;
  const size_t layers = 1 + random() % 20;
  for (size_t l = 0; l < layers; ++l) {
    std::vector<uint32_t> inputs = program.outputs;
    inputs.push_back(random() % program.tensors.size());
    const bool adds = random() % 2 == 0;
    const uint64_t bytes =
        adds ? program.buffers[inputs[1]].bytes : 4 + random() % 100'000;
    const uint32_t layer = AddLayer(&program, inputs, bytes);
    if (adds) program.layers[layer].op = FullyConnected{.adds_residual = true};
    const size_t parts = 1 + random() % 4;
    for (size_t p = 0; p < parts; ++p) {
      Part& part = program.parts.emplace_back();
      part.layer = layer;
      const uint32_t dice = random() % 10;
      if (dice < 6) {
        part.read = AddRead(
            &program, AddExtent(&program, (1 + random() % 40) * kPageBytes));
      } else if (dice < 7 && !program.extents.empty()) {
        part.read = AddRead(&program, random() % program.extents.size());
      } else if (dice < 9 && !program.reads.empty()) {
        const size_t back =
            random() % std::min<size_t>(6, program.reads.size());
        part.read = static_cast<uint32_t>(program.reads.size() - 1 - back);
      }
    }
  }
  return program;
}

}  // namespace layerd
