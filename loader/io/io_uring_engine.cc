#include "loader/io/io_uring_engine.h"

#include <liburing.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_format.h"
#include "config/check.h"

namespace layerd {
namespace {

constexpr uint64_t kWakeUserData = ~uint64_t{0};
constexpr size_t kRegisteredBytesMax = 1 << 30;  // Of one iovec; the kernel's.
constexpr size_t kHugePageBytes = 2 << 20;
// Of Linux 5.19: what completes waits until we ask, in place of interrupting
// a checksum. Older kernels refuse it.
constexpr unsigned kAskForCompletions = IORING_SETUP_COOP_TASKRUN;

// How much of `memory` to register as one piece. Huge pages by themselves, so
// that the kernel keeps a piece for each of them: in a buffer with others in it
// it keeps every 4 KiB, and a read of 1 MiB is two requests of the drive.
size_t PieceBytes(std::span<const std::byte> memory) {
  const size_t huge_bytes = memory.size() - memory.size() % kHugePageBytes;
  return std::min(huge_bytes > 0 ? huge_bytes : memory.size(),
                  kRegisteredBytesMax);
}

// 0: for nobody; 1: for all but a group; 2: for all. Older kernels know none.
int WhomSysctlForbids() {
  int whom = 0;
  std::ifstream("/proc/sys/kernel/io_uring_disabled") >> whom;
  return whom;
}

const char* Advice(int error) {
  switch (error) {
    case ENOSYS:
      return "the kernel has none (5.6 or newer is needed), or a sandbox hides "
             "it";
    case EPERM:
    case EACCES:
      if (WhomSysctlForbids() > 0) {
        return "`sysctl kernel.io_uring_disabled=0` allows it";
      }
      return "a sandbox forbids it; its filter (seccomp) has to allow "
             "io_uring_setup, io_uring_enter and io_uring_register";
    case EMFILE:
    case ENFILE:
      return "raise 'ulimit -n'";
    default:
      return "raise 'ulimit -l'";
  }
}

absl::Status Refused(int error) {
  return absl::UnavailableError(absl::StrFormat(
      "io_uring is refused (%s): %s", std::strerror(error), Advice(error)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<IoUringEngine>> IoUringEngine::Open(
    size_t depth) {
  LAYERD_CHECK(depth > 0);
  UniqueFd wake_fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_fd) return Refused(errno);
  auto ring = std::make_unique<io_uring>();
  // One entry more, for the wake.
  const auto entries = static_cast<unsigned>(depth + 1);
  int result = io_uring_queue_init(entries, ring.get(), kAskForCompletions);
  if (result == -EINVAL) result = io_uring_queue_init(entries, ring.get(), 0);
  if (result < 0) return Refused(-result);
  return absl::WrapUnique(
      new IoUringEngine(std::move(ring), std::move(wake_fd), depth));
}

IoUringEngine::IoUringEngine(std::unique_ptr<io_uring> ring, UniqueFd wake_fd,
                             size_t depth)
    : ring_(std::move(ring)), wake_fd_(std::move(wake_fd)), depth_(depth) {
  PollWake();
}

IoUringEngine::~IoUringEngine() {
  LAYERD_CHECK(in_flight_ == 0, "the kernel may still write");
  // The exit alone would let go of the memory some time later, and until then
  // it counts against the limit of what may be locked. The poll ends first:
  // kernels before 5.13 wait for all that is in flight.
  if (!registered_.empty()) {
    Wake();
    for (ReadCompletion none; !woken_;) {
      Enter(/*wait=*/true);
      TakeCompletions({&none, 1});
    }
    io_uring_unregister_buffers(ring_.get());
  }
  io_uring_queue_exit(ring_.get());
}

absl::Status IoUringEngine::RegisterMemory(std::span<std::byte> memory) {
  LAYERD_CHECK(in_flight_ == 0);
  const size_t registered_before = registered_.size();
  size_t registered_bytes = 0;
  for (const iovec& piece : registered_) registered_bytes += piece.iov_len;
  for (size_t at = 0; at < memory.size();) {
    registered_.push_back({memory.data() + at, PieceBytes(memory.subspan(at))});
    at += registered_.back().iov_len;
  }
  // The table is replaced as a whole, which kernels before 5.19 take, too.
  if (registered_before > 0) io_uring_unregister_buffers(ring_.get());
  const int result =
      io_uring_register_buffers(ring_.get(), registered_.data(),
                                static_cast<unsigned>(registered_.size()));
  if (result == 0) return absl::OkStatus();
  registered_.resize(registered_before);
  if (registered_before > 0 &&
      io_uring_register_buffers(ring_.get(), registered_.data(),
                                static_cast<unsigned>(registered_before)) < 0) {
    registered_.clear();
  }
  return absl::ResourceExhaustedError(absl::StrFormat(
      "%d bytes of memory are not registered with io_uring (%s; %d are): "
      "reads cost more CPU; raise 'ulimit -l' or LimitMEMLOCK= of the unit",
      memory.size(), std::strerror(-result),
      registered_.empty() ? 0 : registered_bytes));
}

void IoUringEngine::Submit(const ReadRequest& request) {
  LAYERD_CHECK(in_flight_ < depth_);
  LAYERD_CHECK(request.user_data != kWakeUserData);
  io_uring_sqe* const entry = io_uring_get_sqe(ring_.get());
  LAYERD_CHECK(entry != nullptr);
  const auto bytes = static_cast<unsigned>(request.into.size());
  const int index = RegisteredIndex(request.into);
  if (index >= 0) {
    io_uring_prep_read_fixed(entry, request.fd, request.into.data(), bytes,
                             request.offset_bytes, index);
  } else {
    io_uring_prep_read(entry, request.fd, request.into.data(), bytes,
                       request.offset_bytes);
  }
  io_uring_sqe_set_data64(entry, request.user_data);
  ++in_flight_;
}

size_t IoUringEngine::Reap(std::span<ReadCompletion> completions, bool wait) {
  size_t count = 0;
  do {
    // What is submitted goes out first, so that the drive has work while the
    // caller looks at what came.
    const bool nothing_yet = io_uring_cq_ready(ring_.get()) == 0;
    Enter(wait && nothing_yet && !woken_);
    count = TakeCompletions(completions);
  } while (wait && count == 0 && !woken_);
  if (wait) woken_ = false;
  return count;
}

void IoUringEngine::Wake() {
  // One write serves all who wake until the owner has seen it.
  if (wake_pending_.exchange(true)) return;
  const uint64_t one = 1;
  const ssize_t written = write(wake_fd_.get(), &one, sizeof one);
  LAYERD_CHECK(written == sizeof one);
}

int IoUringEngine::RegisteredIndex(std::span<const std::byte> bytes) const {
  for (size_t i = 0; i < registered_.size(); ++i) {
    const auto* const begin =
        static_cast<const std::byte*>(registered_[i].iov_base);
    if (bytes.data() >= begin &&
        bytes.data() + bytes.size() <= begin + registered_[i].iov_len) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

// One shot, armed again after each: what every kernel with io_uring knows.
void IoUringEngine::PollWake() {
  io_uring_sqe* const entry = io_uring_get_sqe(ring_.get());
  LAYERD_CHECK(entry != nullptr);
  io_uring_prep_poll_add(entry, wake_fd_.get(), POLLIN);
  io_uring_sqe_set_data64(entry, kWakeUserData);
}

void IoUringEngine::Enter(bool wait) {
  const int submitted = wait ? io_uring_submit_and_wait(ring_.get(), 1)
                             : io_uring_submit(ring_.get());
  const bool ask = submitted == 0 && !wait && in_flight_ > 0 &&
                   io_uring_cq_ready(ring_.get()) == 0;
  const int result = ask ? io_uring_get_events(ring_.get()) : submitted;
  // Interrupted, or short of memory for a moment: what is not submitted stays
  // queued and goes with the next call.
  LAYERD_CHECK(
      result >= 0 || result == -EINTR || result == -EAGAIN || result == -EBUSY,
      absl::StrFormat("io_uring: %s", std::strerror(-result)));
}

size_t IoUringEngine::TakeCompletions(std::span<ReadCompletion> completions) {
  size_t count = 0;
  io_uring_cqe* entry = nullptr;
  while (count < completions.size() &&
         io_uring_peek_cqe(ring_.get(), &entry) == 0) {
    const ReadCompletion completion{entry->user_data, entry->res};
    io_uring_cqe_seen(ring_.get(), entry);
    if (completion.user_data != kWakeUserData) {
      completions[count++] = completion;
      --in_flight_;
      continue;
    }
    uint64_t wakes = 0;
    if (read(wake_fd_.get(), &wakes, sizeof wakes) < 0) wakes = 0;
    wake_pending_.exchange(false);
    woken_ = true;
    PollWake();
  }
  return count;
}

}  // namespace layerd
