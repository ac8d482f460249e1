#ifndef LAYERD_TEST_SCRATCH_FILE_SIZE_LIMIT_H_
#define LAYERD_TEST_SCRATCH_FILE_SIZE_LIMIT_H_

#include <sys/resource.h>

#include <csignal>
#include <cstdint>

namespace layerd {

// While it lives, no file of this process grows past `bytes`: the one way to
// fill a disk that needs no rights.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(uint64_t bytes)
      : signal_before_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, signal_before_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_;
  void (*signal_before_)(int);
};

}  // namespace layerd

#endif  // LAYERD_TEST_SCRATCH_FILE_SIZE_LIMIT_H_
