// Is layerd's ring better than what the page cache does by itself, in as much
// memory?
//
// Four ways to run one layer file, in turn, round by round, the same kernels on
// the same inputs:
//   layerd   the engine, with its weight budget;
//   mapped   the file mapped, pages come when a part touches them; dropped from
//            the page cache after each request, as a machine does that needs
//            them for another network;
//   ahead    the same with a thread that populates as far ahead of computing
//            as the budget allows, and drops what is behind: the honest peer;
//   resident all weights in memory.
// The number that would worry us: layerd / ahead above 1, in median or p99.
//
//   bazel run -c opt //test/bench:streaming_peers -- FILE.layers BYTES REQUESTS
//       [layerd|ahead|mapped]
//
// With a name only that one is there, and answers once for each line of its
// input, with milliseconds and a sum of the answer: for limits of memory, which
// are those of a process (streaming.sh).
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "config/check.h"
#include "daemon/engine/engine.h"
#include "daemon/plan/arena_plan.h"
#include "daemon/plan/quantile.h"
#include "daemon/rt/cache_folder.h"
#include "daemon/rt/passive_wait.h"
#include "kernels/cpu/cpu_backend.h"
#include "loader/io/unique_fd.h"
#include "loader/store/crc32c.h"

namespace layerd {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr uint64_t kStepBytes = 1
                                << 20;  // Populated at a time, as layerd reads.

struct Question {
  std::vector<std::vector<std::byte>> inputs, outputs;
};

// Numbers that are in the tables of a language model. As ort_reload.py has it.
void FillTokens(const std::string& name, std::span<std::byte> bytes) {
  for (size_t i = 0; i < bytes.size() / sizeof(int64_t); ++i) {
    const int64_t token = name == "input_ids"
                              ? (37 * static_cast<int64_t>(i) + 5) % 1000
                              : name == "attention_mask";
    std::memcpy(&bytes[i * sizeof token], &token, sizeof token);
  }
}

Question QuestionFor(const Model& model) {
  Question question;
  for (const Model::Port& port : model.inputs()) {
    question.inputs.emplace_back(port.bytes);
    std::vector<std::byte>& bytes = question.inputs.back();
    if (port.dtype == DataType::kI64) {
      FillTokens(port.name, bytes);
      continue;
    }
    for (size_t i = 0; i + sizeof(float) <= bytes.size(); i += sizeof(float)) {
      const float value = static_cast<float>(i % 251) / 251.0f;
      std::memcpy(&bytes[i], &value, sizeof value);
    }
  }
  for (const Model::Port& port : model.outputs()) {
    question.outputs.emplace_back(port.bytes);
  }
  return question;
}

// The weights of a layer file through a mapping of it.
class MappedRunner {
 public:
  MappedRunner(const std::shared_ptr<Model>& model, const std::string& path,
               Backend* backend, uint64_t window_bytes)
      : model_(model),
        backend_(backend),
        window_bytes_(window_bytes),
        fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    const auto& stream = model->file().stream();
    bytes_ = stream.offset_bytes + stream.stored_bytes;
    file_ = static_cast<std::byte*>(
        mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, fd_.get(), 0));
    LAYERD_CHECK(file_ != MAP_FAILED);
    weights_ = file_ + stream.offset_bytes;
    arena_plan_ = PlanArena(model->program(), model->scratch_bytes());
    for (const Part& part : model->program().parts) {
      places_.push_back(model->program().PlacesOf(part));
    }
    const Program& program = model->program();
    tables_ = program.Tables();
    first_read_bytes_ = program.extents[program.reads.front()].offset_bytes;
    arena_.resize(arena_plan_.bytes + kArenaAlignment);
    const auto address = reinterpret_cast<uintptr_t>(arena_.data());
    base_ = arena_.data() + (-address % kArenaAlignment);
  }
  ~MappedRunner() { munmap(file_, bytes_); }

  void Run(Question* question) {
    const Program& program = model_->program();
    for (size_t i = 0; i < program.inputs.size(); ++i) {
      std::copy(question->inputs[i].begin(), question->inputs[i].end(),
                At(program.inputs[i]));
    }
    done_.store(first_read_bytes_);
    std::thread ahead;
    if (window_bytes_ > 0) ahead = std::thread([this] { ReadAhead(); });
    for (size_t t = 0; t < program.parts.size(); ++t) RunPart(t);
    done_.store(~uint64_t{0});
    if (ahead.joinable()) ahead.join();
    Drop(0, bytes_ - static_cast<uint64_t>(weights_ - file_));
    for (size_t i = 0; i < program.outputs.size(); ++i) {
      const std::byte* const from = At(program.outputs[i]);
      std::copy(from, from + question->outputs[i].size(),
                question->outputs[i].begin());
    }
  }

 private:
  std::byte* At(const Program::Place& place) const {
    return base_ + arena_plan_.buffer_offsets[place.buffer] +
           place.offset_bytes;
  }
  std::byte* At(uint32_t t) const {
    const Tensor& tensor = model_->program().tensors[t];
    return At(Program::Place{tensor.buffer, tensor.offset_bytes});
  }

  void RunPart(size_t t) {
    const Program& program = model_->program();
    const Part& part = program.parts[t];
    inputs_.clear();
    outputs_.clear();
    for (const auto& place : places_[t].inputs) inputs_.push_back(At(place));
    for (const auto& place : places_[t].outputs) outputs_.push_back(At(place));
    const std::byte* weights = nullptr;
    if (part.read) {
      const Extent& extent = program.extents[program.reads[*part.read]];
      weights = weights_ + extent.offset_bytes;
      done_.store(extent.offset_bytes);
    } else if (part.table) {  // Its rows come by themselves, page by page.
      weights = weights_ + program.extents[*part.table].offset_bytes;
    }
    const auto ticket = backend_->Enqueue(
        model_->kernel(t),
        {inputs_, weights, outputs_, base_ + arena_plan_.scratch_offset});
    LAYERD_CHECK(ticket.ok() && backend_->Wait(*ticket).ok());
  }

  // Nobody reads a table as a whole.
  bool InTable(uint64_t at) const {
    const Program& program = model_->program();
    for (size_t e = 0; e < tables_.size(); ++e) {
      const Extent& extent = program.extents[e];
      if (tables_[e] && at >= extent.offset_bytes &&
          at < extent.offset_bytes + extent.stored_bytes) {
        return true;
      }
    }
    return false;
  }

  void ReadAhead() {
    const uint64_t all = model_->file().stream().stored_bytes;
    uint64_t dropped = first_read_bytes_;
    for (uint64_t at = first_read_bytes_; at < all;) {
      const uint64_t done = done_.load();
      if (done == ~uint64_t{0}) return;
      if (done > dropped + kStepBytes) {
        Drop(dropped, done - dropped);
        dropped = done;
      }
      if (at >= done + window_bytes_) {
        std::this_thread::yield();
        continue;
      }
      const uint64_t bytes = std::min(kStepBytes, all - at);
      if (!InTable(at)) madvise(weights_ + at, bytes, MADV_POPULATE_READ);
      at += bytes;
    }
  }

  void Drop(uint64_t at, uint64_t bytes) {
    const uint64_t begin = at / kPageBytes * kPageBytes;
    const uint64_t end = (at + bytes) / kPageBytes * kPageBytes;
    if (end <= begin) return;
    madvise(weights_ + begin, end - begin, MADV_DONTNEED);
    posix_fadvise(fd_.get(), static_cast<off_t>(weights_ - file_ + begin),
                  static_cast<off_t>(end - begin), POSIX_FADV_DONTNEED);
  }

  std::shared_ptr<Model> model_;
  Backend* backend_;
  const uint64_t window_bytes_;  // 0: nothing is populated ahead.
  UniqueFd fd_;
  std::byte* file_ = nullptr;
  std::byte* weights_ = nullptr;
  uint64_t bytes_ = 0;
  std::vector<bool> tables_;  // By extent.
  uint64_t first_read_bytes_ = 0;
  ArenaPlan arena_plan_;
  std::vector<Program::Places> places_;  // Of each part.
  std::vector<std::byte> arena_;
  std::byte* base_ = nullptr;
  std::vector<const std::byte*> inputs_;
  std::vector<std::byte*> outputs_;
  std::atomic<uint64_t> done_{0};  // Of the stream: parts are past this.
};

