#ifndef LAYERD_DAEMON_ENGINE_CHILD_PROCESS_H_
#define LAYERD_DAEMON_ENGINE_CHILD_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "loader/io/unique_fd.h"

namespace layerd {

// A program that runs beside us and whose last words we want. Its standard
// input and output are /dev/null; CPUs and priority are those that we began
// with, whatever the thread that starts it has. It is ended with this object,
// and by the kernel if we die first.
//
// Threading: one thread.
class ChildProcess {
 public:
  // `arguments` start with the program's path. NOT_FOUND if it is not there.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(
      const std::vector<std::string>& arguments);
  ~ChildProcess();

  // Readable (poll) once the child has ended.
  int ended_fd() const { return pidfd_.get(); }

  // Waits for the end. OK for exit status 0; else FAILED_PRECONDITION with
  // what it wrote to standard error last, or the signal that ended it.
  absl::Status Wait();

 private:
  ChildProcess() = default;

  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd stderr_;  // An anonymous file.
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_ENGINE_CHILD_PROCESS_H_
