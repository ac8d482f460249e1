#include "test/fuzz/seed_folder.h"

#include <cstdio>

#include "test/scratch/scratch_folder.h"

namespace layerd {

void SeedFolder::Write(const std::string& name,
                       const std::string& bytes) const {
  WriteFile(path_ + "/" + name, bytes);
}

}  // namespace layerd

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  layerd::WriteSeeds(layerd::SeedFolder(argv[1]));
  return 0;
}