struct Contestant {
  std::string name;
  std::function<void(Question*)> run;
  std::vector<double> ms = {};
};

std::function<void(Question*)> ThroughEngine(Engine* engine) {
  return [engine](Question* question) {
    const std::shared_ptr<Model> model = engine->Find("m", "");
    std::vector<std::span<const std::byte>> inputs(question->inputs.begin(),
                                                   question->inputs.end());
    std::vector<std::span<std::byte>> outputs(question->outputs.begin(),
                                              question->outputs.end());
    LAYERD_CHECK(engine->Run(model, inputs, outputs, nullptr).ok());
  };
}

std::unique_ptr<Engine> EngineWith(const std::string& path, uint64_t budget) {
  auto engine = Engine::Start({.weight_budget_bytes = budget,
                               .threads = 1,
                               .cache_path = CacheFolder("")});
  LAYERD_CHECK(engine.ok());
  const absl::Status loaded = (*engine)->LoadModels({{path, "m", "1"}})[0];
  LAYERD_CHECK(loaded.ok(), std::string(loaded.message()));
  return *std::move(engine);
}

int Main(const std::string& path, uint64_t budget, int requests) {
  const auto streamed = EngineWith(path, budget),
             resident = EngineWith(path, kAll);
  const std::unique_ptr<Backend> backend = MakeCpuBackend(1);
  const auto model = Model::Load(path, "m", "1", {}, backend.get());
  LAYERD_CHECK(model.ok());
  MappedRunner mapped(*model, path, backend.get(), 0);
  MappedRunner ahead(*model, path, backend.get(), budget);
  std::vector<Contestant> all;
  all.push_back({"resident", ThroughEngine(resident.get())});
  all.push_back({"layerd", ThroughEngine(streamed.get())});
  all.push_back({"ahead", [&](Question* q) { ahead.Run(q); }});
  all.push_back({"mapped", [&](Question* q) { mapped.Run(q); }});
  Question expected = QuestionFor(**model);
  all[0].run(&expected);
  for (int round = -2; round < requests; ++round) {
    for (Contestant& one : all) {
      Question question = QuestionFor(**model);
      const auto begin = Clock::now();
      one.run(&question);
      if (round >= 0)
        one.ms.push_back(Milliseconds(Clock::now() - begin).count());
      LAYERD_CHECK(question.outputs == expected.outputs, one.name);
    }
  }
  for (const Contestant& one : all) {
    std::printf("%-9s p50 %8.2f ms, p99 %8.2f ms, over resident %6.1f %%\n",
                one.name.c_str(), Median(one.ms), Quantile(one.ms, 0.99),
                100 * (Median(one.ms) / Median(all[0].ms) - 1));
  }
  return 0;
}

