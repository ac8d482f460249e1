#ifndef LAYERD_DAEMON_CTL_OUTPUT_H_
#define LAYERD_DAEMON_CTL_OUTPUT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace layerd {

// Writes a command's answer to standard output, names of foreign files made
// plain. An error if it did not get there, such as a full disk behind a
// redirection.
absl::Status WriteAnswer(std::string_view answer);

// Writes a file that was asked for beside the answer: all of it at once, so
// that a full disk or a signal leaves an older file of that name as it was.
// What is a device or a pipe, such as /dev/stdout, is written into.
// Errors: PERMISSION_DENIED and the like, with the path.
absl::Status WriteResult(const std::string& path, std::string_view contents);

// A line on standard error, names of foreign files made plain.
void Warn(std::string_view warning);

// Lines with aligned columns, two spaces between them; the first row is the
// heading. Columns that hold numbers lean to the right.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

// "[1, 3, 224, 224]".
std::string FormatShape(const std::vector<int64_t>& shape);

// "1,234,567".
std::string FormatCount(uint64_t count);

// A bar on standard error that shows how far `verb` has come; nothing where
// standard error is no terminal. Gone without a trace once all is done.
std::function<void(uint64_t done_bytes, uint64_t all_bytes)> ProgressBar(
    const std::string& verb);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_OUTPUT_H_
