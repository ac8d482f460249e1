#include <algorithm>
#include <chrono>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/ctl/answers.h"
#include "daemon/ctl/array_files.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/json_writer.h"
#include "daemon/ctl/model_list.h"
#include "daemon/ctl/output.h"
#include "daemon/ctl/picture_input.h"
#include "daemon/plan/quantile.h"

namespace layerd {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr uint64_t kTopDefault = 5;
constexpr uint64_t kTopMax = 1'000'000;
constexpr uint64_t kRepeatMax = 1'000'000;
constexpr char kReadBytes[] = "layerd_read_bytes";

struct Outcome {
  std::string model;
  std::string version;
  std::vector<double> latencies_ms;
  std::map<std::string, int64_t> parameters;  // Of the last reply.
  std::vector<NamedArray> outputs;
};

absl::StatusOr<std::vector<ArrayPort>> PortsOf(
    const std::vector<Client::Port>& ports) {
  std::vector<ArrayPort> array_ports;
  for (const Client::Port& port : ports) {
    ASSIGN_OR_RETURN(const DataType dtype, DataTypeNamed(port.datatype));
    array_ports.push_back({port.name, dtype, port.shape});
  }
  return array_ports;
}

absl::StatusOr<std::vector<Array>> MakeUpInputs(
    const std::vector<ArrayPort>& ports, uint64_t seed) {
  std::vector<Array> arrays;
  for (size_t i = 0; i < ports.size(); ++i) {
    ASSIGN_OR_RETURN(Array array, RandomArray(ports[i], seed + i));
    arrays.push_back(std::move(array));
  }
  return arrays;
}

// Pictures and .npy files. What is made of a picture is said, as the answer
// hangs on it.
absl::StatusOr<std::vector<Array>> ReadFiles(
    const CommandLine& line, const std::vector<std::string>& values,
    const std::vector<ArrayPort>& ports) {
  ASSIGN_OR_RETURN(const std::string pixels,
                   line.OneOf("--pixels", PixelChoices()));
  bool saw_picture = false;
  const auto read = [&](const std::string& path,
                        const ArrayPort& port) -> absl::StatusOr<Array> {
    ASSIGN_OR_RETURN(PictureInput input, ReadPictureOrNpy(path, port, pixels));
    saw_picture |= !input.remark.empty();
    if (!input.remark.empty() && !line.json()) {
      std::fputs(absl::StrCat(input.remark, "\n").c_str(), stderr);
    }
    if (!input.warning.empty()) Warn(input.warning);
    return std::move(input.array);
  };
  ASSIGN_OR_RETURN(std::vector<Array> arrays, ReadInputs(values, ports, read));
  if (line.Has("--pixels") && !saw_picture) {
    return UsageError("--pixels is for pictures, and no input is one");
  }
  return arrays;
}

// From --input, the file behind the model's name, or --random.
absl::StatusOr<std::vector<Array>> InputsOf(
    const CommandLine& line, const std::vector<ArrayPort>& ports) {
  std::vector<std::string> values = line.All("--input");
  for (size_t i = 1; i < line.operands().size(); ++i) {
    values.push_back(line.operands()[i]);
  }
  if (!line.Has("--random")) {
    if (line.Has("--seed")) return UsageError("--seed is for --random");
    return ReadFiles(line, values, ports);
  }
  if (line.Has("--pixels")) {
    return UsageError("--pixels is for pictures, and --random takes none");
  }
  if (!values.empty()) {
    return UsageError("--random makes up all inputs; leave out the others");
  }
  ASSIGN_OR_RETURN(const uint64_t seed,
                   line.Number("--seed", 1, 0, UINT64_MAX));
  return MakeUpInputs(ports, seed);
}

absl::StatusOr<Client::Request> RequestOf(const CommandLine& line,
                                          const std::vector<ArrayPort>& ports) {
  Client::Request request{.model = line.operands().front(),
                          .version = line.Text("--model-version", "")};
  ASSIGN_OR_RETURN(std::vector<Array> inputs, InputsOf(line, ports));
  for (size_t i = 0; i < ports.size(); ++i) {
    request.inputs.push_back({ports[i].name, NameOf(ports[i].dtype),
                              ports[i].shape, std::move(inputs[i].bytes)});
  }
  if (line.Has("--priority")) {
    ASSIGN_OR_RETURN(request.priority,
                     line.Number("--priority", 0, 0, UINT32_MAX));
  }
  if (line.Has("--timeout-us")) {
    ASSIGN_OR_RETURN(const uint64_t timeout_us,
                     line.Number("--timeout-us", 0, 1, INT64_MAX));
    request.timeout = std::chrono::microseconds(timeout_us);
  }
  return request;
}

absl::StatusOr<std::vector<NamedArray>> ArraysOf(Client::Reply* reply) {
  std::vector<NamedArray> arrays;
  for (Client::Tensor& tensor : reply->outputs) {
    ASSIGN_OR_RETURN(const DataType dtype, DataTypeNamed(tensor.datatype));
    arrays.push_back(
        {std::move(tensor.name),
         {dtype, std::move(tensor.shape), std::move(tensor.bytes)}});
  }
  return arrays;
}

absl::Status CheckSame(const std::vector<NamedArray>& first,
                       const std::vector<NamedArray>& now, size_t request) {
  for (size_t i = 0; i < std::max(first.size(), now.size()); ++i) {
    if (first.size() != now.size() ||
        first[i].array.bytes != now[i].array.bytes) {
      return absl::InternalError(absl::StrFormat(
          "the answer to request %d differs from that to request 1", request));
    }
  }
  return absl::OkStatus();
}

absl::Status InferAll(const Client::Request& request, uint64_t repeat,
                      Client* client, Outcome* outcome) {
  for (uint64_t i = 1; i <= repeat; ++i) {
    const auto start = std::chrono::steady_clock::now();
    ASSIGN_OR_RETURN(Client::Reply reply, client->Infer(request));
    const Milliseconds latency = std::chrono::steady_clock::now() - start;
    outcome->latencies_ms.push_back(latency.count());
    outcome->version = reply.version;
    outcome->parameters = reply.parameters;
    ASSIGN_OR_RETURN(std::vector<NamedArray> outputs, ArraysOf(&reply));
    if (i > 1) RETURN_IF_ERROR(CheckSame(outcome->outputs, outputs, i));
    outcome->outputs = std::move(outputs);
  }
  return absl::OkStatus();
}

absl::Status WriteOutputs(const std::vector<std::string>& paths,
                          const std::vector<ArrayPort>& ports,
                          const std::vector<NamedArray>& outputs) {
  for (size_t i = 0; i < ports.size(); ++i) {
    if (paths[i].empty()) continue;
    const auto found = std::find_if(
        outputs.begin(), outputs.end(),
        [&](const NamedArray& output) { return output.name == ports[i].name; });
    if (found == outputs.end()) {
      return absl::InternalError(
          absl::StrFormat("the reply has no output '%s'", ports[i].name));
    }
    RETURN_IF_ERROR(WriteNpy(paths[i], found->array));
  }
  return absl::OkStatus();
}

absl::StatusOr<AnswerOptions> ReadAnswerOptions(const CommandLine& line) {
  AnswerOptions options;
  ASSIGN_OR_RETURN(options.top, line.Number("--top", kTopDefault, 0, kTopMax));
  if (line.Has("--labels")) {
    ASSIGN_OR_RETURN(options.labels, ReadLabels(line.Text("--labels", "")));
  }
  return options;
}

std::string JsonOf(const Outcome& outcome, const AnswerOptions& options) {
  JsonWriter json;
  json.BeginObject();
  json.Add("model", outcome.model);
  json.Add("version", outcome.version);
  json.Add("latency_ms", Median(outcome.latencies_ms));
  json.Add("latencies_ms", outcome.latencies_ms);
  json.BeginObject("parameters");
  for (const auto& [key, value] : outcome.parameters) json.Add(key, value);
  json.EndObject();
  json.BeginArray("outputs");
  for (const NamedArray& output : outcome.outputs) {
    AddAnswer(output, options, &json);
  }
  json.EndArray();
  json.EndObject();
  return json.Finish();
}

std::string TextOf(const Outcome& outcome, const AnswerOptions& options) {
  std::string text =
      absl::StrFormat("%s version %s: %.3f ms", outcome.model, outcome.version,
                      Median(outcome.latencies_ms));
  if (outcome.latencies_ms.size() > 1) {
    const auto [least, most] = std::minmax_element(outcome.latencies_ms.begin(),
                                                   outcome.latencies_ms.end());
    absl::StrAppendFormat(&text,
                          " (median of %d, %.3f to %.3f, answers identical)",
                          outcome.latencies_ms.size(), *least, *most);
  }
  if (const auto read = outcome.parameters.find(kReadBytes);
      read != outcome.parameters.end()) {
    absl::StrAppend(&text, ", ", FormatByteSize(read->second),
                    " of weights read");
  }
  text += '\n';
  for (const NamedArray& output : outcome.outputs) {
    absl::StrAppend(&text, AnswerText(output, options));
  }
  return text;
}

absl::Status RunInfer(const CommandLine& line) {
  ASSIGN_OR_RETURN(const AnswerOptions options, ReadAnswerOptions(line));
  ASSIGN_OR_RETURN(const uint64_t repeat,
                   line.Number("--repeat", 1, 1, kRepeatMax));
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, ClientOf(line));
  ASSIGN_OR_RETURN(const Client::ModelDescription model,
                   client->ModelMetadata(line.operands().front(),
                                         line.Text("--model-version", "")));
  ASSIGN_OR_RETURN(const std::vector<ArrayPort> inputs, PortsOf(model.inputs));
  ASSIGN_OR_RETURN(const std::vector<ArrayPort> outputs,
                   PortsOf(model.outputs));
  ASSIGN_OR_RETURN(const std::vector<std::string> output_paths,
                   OutputPaths(line.All("--output"), outputs));
  ASSIGN_OR_RETURN(const Client::Request request, RequestOf(line, inputs));
  Outcome outcome;
  outcome.model = request.model;
  RETURN_IF_ERROR(InferAll(request, repeat, client.get(), &outcome));
  RETURN_IF_ERROR(WriteOutputs(output_paths, outputs, outcome.outputs));
  return WriteAnswer(line.json() ? JsonOf(outcome, options)
                                 : TextOf(outcome, options));
}

}  // namespace

