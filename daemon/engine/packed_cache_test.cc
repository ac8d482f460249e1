#include "daemon/engine/packed_cache.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "config/byte_size.h"
#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

using Names = std::vector<std::string>;

// 100 bytes, used so many seconds after the epoch.
void AddFile(const std::string& path, time_t used_s) {
  WriteFile(path, std::string(100, 'a'));
  const timespec times[2] = {{used_s, 0}, {used_s, 0}};
  REQUIRE(utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

TEST_CASE("Layer files used longest ago go first, until the rest fits") {
  struct Row {
    uint64_t bytes_max;
    Names left;
  };
  const auto row =
      GENERATE(values<Row>({{kAllBytes, {"a.layers", "b.layers", "c.layers"}},
                            {300, {"a.layers", "b.layers", "c.layers"}},
                            {299, {"a.layers", "b.layers"}},
                            {200, {"a.layers", "b.layers"}},
                            {150, {"b.layers"}},
                            {0, {}}}));
  INFO(row.bytes_max);
  const ScratchFolder folder;
  AddFile(folder / "a.layers", 2000);
  AddFile(folder / "b.layers", 3000);
  AddFile(folder / "c.layers", 1000);

  const uint64_t left = TrimCache(folder.path(), row.bytes_max, {});

  CHECK(folder.Names() == row.left);
  CHECK(left == 100 * row.left.size());
}

TEST_CASE("What is in use stays, and so does what is no layer file") {
  const ScratchFolder folder;
  AddFile(folder / "old.layers", 1000);
  AddFile(folder / "new.layers", 2000);
  AddFile(folder / "costs.json", 500);
  // As a configuration may write it.
  const std::string path = folder.path() + GENERATE("", "/");

  CHECK(TrimCache(path, 50, {path + "/old.layers"}) == 100);

  CHECK(folder.Names() == Names{"costs.json", "old.layers"});
}

TEST_CASE("A file that is used again is not the next to go") {
  const ScratchFolder folder;
  AddFile(folder / "a.layers", 1000);
  AddFile(folder / "b.layers", 2000);
  MarkUsed(folder / "a.layers");

  TrimCache(folder.path(), 100, {});

  CHECK(folder.Names() == Names{"a.layers"});
}

TEST_CASE("What a packer that was ended has left goes, whatever the bound") {
  const ScratchFolder folder;
  AddFile(folder / "a.layers", 1000);
  AddFile(folder / "a.layers.tmp-0", 1000);
  TrimCache(folder.path(), kAllBytes, {});
  CHECK(folder.Names() == Names{"a.layers"});
}

TEST_CASE("A cache that is not there has nothing in it") {
  const ScratchFolder folder;
  CHECK(TrimCache(folder / "none", 0, {}) == 0);
}

}  // namespace
}  // namespace layerd
