#include "config/config.h"

#include "absl/status/status.h"
#include "config/model_config.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("The shipped file holds the defaults") {
  const auto shipped = Config::Read("config/layerd.yaml");
  REQUIRE(shipped.ok());
  const Config none;
  CHECK(shipped->cache_bytes_max == none.cache_bytes_max);
  CHECK(shipped->memory_budget_bytes == none.memory_budget_bytes);
  CHECK(shipped->weight_budget_bytes == none.weight_budget_bytes);
  CHECK(shipped->request_bytes_max == none.request_bytes_max);
  CHECK(shipped->threads == none.threads);
  CHECK(shipped->backend == none.backend);
  CHECK(shipped->io_engine == none.io_engine);
  CHECK(shipped->max_message_bytes == none.max_message_bytes);
  CHECK(shipped->queue_jobs_max == none.queue_jobs_max);
  CHECK(shipped->drain_timeout_ms == none.drain_timeout_ms);
  CHECK(shipped->reflection == none.reflection);
  CHECK(shipped->log_level == none.log_level);
  CHECK(shipped->cache_path == none.cache_path);
  CHECK(shipped->cuda_memory == none.cuda_memory);
  CHECK(shipped->level_order == none.level_order);
  CHECK(shipped->admission == none.admission);
  CHECK(shipped->realtime == none.realtime);
  CHECK(shipped->read_ahead == none.read_ahead);
  CHECK(shipped->measure_costs == none.measure_costs);
}

TEST_CASE("Config takes what is in range") {
  const auto config = Config::Parse(
      "repository: /models\nlisten: [127.0.0.1:0, unix:a.sock]\n"
      "memory: {budget: 64MiB, weights: 8MiB}\nthreads: 2\n",
      "f");
  REQUIRE(config.ok());
  CHECK(config->repository == "/models");
  CHECK(config->listen.size() == 2);
  CHECK(config->memory_budget_bytes == 64 << 20);
  CHECK(config->weight_budget_bytes == 8 << 20);
  CHECK(config->threads == 2);
}

TEST_CASE("Config refuses what is wrong and says where") {
  struct Row {
    const char* yaml;
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {"a: [", "f:"},
      {"- 1", "f:1:1"},
      {"memory:\n  budgte: 1MiB",
       "f:2:3: memory.budgte: unknown key; did you mean budget?"},
      {"memory:\n  colour: red", "unknown key; there are budget, requests"},
      {"memory:\n  budget: 1MB", "f:2:11: memory.budget: '1MB' is no size"},
      {"threads: 257", "f:1:10: threads: '257' is not a whole number"},
      {"backend: gpu", "none of auto, cpu, cuda, reference"},
      {"cuda_memory: fast", "none of probe, staged, mapped, managed"},
      {"reflection: maybe", "not true or false"},
      {"listen: {a: b}", "expected a list"},
      {"listen: ['8001']", "f:1:9: listen: '8001' is neither HOST:PORT"},
      {"listen: ['h:1', 'h:65536']", "'h:65536' is neither HOST:PORT"},
      {"listen: ['h:1', 'h:2', 'h:1']", "listen: 'h:1' is given twice"},
      {"listen: ['http://h:1']", "'http://h:1' is neither HOST:PORT"},
      {"listen: ['unix:']", "'unix:' is neither"},
      {"metrics: unix:m", "metrics: 'unix:m' is neither HOST:PORT"},
      {"memory: 3", "key: value"},
      {"threads: 1\nthreads: 2", "twice"},
      {"threads: ''", "threads: '' is not a whole number"},
      {"memory: {budget: ''}", "memory.budget: '' is no size"},
      {"reflection: ''", "'' is not true or false"},
      {"level_order: ''", "'' is none of fifo, edf"},
      {"max_message_bytes: 1", "from 64 KiB to 1 GiB"},
  }));
  INFO(row.yaml);
  const auto config = Config::Parse(row.yaml, "f");
  REQUIRE(absl::IsInvalidArgument(config.status()));
  CHECK_THAT(std::string(config.status().message()),
             Catch::Contains(row.message));
}

TEST_CASE("Config refuses nesting that would take the stack") {
  const std::string deep(100'000, '[');
  CHECK(!Config::Parse(deep, "f").ok());
}

TEST_CASE("A model is level 3 and exact unless it says otherwise") {
  const auto none = ModelConfig::Parse("", "f");
  REQUIRE(none.ok());
  CHECK(none->level == 3);
  CHECK(none->lower_to == 3);
  CHECK(none->weights == "f32");

  const auto some = ModelConfig::Parse(
      "priority: 1\nlower_to: 3\nshapes: {image: [1, 3, 48, 192]}\n"
      "pack: {weights: f16, for: latency}\n",
      "f");
  REQUIRE(some.ok());
  CHECK(some->level == 1);
  CHECK(some->lower_to == 3);
  CHECK(some->shapes.at("image") == std::vector<int64_t>{1, 3, 48, 192});
  CHECK(some->weights == "f16");
}

TEST_CASE(
    "A model that computes in f16 is stored so, unless it says otherwise") {
  const auto half = ModelConfig::Parse("pack: {compute: f16}", "f");
  REQUIRE(half.ok());
  CHECK(half->compute == "f16");
  CHECK(half->weights == "f16");
  const auto narrow =
      ModelConfig::Parse("pack: {compute: f16, weights: i8}", "f");
  REQUIRE(narrow.ok());
  CHECK(narrow->weights == "i8");
  CHECK(!ModelConfig::Parse("pack: {compute: bf16}", "f").ok());
}

TEST_CASE("A model cannot ask for levels there are not") {
  CHECK(!ModelConfig::Parse("priority: 0", "f").ok());
  CHECK(!ModelConfig::Parse("priority: 5", "f").ok());
  CHECK(!ModelConfig::Parse("priority: 3\nlower_to: 2", "f").ok());
  CHECK(!ModelConfig::Parse("shapes: {x: [-1]}", "f").ok());
}

TEST_CASE("A model says what inputs always are, in numbers") {
  const auto config = ModelConfig::Parse(
      "values: {sr: 16000, scales: [0.667, 1], on: true}", "f");
  REQUIRE(config.ok());
  using Words = std::vector<std::string>;
  CHECK(config->values.at("sr") == Words{"16000"});
  CHECK(config->values.at("scales") == Words{"0.667", "1"});
  CHECK(config->values.at("on") == Words{"true"});
  const auto file = ModelConfig::Parse("values: {sr: sr.npy}", "f");
  CHECK_THAT(std::string(file.status().message()),
             Catch::Contains("f:1:14: values.sr: 'sr.npy' is not a number"));
  CHECK(!ModelConfig::Parse("values: {sr: }", "f").ok());
}

}  // namespace
}  // namespace layerd
