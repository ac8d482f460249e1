#include "daemon/serve/listen_check.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "loader/io/unique_fd.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

int PortOf(const UniqueFd& fd) {
  sockaddr_storage name{};
  socklen_t length = sizeof(name);
  REQUIRE(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &length) ==
          0);
  return ntohs(name.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(name).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(name).sin_port);
}

// On a port of its choice, whose number it tells.
UniqueFd Listen(const std::string& host, int* port) {
  auto bound = BindTcp(host + ":0");
  REQUIRE(bound.ok());
  REQUIRE(listen(bound->front().get(), 1) == 0);
  *port = PortOf(bound->front());
  return std::move(bound->front());
}

bool HasIpv6() {
  if (BindTcp("[::1]:0").ok()) return true;
  WARN("SKIPPED: no IPv6 here");
  return false;
}

TEST_CASE(
    "A port that is taken cannot be listened on, and what to do is said") {
  int port = 0;
  const UniqueFd fd = Listen("127.0.0.1", &port);
  const auto status = CheckListenable(absl::StrCat("127.0.0.1:", port));
  CHECK_THAT(std::string(status.message()),
             Catch::Contains("in use") && Catch::Contains("`ss -ltnp`"));
  CHECK(CheckListenable("127.0.0.1:0").ok());
}

TEST_CASE("All addresses of a host are bound, to one port") {
  const auto bound = BindTcp(":0");
  REQUIRE(bound.ok());
  CHECK(PortOf(bound->front()) == PortOf(bound->back()));
  if (HasIpv6()) CHECK(bound->size() == 2);
}

TEST_CASE("A port that is taken of a host's second address is taken") {
  if (!HasIpv6()) return;
  int port = 0;
  const UniqueFd fd = Listen("[::1]", &port);
  const auto status = CheckListenable(absl::StrCat(":", port));
  CHECK_THAT(std::string(status.message()), Catch::Contains("in use"));
}

TEST_CASE("An address of another machine is refused with the reason") {
  // Of a network that is kept for documents (RFC 5737).
  const auto status = CheckListenable("192.0.2.1:0");
  CHECK_THAT(std::string(status.message()),
             Catch::Contains("assign requested address") &&
                 Catch::Contains("`ip address`"));
}

TEST_CASE("What is no address is refused") {
  const char* address =
      GENERATE("", "localhost", "127.0.0.1:http!", "unix:", "[::1]:99999999");
  INFO(address);
  CHECK(!CheckListenable(address).ok());
}

TEST_CASE("A Unix socket is taken over from the dead only") {
  char folder[] = "/tmp/listen_check_test.XXXXXX";
  REQUIRE(mkdtemp(folder) != nullptr);
  const std::string path = std::string(folder) + "/s";
  const std::string address = "unix:" + path;
  CHECK(CheckListenable(address).ok());
  {
    const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strcpy(name.sun_path, path.c_str());
    REQUIRE(bind(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)) ==
            0);
    REQUIRE(listen(fd.get(), 1) == 0);
    // The third finds its queue full, and does not wait.
    for (int i = 0; i < 3; ++i) {
      CHECK_THAT(std::string(CheckListenable(address).message()),
                 Catch::Contains("another process serves it"));
    }
  }
  CHECK(CheckListenable(address).ok());  // Its process is gone.
  unlink(path.c_str());
  std::ofstream(path) << "precious";
  CHECK_THAT(std::string(CheckListenable(address).message()),
             Catch::Contains("no socket"));
  unlink(path.c_str());
  CHECK(!CheckListenable("unix:/nonexistent/folder/s").ok());
  rmdir(folder);
}

}  // namespace
}  // namespace layerd
