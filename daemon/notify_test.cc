#include "daemon/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "loader/io/unique_fd.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

TEST_CASE("The service manager gets one datagram") {
  const bool abstract = GENERATE(false, true);
  char folder[] = "/tmp/notify_test.XXXXXX";
  REQUIRE(mkdtemp(folder) != nullptr);
  const std::string path = (abstract ? "@" : "") + std::string(folder) + "/s";
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  if (abstract) name.sun_path[0] = '\0';
  const UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  REQUIRE(bind(fd.get(), reinterpret_cast<const sockaddr*>(&name),
               static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) +
                                      path.size())) == 0);

  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  CHECK(Notify("READY=1"));
  char text[64] = {};
  CHECK(recv(fd.get(), text, sizeof(text), 0) == 7);
  CHECK(std::string(text) == "READY=1");

  unsetenv("NOTIFY_SOCKET");
  CHECK(!Notify("READY=1"));
  if (!abstract) unlink(path.c_str());
  rmdir(folder);
}

}  // namespace
}  // namespace layerd
