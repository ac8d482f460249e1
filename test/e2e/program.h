#ifndef LAYERD_TEST_E2E_PROGRAM_H_
#define LAYERD_TEST_E2E_PROGRAM_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "loader/io/unique_fd.h"

namespace layerd {

// Where Bazel puts what is tested, from the folder in which it starts tests.
inline constexpr char kLayerd[] = "daemon/layerd";
inline constexpr char kLayerctl[] = "daemon/ctl/layerctl";

struct ProgramOptions {
  std::map<std::string, std::string> environment = {};  // Over the test's own.
  // A write past this many bytes of a file fails as on a full disk.
  std::optional<uint64_t> file_bytes_max = {};
};

// How a program ended and what it took.
struct Ended {
  int status = -1;  // Exit status; 128 + N if signal N ended it.
  std::string out, err;
  uint64_t peak_bytes = 0;  // Of resident memory.
  uint64_t read_bytes = 0;  // As /proc/PID/io counts them: from the drive.
};

// A child process of the test. It is killed, and nothing else is, when the
// test leaves the scope or ends in any other way. Whoever waits does so with a
// deadline of a minute: a program that hangs fails the test.
class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments,
                   const ProgramOptions& options = {});
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  // Wait() was not called yet.
  bool is_ours() const { return pid_ > 0; }

  // The next line of standard output without its end; nothing if there will
  // be none.
  std::optional<std::string> ReadLine();
  // What it said on standard error so far.
  std::string Err() const;
  // A number in /proc/PID/FILE, after "KEY:"; 0 if there is none. "status"
  // counts in KiB, "io" in bytes.
  uint64_t Number(const std::string& file, const std::string& key) const;

  void Signal(int signal_number) const;
  Ended Wait();

 private:
  bool FillLines();

  pid_t pid_ = -1;
  UniqueFd pidfd_, out_, err_;
  std::string unread_;  // Of standard output.
};

// Of a JSON document; a key that is not there fails the test.
double NumberIn(const std::string& json, const std::string& key);

// Starts it and waits for its end.
Ended Run(const std::vector<std::string>& arguments,
          const ProgramOptions& options = {});

}  // namespace layerd

#endif  // LAYERD_TEST_E2E_PROGRAM_H_
