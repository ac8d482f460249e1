#include "test/sim/packed_answers.h"

#include <cstddef>
#include <cstring>
#include <span>

#include "daemon/pack/lower/lower.h"
#include "daemon/pack/lower/weight_writer.h"
#include "daemon/plan/program_check.h"
#include "test/catch/catch.h"
#include "test/sim/run_program.h"

namespace layerd {

namespace {

// They lie behind all other extents.
void AppendTables(const Program& program, const Lowered& lowered,
                  WeightWriter* writer, std::vector<std::byte>* stream) {
  for (const Part& part : program.parts) {
    if (!part.table ||
        program.extents[*part.table].offset_bytes != stream->size()) {
      continue;
    }
    const WeightLayout& layout = part.weights[0].layout;
    std::vector<std::byte> table(program.extents[*part.table].stored_bytes);
    REQUIRE(writer
                ->WriteTable(lowered.weights[part.layer][0], layout.dtype, 0,
                             std::span(table).first(layout.bytes()))
                .ok());
    stream->insert(stream->end(), table.begin(), table.end());
  }
}

}  // namespace

std::vector<std::vector<float>> PackedAnswers(
    const Network& network, const CutLimits& limits,
    const std::vector<std::vector<float>>& inputs, Backend& backend) {
  const Lowered lowered = Lower(network);
  const auto program = Cut(lowered, limits, backend);
  INFO(program.status().ToString());
  REQUIRE(program.ok());
  REQUIRE(CheckProgram(*program).ToString() == "OK");
  std::vector<std::byte> stream;
  WeightWriter writer(*network.graph);
  for (const Part& part : program->parts) {
    // Row parts share what the first of them brings.
    if (!part.read || program->extents[program->ExtentOf(part)].offset_bytes !=
                          stream.size()) {
      continue;
    }
    std::vector<std::byte> extent(
        program->extents[program->ExtentOf(part)].stored_bytes);
    REQUIRE(
        writer.Write(*program, part, lowered.weights[part.layer], extent).ok());
    stream.insert(stream.end(), extent.begin(), extent.end());
  }
  AppendTables(*program, lowered, &writer, &stream);
  TensorBytes input_bytes;
  for (const std::vector<float>& input : inputs) {
    const auto bytes = std::as_bytes(std::span(input));
    input_bytes.emplace_back(bytes.begin(), bytes.end());
  }
  const auto outputs = RunProgram(*program, stream, input_bytes, backend);
  INFO(outputs.status().ToString());
  REQUIRE(outputs.ok());
  std::vector<std::vector<float>> answers;
  for (const std::vector<std::byte>& bytes : *outputs) {
    answers.emplace_back(bytes.size() / sizeof(float));
    std::memcpy(answers.back().data(), bytes.data(), bytes.size());
  }
  return answers;
}

}  // namespace layerd
