#ifndef LAYERD_LOADER_IO_UNIQUE_FD_H_
#define LAYERD_LOADER_IO_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace layerd {

// Owns one open file descriptor and closes it exactly once.
//
// Closing reports nothing: who wrote must fsync() first, and hears the drive's
// errors there.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd() { Reset(); }

  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

  void Reset() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

}  // namespace layerd

#endif  // LAYERD_LOADER_IO_UNIQUE_FD_H_
