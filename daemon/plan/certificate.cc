#include "daemon/plan/certificate.h"

#include <cstdint>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "config/fnv1a.h"

namespace layerd {
namespace {

// As JSON takes it, and exactly.
std::string Number(double value) { return absl::StrFormat("%.17g", value); }

std::string Quoted(const std::string& text) {
  return absl::StrCat(
      "\"", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
}

std::string DigestOf(const std::string& text) {
  return absl::StrFormat("%016x", Fnv1a(text));
}

// Reads in bytes, lookups as [part, turns, tiles, bytes], then parts as [read
// or -1, seconds].
std::string TableText(const TaskProgram& task) {
  std::vector<std::string> parts;
  for (const TimedPart& part : task.parts) {
    parts.push_back(absl::StrFormat(
        "[%d,%s]", part.read ? static_cast<int64_t>(*part.read) : -1,
        Number(part.seconds)));
  }
  std::vector<std::string> lookups;
  for (const RowLookup& lookup : task.lookups) {
    lookups.push_back(absl::StrFormat("[%d,%d,%d,%d]", lookup.part,
                                      lookup.turns, lookup.tiles,
                                      lookup.bytes));
  }
  return absl::StrCat("{\"reads_bytes\":[",
                      absl::StrJoin(task.reads_bytes, ","), "],\"lookups\":[",
                      absl::StrJoin(lookups, ","), "],\"parts\":[",
                      absl::StrJoin(parts, ","), "]}");
}

std::string TaskText(const TaskProgram& task, const std::string& digest,
                     const Guarantee& guarantee) {
  return absl::StrCat(
      "{\"name\":", Quoted(task.name), ",\"level\":", task.level,
      ",\"period_s\":", Number(task.period_seconds),
      ",\"jitter_s\":", Number(task.jitter_seconds),
      ",\"deadline_s\":", Number(guarantee.deadline_seconds),
      ",\"seen_part_s\":", Number(task.seen_part_seconds), ",\"table\":\"",
      digest,
      "\",\"block_compute_s\":", Number(guarantee.block_compute_seconds),
      ",\"block_read_s\":", Number(guarantee.block_read_seconds),
      ",\"join_s\":", Number(guarantee.join_seconds),
      ",\"ahead_s\":", Number(guarantee.ahead_seconds),
      ",\"alone_s\":", Number(guarantee.alone_seconds),
      ",\"response_s\":", Number(guarantee.response_seconds), "}");
}

}  // namespace

std::string CertificateJson(const std::vector<TaskProgram>& tasks,
                            const Supply& supply,
                            const std::vector<Guarantee>& guarantees) {
  std::map<std::string, std::string> tables;
  std::vector<std::string> lines;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const std::string table = TableText(tasks[i]);
    const std::string digest = DigestOf(table);
    tables[digest] = table;
    lines.push_back(TaskText(tasks[i], digest, guarantees[i]));
  }
  std::vector<std::string> table_lines;
  for (const auto& [digest, table] : tables) {
    table_lines.push_back(absl::StrCat("\"", digest, "\":", table));
  }
  return absl::StrCat(
      "{\"format\":3,\n\"drive_bytes_per_s\":",
      Number(supply.drive_bytes_per_s),
      ",\"first_read_s\":", Number(supply.first_read_seconds),
      ",\"drive_quantile\":", Number(supply.drive.quantile),
      ",\"drive_margin\":", Number(supply.drive.margin),
      ",\"inflight_low_bytes\":", supply.inflight_low_bytes,
      ",\"read_bytes_max\":", supply.read_bytes_max,
      ",\"parts_open_max\":", supply.parts_open_max, ",\"level_order\":\"",
      supply.earliest_deadline_first ? "edf" : "fifo", "\",\"ring_bytes\":[",
      absl::StrJoin(supply.ring_bytes, ","), "],\n\"tasks\":[\n",
      absl::StrJoin(lines, ",\n"), "],\n\"tables\":{\n",
      absl::StrJoin(table_lines, ",\n"), "}}\n");
}

}  // namespace layerd