Command InferCommand() {
  return {
      .name = "infer",
      .operands = "MODEL [x.npy | IMAGE]",
      .operand_count_min = 1,
      .operand_count_max = 2,
      .summary = "Sends a request to a running layerd and shows the answer.",
      .options =
          {{.name = "--input",
            .value = "NAME=FILE",
            .help = "an input, .npy or picture; with one input NAME= may be "
                    "left out",
            .repeats = true},
           {.name = "--pixels",
            .value = "HOW",
            .help = "values of a picture: imagenet (less its mean, by its "
                    "deviation), unit (0 to 1), signed (-1 to 1), raw (0 to "
                    "255); default imagenet, unit for grey, raw for UINT8"},
           {.name = "--random", .help = "makes up all inputs"},
           {.name = "--seed", .value = "N", .help = "of --random; default 1"},
           {.name = "--output",
            .value = "NAME=y.npy",
            .help = "where an output goes; others are not written",
            .repeats = true},
           {.name = "--top",
            .value = "K",
            .help = "classes shown of a vector output; default 5"},
           {.name = "--labels",
            .value = "FILE",
            .help = "names of the classes, one a line"},
           {.name = "--priority",
            .value = "P",
            .help = "level of the request, 1 is the most urgent"},
           {.name = "--timeout-us",
            .value = "T",
            .help = "the request is given up after so many microseconds"},
           {.name = "--model-version",
            .value = "V",
            .help = "default the highest"},
           {.name = "--repeat",
            .value = "K",
            .help = "requests, one after the other; default 1"},
           AddressOption()},
      .notes =
          "A .npy file has C order and exactly the datatype and shape of "
          "its input. A picture is a JPEG or PNG for an input "
          "[1, C, H, W] or [1, H, W, C], C being 1 or 3, of FP32, FP16 or "
          "UINT8: turned as its EXIF says, resized to cover it, and its middle "
          "cut out.",
      .run = RunInfer,
  };
}

}  // namespace layerd
