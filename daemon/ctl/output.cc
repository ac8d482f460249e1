#include "daemon/ctl/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/byte_size.h"
#include "config/plain_text.h"
#include "loader/io/unique_fd.h"
#include "loader/store/atomic_file.h"

namespace layerd {
namespace {

constexpr int kBarCells = 40;
constexpr uint64_t kPermille = 1000;
constexpr char kClearLine[] = "\r\x1b[K";

bool IsNumber(const std::string& cell) {
  return !cell.empty() &&
         (cell[0] == '-' || (cell[0] >= '0' && cell[0] <= '9'));
}

struct Column {
  size_t width = 0;
  bool leans_right = true;
};

std::vector<Column> ColumnsOf(
    const std::vector<std::vector<std::string>>& rows) {
  std::vector<Column> columns;
  for (size_t r = 0; r < rows.size(); ++r) {
    columns.resize(std::max(columns.size(), rows[r].size()));
    for (size_t c = 0; c < rows[r].size(); ++c) {
      columns[c].width = std::max(columns[c].width, rows[r][c].size());
      if (r > 0) columns[c].leans_right &= IsNumber(rows[r][c]);
    }
  }
  return columns;
}

bool IsDeviceOrPipe(const std::string& path) {
  struct stat there;
  return stat(path.c_str(), &there) == 0 &&
         (S_ISCHR(there.st_mode) || S_ISFIFO(there.st_mode));
}

absl::Status WriteInto(const std::string& path, std::string_view contents) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  while (fd && !contents.empty()) {
    const ssize_t written = write(fd.get(), contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;
    contents.remove_prefix(static_cast<size_t>(written));
  }
  return fd && contents.empty() ? absl::OkStatus()
                                : absl::ErrnoToStatus(errno, path);
}

}  // namespace

absl::Status WriteResult(const std::string& path, std::string_view contents) {
  return IsDeviceOrPipe(path) ? WriteInto(path, contents)
                              : WriteAtomically(path, contents);
}

void Warn(std::string_view warning) {
  const std::string text = PlainText(warning);
  std::fputs(absl::StrCat("warning: ", text, "\n").c_str(), stderr);
}

absl::Status WriteAnswer(std::string_view answer) {
  const std::string text = PlainText(answer);
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "standard output");
}

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  const std::vector<Column> columns = ColumnsOf(rows);
  std::string text;
  for (const std::vector<std::string>& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string gap(columns[c].width - row[c].size(), ' ');
      if (c > 0) line += "  ";
      line += columns[c].leans_right ? gap + row[c] : row[c] + gap;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, line, "\n");
  }
  return text;
}

std::string FormatShape(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

std::string FormatCount(uint64_t count) {
  const std::string digits = absl::StrCat(count);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::function<void(uint64_t done_bytes, uint64_t all_bytes)> ProgressBar(
    const std::string& verb) {
  if (!isatty(STDERR_FILENO)) return nullptr;
  auto shown = std::make_shared<uint64_t>(kPermille + 1);
  return [verb, shown](uint64_t done_bytes, uint64_t all_bytes) {
    const uint64_t permille =
        all_bytes == 0
            ? kPermille
            : static_cast<uint64_t>(static_cast<double>(done_bytes) /
                                    static_cast<double>(all_bytes) * kPermille);
    if (permille == *shown) return;
    *shown = permille;
    if (permille >= kPermille) {
      std::fputs(kClearLine, stderr);
      return;
    }
    const int full = static_cast<int>(permille * kBarCells / kPermille);
    const std::string bar =
        std::string(full, '#') + std::string(kBarCells - full, '.');
    std::fputs(absl::StrFormat("\r%s [%s] %d%% of %s", verb, bar, permille / 10,
                               FormatByteSize(all_bytes))
                   .c_str(),
               stderr);
  };
}

}  // namespace layerd
