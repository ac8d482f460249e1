// What does the simulator know of a packed network? Prints its part table:
//
//   bazel-bin/test/sim/write_part_table FILE.layers > test/sim/tables/NAME.csv
//
//   bytes,flops      bytes: of the extent that begins with this part, "=" if it
//                    computes with that of the part before, "-" if with none
//
// test/sim/tables/make.sh does it for all.

#include <cstdio>

#include "daemon/plan/program.h"
#include "loader/store/layer_file_reader.h"

namespace layerd {
namespace {

absl::StatusOr<Program> Open(const char* path) {
  auto file = LayerFileReader::Open(path);
  if (!file.ok()) return file.status();
  return Program::Parse((*file)->manifest());
}

int Main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "write_part_table FILE.layers\n");
    return 2;
  }
  const absl::StatusOr<Program> program = Open(argv[1]);
  if (!program.ok()) {
    std::fprintf(stderr, "%s\n", program.status().ToString().c_str());
    return 1;
  }
  std::printf("bytes,flops\n");
  size_t begun = 0;  // Reads.
  for (const Part& part : program->parts) {
    const auto flops = static_cast<unsigned long>(part.work_flops);
    if (!part.read) {
      std::printf("-,%lu\n", flops);
    } else if (*part.read < begun) {
      std::printf("=,%lu\n", flops);
    } else {
      const Extent& extent = program->extents[program->reads[begun++]];
      std::printf("%lu,%lu\n", static_cast<unsigned long>(extent.stored_bytes),
                  flops);
    }
  }
  return 0;
}

}  // namespace
}  // namespace layerd

int main(int argc, char** argv) { return layerd::Main(argc, argv); }