// One of them for each line that comes.
void Answer(const Model& model, const std::function<void(Question*)>& run) {
  for (int c = std::getchar(); c != EOF; c = std::getchar()) {
    if (c != '\n') continue;
    Question question = QuestionFor(model);
    const auto begin = Clock::now();
    run(&question);
    const double ms = Milliseconds(Clock::now() - begin).count();
    uint32_t sum = 0;
    for (const std::vector<std::byte>& output : question.outputs) {
      sum = ExtendCrc32c(sum, output);
    }
    std::printf("%.3f %08x\n", ms, sum);
    std::fflush(stdout);
  }
}

int AnswerAs(const std::string& name, const std::string& path,
             uint64_t budget) {
  if (name == "layerd") {
    const auto engine = EngineWith(path, budget);
    Answer(*engine->Find("m", ""), ThroughEngine(engine.get()));
    return 0;
  }
  LAYERD_CHECK(name == "ahead" || name == "mapped", name);
  const std::unique_ptr<Backend> backend = MakeCpuBackend(1);
  const auto model = Model::Load(path, "m", "1", {}, backend.get());
  LAYERD_CHECK(model.ok());
  MappedRunner runner(*model, path, backend.get(),
                      name == "ahead" ? budget : 0);
  Answer(**model, [&](Question* question) { runner.Run(question); });
  return 0;
}

}  // namespace
}  // namespace layerd

int main(int argc, char** argv) {
  layerd::WaitPassively(argv);
  if (argc != 4 && argc != 5) {
    std::fprintf(stderr,
                 "streaming_peers FILE.layers BUDGET_BYTES REQUESTS "
                 "[layerd|ahead|mapped]\n");
    return 2;
  }
  const uint64_t budget = std::strtoull(argv[2], nullptr, 10);
  if (argc == 5) return layerd::AnswerAs(argv[4], argv[1], budget);
  return layerd::Main(argv[1], budget, std::atoi(argv[3]));
}
