#include "daemon/rt/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

// Alone in its process: where lines go is asked once.
TEST_CASE("The journal gets each line with its level and without a time") {
  const ScratchFolder folder;
  const std::string path = folder / "journal";
  const int journal = open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  struct stat facts {};
  REQUIRE(fstat(journal, &facts) == 0);
  const std::string name =
      std::to_string(facts.st_dev) + ":" + std::to_string(facts.st_ino);
  REQUIRE(setenv("JOURNAL_STREAM", name.c_str(), 1) == 0);
  const int before = dup(STDERR_FILENO);
  REQUIRE(dup2(journal, STDERR_FILENO) == STDERR_FILENO);
  LogError("lost");
  LogWarning("a {brace}\nand a second line");
  LogInfo("ready");
  REQUIRE(dup2(before, STDERR_FILENO) == STDERR_FILENO);
  close(before);
  close(journal);

  const std::string lines = ReadFile(path);
  CHECK_THAT(lines, Catch::StartsWith("<3>lost\n<4>a {brace}") &&
                        Catch::EndsWith("\n<6>ready\n"));
  CHECK(std::ranges::count(lines, '\n') == 3);
}

}  // namespace
}  // namespace layerd
