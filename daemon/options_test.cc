#include "daemon/options.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("Flags are taken in both spellings and over the file") {
  char path[] = "/tmp/options_test.XXXXXX";
  close(mkstemp(path));
  std::ofstream(path) << "repository: /a\nthreads: 3\nlisten: [h:1]\n";
  const auto options =
      ParseOptions({"--config", path, "--repository=/it's", "--memory-budget",
                    "64MiB", "--listen", "127.0.0.1:0", "--listen", "unix:s"});
  unlink(path);
  INFO(options.status().ToString());
  REQUIRE(options.ok());
  CHECK(options->config.repository == "/it's");
  CHECK(options->config.threads == 3);
  CHECK(options->config.memory_budget_bytes == 64 << 20);
  CHECK(options->config.listen ==
        std::vector<std::string>{"127.0.0.1:0", "unix:s"});
}

TEST_CASE("What is not understood is refused with what would be") {
  struct Row {
    std::vector<std::string> arguments;
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {{"--memory", "x"}, "did you mean --memory-budget?"},
      {{"--everything"}, "unknown option --everything; --help"},
      {{"--repositry", "x"}, "--repositry; did you mean --repository?"},
      {{"x"}, "x is no option; a folder of models is --repository"},
      {{"--repository"}, "needs a value"},
      {{"--repository", "--listen", "h:1"}, "--repository needs a value"},
      {{"--config", "--help"}, "--config needs a value"},
      {{"--threads", "many"}, "--threads: 'many' is not"},
      {{"--memory-budget", "1MB"}, "--memory-budget: '1MB' is no size"},
      {{"--listen", "8001"}, "--listen: '8001' is neither HOST:PORT"},
      {{"--memory-budget="}, "'' is no size"},
      {{"--cache-max-bytes", "some"}, "no size"},
      {{"--config", "/nonexistent.yaml"}, "/nonexistent.yaml"},
  }));
  const auto options = ParseOptions(row.arguments);
  REQUIRE(!options.ok());
  CHECK_THAT(std::string(options.status().message()),
             Catch::Contains(row.message));
}

}  // namespace
}  // namespace layerd
