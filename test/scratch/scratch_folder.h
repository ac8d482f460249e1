#ifndef LAYERD_TEST_SCRATCH_SCRATCH_FOLDER_H_
#define LAYERD_TEST_SCRATCH_SCRATCH_FOLDER_H_

#include <string>
#include <vector>

namespace layerd {

// A folder of a test's own, gone with everything in it when the test leaves
// the scope.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const {
    return path_ + "/" + name;
  }
  std::vector<std::string> Names() const;  // Sorted.

 private:
  std::string path_;
};

// Whole files; a file that cannot be read or written fails the test.
std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, const std::string& bytes);

}  // namespace layerd

#endif  // LAYERD_TEST_SCRATCH_SCRATCH_FOLDER_H_
