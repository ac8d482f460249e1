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

TEST_CASE("A port that is taken cannot be listened on") {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(name);
  REQUIRE(bind(fd.get(), reinterpret_cast<sockaddr*>(&name), length) == 0);
  REQUIRE(listen(fd.get(), 1) == 0);
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &length);
  const auto status =
      CheckListenable(absl::StrCat("127.0.0.1:", ntohs(name.sin_port)));
  CHECK_THAT(std::string(status.message()), Catch::Contains("in use"));
  CHECK(CheckListenable("127.0.0.1:0").ok());
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
    CHECK_THAT(std::string(CheckListenable(address).message()),
               Catch::Contains("another process serves it"));
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
