#include "daemon/ctl/output.h"

#include <sys/stat.h>

#include <thread>

#include "absl/status/status.h"
#include "test/catch/catch.h"
#include "test/scratch/file_size_limit.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

TEST_CASE("Columns are aligned, numbers to the right") {
  CHECK(FormatTable({{"layer", "bytes", "operator"},
                     {"conv1", "12", "Convolution"},
                     {"a", "3,456", ""}}) ==
        "layer  bytes  operator\n"
        "conv1     12  Convolution\n"
        "a      3,456\n");
}

TEST_CASE("Counts have a comma at every thousand") {
  CHECK(FormatCount(0) == "0");
  CHECK(FormatCount(999) == "999");
  CHECK(FormatCount(1000) == "1,000");
  CHECK(FormatCount(102440608) == "102,440,608");
}

TEST_CASE("A shape is written as the protocol's clients write it") {
  CHECK(FormatShape({}) == "[]");
  CHECK(FormatShape({1, 3, 224, 224}) == "[1, 3, 224, 224]");
}

TEST_CASE("A result that does not fit leaves the old file, and nothing else") {
  const ScratchFolder folder;
  WriteFile(folder / "y.npy", "old");
  absl::Status status;
  {
    const FileSizeLimit limit(1000);
    status = WriteResult(folder / "y.npy", std::string(1001, 'a'));
  }
  CHECK(absl::IsResourceExhausted(status));
  CHECK_THAT(std::string(status.message()), Catch::Contains("y.npy"));
  CHECK(ReadFile(folder / "y.npy") == "old");
  CHECK(folder.Names() == std::vector<std::string>{"y.npy"});

  CHECK(WriteResult(folder / "y.npy", "new").ok());
  CHECK(ReadFile(folder / "y.npy") == "new");
}

TEST_CASE("A device or a pipe takes a result, and stays what it is") {
  const ScratchFolder folder;
  CHECK(WriteResult("/dev/null", "new").ok());
  CHECK(absl::IsResourceExhausted(WriteResult("/dev/full", "new")));
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  std::string got;
  std::thread reader([&] { got = ReadFile(folder / "pipe"); });
  CHECK(WriteResult(folder / "pipe", "new").ok());
  reader.join();
  CHECK(got == "new");
  CHECK(folder.Names() == std::vector<std::string>{"pipe"});
}

}  // namespace
}  // namespace layerd
