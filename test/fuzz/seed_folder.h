#ifndef LAYERD_TEST_FUZZ_SEED_FOLDER_H_
#define LAYERD_TEST_FUZZ_SEED_FOLDER_H_

#include <string>
#include <utility>

namespace layerd {

// Where a fuzzer finds the inputs that it begins with.
class SeedFolder {
 public:
  explicit SeedFolder(std::string path) : path_(std::move(path)) {}
  // What cannot be written ends the process.
  void Write(const std::string& name, const std::string& bytes) const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What an X_seeds.cc defines; seed_folder.cc has the main() around it.
void WriteSeeds(const SeedFolder& folder);

}  // namespace layerd

#endif  // LAYERD_TEST_FUZZ_SEED_FOLDER_H_
