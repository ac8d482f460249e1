#ifndef LAYERD_LOADER_MEMORY_AVAILABLE_MEMORY_H_
#define LAYERD_LOADER_MEMORY_AVAILABLE_MEMORY_H_

#include <cstdint>
#include <optional>
#include <string>

namespace layerd {

// How much memory can be taken before the kernel has to end a process to find
// more: what it says is available (MemAvailable of proc_meminfo(5)), or what
// the limits of the process's control groups leave, version 1 or 2, if that is
// less. Page cache counts as free, as it does there. Nothing: it does not say.
//
// Why: who touches more is not refused, but ended, or somebody else is.
//
// `root` is where /proc and /sys are; a test has its own. Reads a few small
// files.
std::optional<uint64_t> AvailableMemoryBytes(const std::string& root = "");

}  // namespace layerd

#endif  // LAYERD_LOADER_MEMORY_AVAILABLE_MEMORY_H_
