#ifndef LAYERD_TEST_SCRATCH_NO_RIGHTS_H_
#define LAYERD_TEST_SCRATCH_NO_RIGHTS_H_

#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace layerd {

// Of the calling thread, and of those that it will start; for good. False if
// the kernel does not let it.
inline bool GiveUpAllRights() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
  return syscall(SYS_capset, &header, none) == 0;
}

// Runs `body` in a child that has given them up; its answer is the exit code,
// 101 if the kernel does not let it.
template <typename Body>
int ExitCodeWithoutRights(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(GiveUpAllRights() ? body() : 101);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace layerd

#endif  // LAYERD_TEST_SCRATCH_NO_RIGHTS_H_
