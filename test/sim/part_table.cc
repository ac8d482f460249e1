#include "test/sim/part_table.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "config/check.h"

namespace layerd {

uint64_t PartTable::bytes() const {
  return std::accumulate(reads_bytes.begin(), reads_bytes.end(), uint64_t{0});
}

double PartTable::flops() const {
  double sum = 0;
  for (const Part& part : parts) sum += part.flops;
  return sum;
}

PartTable PartTable::WithHead(uint64_t head_bytes) const {
  uint32_t head = 0;  // Reads.
  for (uint64_t sum = 0; head < reads_bytes.size(); ++head) {
    sum += reads_bytes[head];
    if (sum > head_bytes) break;
  }
  PartTable rest = *this;
  rest.reads_bytes.erase(rest.reads_bytes.begin(),
                         rest.reads_bytes.begin() + head);
  rest.last_part_of_read.erase(rest.last_part_of_read.begin(),
                               rest.last_part_of_read.begin() + head);
  for (Part& part : rest.parts) {
    if (!part.read) continue;
    part.read = *part.read < head ? std::nullopt
                                  : std::optional<uint32_t>(*part.read - head);
  }
  return rest;
}

PartTable PartTable::Read(const std::string& path) {
  PartTable table;
  table.name = std::filesystem::path(path).stem();
  std::ifstream file(path);
  std::string bytes, flops;
  std::getline(file, bytes);
  LAYERD_CHECK(bytes == "bytes,flops", path);
  while (std::getline(file, bytes, ',') && std::getline(file, flops)) {
    Part& part = table.parts.emplace_back();
    part.flops = std::stod(flops);
    if (bytes == "-") continue;
    if (bytes != "=") {
      table.reads_bytes.push_back(std::stoull(bytes));
      table.last_part_of_read.push_back(0);
    }
    LAYERD_CHECK(!table.reads_bytes.empty(), path);
    part.read = static_cast<uint32_t>(table.reads_bytes.size() - 1);
    table.last_part_of_read.back() =
        static_cast<uint32_t>(table.parts.size() - 1);
  }
  LAYERD_CHECK(!table.parts.empty(), path);
  return table;
}

std::vector<PartTable> AllPartTables() {
  std::vector<std::string> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator("test/sim/tables")) {
    if (entry.path().extension() == ".csv") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<PartTable> tables;
  for (const std::string& path : paths) {
    tables.push_back(PartTable::Read(path));
  }
  return tables;
}

}  // namespace layerd
