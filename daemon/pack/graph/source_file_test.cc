#include "daemon/pack/graph/source_file.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <thread>

#include "test/catch/catch.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {
namespace {

// A folder with a model in it.
struct Folder {
  Folder() { Write("model/model.onnx", "abc"); }

  void Write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories((path / name).parent_path());
    WriteFile(path / name, bytes);
  }
  std::string model() const { return path / "model/model.onnx"; }

  ScratchFolder scratch;
  const std::filesystem::path path = scratch.path();
};

// Refuses openat2 in this thread, as a kernel before 5.6 does.
void ForgetOpenat2() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {4, program};
  REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

// In a thread of its own, whose kernel is old or not.
absl::StatusOr<std::unique_ptr<SourceFile>> Open(const Folder& folder,
                                                 const std::string& location,
                                                 bool is_old_kernel) {
  absl::StatusOr<std::unique_ptr<SourceFile>> file;
  std::thread([&] {
    if (is_old_kernel) ForgetOpenat2();
    file = OpenBeneathModel(folder.model(), location);
  }).join();
  return file;
}

TEST_CASE("External data opens in and below the model's folder") {
  Folder folder;
  folder.Write("model/weights.bin", "12345");
  folder.Write("model/deep/er/weights.bin", "123456");

  const bool is_old_kernel = GENERATE(false, true);
  const auto beside = Open(folder, "weights.bin", is_old_kernel);
  REQUIRE(beside.ok());
  CHECK((*beside)->bytes == 5);
  const auto below = Open(folder, "./deep//er/weights.bin", is_old_kernel);
  REQUIRE(below.ok());
  CHECK((*below)->bytes == 6);
}

TEST_CASE("External data never leaves the model's folder") {
  Folder folder;
  folder.Write("outside.bin", "secret");
  folder.Write("model/deep/weights.bin", "1");
  std::filesystem::create_symlink("../outside.bin",
                                  folder.path / "model/link.bin");
  std::filesystem::create_symlink("deep", folder.path / "model/linked");
  REQUIRE(mkfifo((folder.path / "model/fifo").c_str(), 0600) == 0);
  struct Row {
    const char* location;
    const char* message;
  };
  const auto row = GENERATE(values<Row>({
      {"", "is empty"},
      {"/etc/passwd", "is absolute"},
      {"../outside.bin", "climbs out"},
      {"deep/../../outside.bin", "climbs out"},
      {"link.bin", "symbolic link"},
      {"linked/weights.bin", "symbolic link"},
      {"fifo", "not a regular file"},
      {"deep", "is a folder"},
  }));
  const bool is_old_kernel = GENERATE(false, true);
  INFO(row.location << (is_old_kernel ? ", old kernel" : ""));

  const auto file = Open(folder, row.location, is_old_kernel);

  REQUIRE(absl::IsInvalidArgument(file.status()));
  CHECK_THAT(std::string(file.status().message()),
             Catch::Contains(row.message));
}

TEST_CASE("A file that is not there is NOT_FOUND with its path") {
  Folder folder;
  const auto model = OpenSource(folder.path / "none.onnx");
  CHECK(absl::IsNotFound(model.status()));
  const auto external = OpenBeneathModel(folder.model(), "none.bin");
  CHECK(absl::IsNotFound(external.status()));
  CHECK_THAT(std::string(external.status().message()),
             Catch::Contains("model/none.bin"));
}

TEST_CASE("The digest of one file is its SHA-256") {
  Folder folder;
  std::vector<std::unique_ptr<SourceFile>> files;
  files.push_back(*OpenSource(folder.model()));
  CHECK(*Sha256OfSources(files) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("A byte that changes files changes the digest") {
  Folder folder;
  const auto digest = [&](const std::string& first, const std::string& second) {
    folder.Write("first", first);
    folder.Write("second", second);
    std::vector<std::unique_ptr<SourceFile>> files;
    files.push_back(*OpenSource(folder.path / "first"));
    files.push_back(*OpenSource(folder.path / "second"));
    return *Sha256OfSources(files);
  };
  CHECK(digest("ab", "c") != digest("a", "bc"));
  CHECK(digest("ab", "c") == digest("ab", "c"));
}

}  // namespace
}  // namespace layerd
