#include "daemon/ctl/command_line.h"

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "daemon/ctl/failure.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

Command Run() {
  return {.name = "run",
          .operands = "FILE",
          .operand_count_min = 1,
          .operand_count_max = 1,
          .summary = "One inference.",
          .options = {{.name = "--input",
                       .value = "NAME=x.npy",
                       .help = "an input",
                       .repeats = true},
                      {.name = "--budget", .value = "SIZE", .help = "bytes"},
                      {.name = "--threads", .value = "N", .help = "threads"},
                      {.name = "--output",
                       .value = "FILE",
                       .help = "where to",
                       .short_name = "-o"},
                      {.name = "--quiet", .help = "no words"}},
          .notes = "",
          .run = nullptr};
}

absl::StatusOr<CommandLine> Parse(std::vector<std::string> arguments) {
  return CommandLine::Parse(Run(), arguments);
}

TEST_CASE("Options come before, after and between operands, in both forms") {
  const auto line = Parse({"--input", "a=x.npy", "f.layers", "--input=b=y.npy",
                           "-o", "out", "--quiet", "--budget", "1.5MiB"});

  REQUIRE(line.ok());
  CHECK(line->operands() == std::vector<std::string>{"f.layers"});
  CHECK(absl::StrJoin(line->All("--input"), " ") == "a=x.npy b=y.npy");
  CHECK(line->Text("--output", "") == "out");
  CHECK(line->Has("--quiet"));
  CHECK_FALSE(line->json());
  CHECK(line->Bytes("--budget", 0).value() == 3 << 19);
  CHECK(line->Number("--threads", 7, 1, 256).value() == 7);
}

TEST_CASE("After -- everything is an operand") {
  const auto line = Parse({"--", "--budget"});

  REQUIRE(line.ok());
  CHECK(line->operands() == std::vector<std::string>{"--budget"});
}

TEST_CASE("A value may begin with one dash, but not with two") {
  CHECK(Parse({"f", "--budget", "-1"})->Text("--budget", "") == "-1");
  CHECK(Parse({"f", "--input=--x"})->Text("--input", "") == "--x");
}

TEST_CASE("Help is shown whatever else is missing") {
  CHECK(Parse({"--help"})->Has("--help"));
  CHECK(Parse({"-h"})->Has("--help"));
}

TEST_CASE("What is not understood is a usage error that says why") {
  struct Row {
    const char* name;
    std::vector<std::string> arguments;
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {"misspelt", {"f", "--inptu", "x"}, "--inptu; did you mean --input?"},
      {"misspelt with value", {"f", "--bugdet=1"}, "did you mean --budget?"},
      {"unknown", {"f", "--frobnicate"}, "no option --frobnicate"},
      {"unknown letter", {"f", "-x"}, "no option -x"},
      {"twice", {"f", "--budget=1", "--budget=2"}, "--budget is given twice"},
      {"no value", {"f", "--input"}, "--input needs a value: NAME=x.npy"},
      {"option for value", {"f", "--input", "--json"}, "needs a value"},
      {"switch with value", {"f", "--quiet=1"}, "--quiet takes no value"},
      {"no operand", {"--quiet"}, "FILE is missing: layerctl run FILE"},
      {"too many operands", {"f", "g"}, "g is too much: layerctl run FILE"},
  }));
  INFO(row.name);

  const absl::Status status = Parse(row.arguments).status();

  CHECK(ExitCodeOf(status) == 2);
  CHECK_THAT(std::string(status.message()), Catch::Contains(row.message));
}

TEST_CASE("A value out of range is a usage error") {
  const auto threads = GENERATE("0", "257", "-1", "two", "", "1.5", "1e3");
  CHECK(ExitCodeOf(Parse({"f", "--threads", threads})
                       ->Number("--threads", 1, 1, 256)
                       .status()) == 2);
  CHECK(ExitCodeOf(
            Parse({"f", "--budget=many"})->Bytes("--budget", 0).status()) == 2);
  CHECK(ExitCodeOf(Parse({"f", "--budget=gpu"})
                       ->OneOf("--budget", {"cpu", "reference"})
                       .status()) == 2);
}

TEST_CASE("Help names every option, its value and what is common to all") {
  const std::string help = HelpOf(Run());

  for (const char* words :
       {"layerctl run FILE [options]", "One inference.", "--input NAME=x.npy",
        "-o, --output FILE", "repeats", "--json", "-h, --help"}) {
    CHECK_THAT(help, Catch::Contains(words));
  }
}

TEST_CASE("Help stays within eighty columns") {
  const char* many_words =
      "one two three four five six seven eight nine ten eleven twelve thirteen "
      "fourteen fifteen sixteen seventeen eighteen nineteen twenty";
  Command command = Run();
  command.summary = command.notes = many_words;
  command.options.front().help = many_words;

  for (const auto line : absl::StrSplit(HelpOf(command), '\n')) {
    CHECK(line.size() <= 80);
  }
}

TEST_CASE("Usage ends with 2, everything else that went wrong with 1") {
  CHECK(ExitCodeOf(absl::OkStatus()) == 0);
  CHECK(ExitCodeOf(absl::InvalidArgumentError("from a server")) == 1);
  CHECK(ExitCodeOf(absl::DataLossError("tile 17")) == 1);
  CHECK(FailureText(absl::DataLossError("\x1b[2J"), "run") ==
        "DATA_LOSS: ?[2J\n");
  CHECK(ExitCodeOf(UsageError("what?")) == 2);
  CHECK(FailureText(absl::DataLossError("tile 17"), "verify") ==
        "DATA_LOSS: tile 17\n");
  CHECK(FailureText(UsageError("what?"), "run") ==
        "layerctl run: what?\nSee `layerctl run --help`.\n");
}

TEST_CASE("A failure is a JSON document too, unless there was one") {
  const absl::Status status = absl::NotFoundError("no model 'm'");

  CHECK(FailureJson(status) ==
        "{\n  \"error\": \"no model 'm'\",\n  \"code\": \"NOT_FOUND\"\n}\n");
  CHECK(FailureJson(Answered(status)).empty());
}

}  // namespace
}  // namespace layerd
