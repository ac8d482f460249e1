#include "daemon/ctl/waiting_note.h"

#include <unistd.h>

#include <cstdio>

#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("Who waits for long is told what for, once") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  std::FILE* const in = fdopen(ends[0], "r");
  std::FILE* const out = fdopen(ends[1], "w");
  char line[100] = "";
  {
    const WaitingNote note("for a test", std::chrono::milliseconds(1), out);
    REQUIRE(std::fgets(line, sizeof(line), in) != nullptr);
  }
  std::fclose(out);

  CHECK(std::string(line) == "still waiting: for a test\n");
  CHECK(std::fgetc(in) == EOF);
  std::fclose(in);
}

TEST_CASE("Who has not waited for long is told nothing") {
  std::FILE* const out = std::tmpfile();
  REQUIRE(out != nullptr);
  { const WaitingNote note("for a test", std::chrono::hours(1), out); }
  CHECK(std::ftell(out) == 0);
  std::fclose(out);
}

}  // namespace
}  // namespace layerd
