#include "test/sim/run_program.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>

#include "config/check.h"
#include "config/status_macros.h"
#include "loader/store/layer_file_reader.h"
#include "test/kernels/page_memory.h"

namespace layerd {
namespace {

// All bits set is a NaN in every floating type.
constexpr std::byte kNotWritten{0xff};

class Run {
 public:
  Run(const Program& program, std::span<const std::byte> stream,
      Backend& backend)
      : program_(program), stream_(stream), backend_(backend) {
    for (const Buffer& buffer : program.buffers) {
      buffers_.push_back(AllocatePages(buffer.bytes, kNotWritten));
    }
  }

  std::byte* At(uint32_t t) const {
    const Tensor& tensor = program_.tensors[t];
    return buffers_[tensor.buffer].get() + tensor.offset_bytes;
  }

  std::byte* At(const Program::Place& place) const {
    return buffers_[place.buffer].get() + place.offset_bytes;
  }

  absl::Status RunPart(const Part& part) {
    ASSIGN_OR_RETURN(const std::unique_ptr<Kernel> kernel,
                     backend_.Prepare(program_.SpecOf(part)));
    const Program::Places places = program_.PlacesOf(part);
    std::vector<const std::byte*> inputs;
    std::vector<std::byte*> outputs;
    for (const auto& place : places.inputs) inputs.push_back(At(place));
    for (const auto& place : places.outputs) outputs.push_back(At(place));
    PageMemory weights;
    if (part.read || part.table) {
      const Extent& extent = program_.extents[program_.ExtentOf(part)];
      weights = AllocatePages(extent.stored_bytes, kNotWritten);
      std::memcpy(weights.get(), stream_.data() + extent.offset_bytes,
                  extent.stored_bytes);
    }
    const PageMemory scratch =
        AllocatePages(kernel->scratch_bytes(), kNotWritten);
    const PageMemory decoded =
        AllocatePages(kernel->decoded_bytes(), kNotWritten);
    ASSIGN_OR_RETURN(const Ticket ticket,
                     backend_.Enqueue(*kernel, {inputs, weights.get(), outputs,
                                                scratch.get(), decoded.get()}));
    return backend_.Wait(ticket);
  }

 private:
  const Program& program_;
  std::span<const std::byte> stream_;
  Backend& backend_;
  std::vector<PageMemory> buffers_;
};

}  // namespace

absl::StatusOr<TensorBytes> RunProgram(const Program& program,
                                       std::span<const std::byte> stream,
                                       const TensorBytes& inputs,
                                       Backend& backend) {
  LAYERD_CHECK(inputs.size() == program.inputs.size());
  Run run(program, stream, backend);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& tensor = program.tensors[program.inputs[i]];
    LAYERD_CHECK(
        static_cast<int64_t>(inputs[i].size()) == tensor.type.span_bytes(),
        tensor.name);
    std::copy(inputs[i].begin(), inputs[i].end(), run.At(program.inputs[i]));
  }
  for (const Part& part : program.parts) RETURN_IF_ERROR(run.RunPart(part));
  TensorBytes outputs;
  for (const uint32_t t : program.outputs) {
    const std::byte* const bytes = run.At(t);
    outputs.emplace_back(bytes, bytes + program.tensors[t].type.span_bytes());
  }
  return outputs;
}

absl::StatusOr<TensorBytes> RunLayerFile(const std::string& path,
                                         const TensorBytes& inputs,
                                         Backend& backend) {
  ASSIGN_OR_RETURN(const std::unique_ptr<LayerFileReader> file,
                   LayerFileReader::Open(path));
  ASSIGN_OR_RETURN(const Program program, Program::Parse(file->manifest()));
  std::vector<char> stream(file->stream().stored_bytes);
  std::ifstream bytes(path, std::ios::binary);
  bytes.seekg(static_cast<std::streamoff>(file->stream().offset_bytes));
  bytes.read(stream.data(), static_cast<std::streamsize>(stream.size()));
  LAYERD_CHECK(bytes.good(), path);
  return RunProgram(program, std::as_bytes(std::span(stream)), inputs, backend);
}

}  // namespace layerd
