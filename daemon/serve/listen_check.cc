#include "daemon/serve/listen_check.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"

namespace layerd {
namespace {

constexpr char kUnixPrefix[] = "unix:";
constexpr uint32_t kPortMax = 65535;

absl::Status CannotListen(const std::string& address, const char* why) {
  return absl::UnavailableError(
      absl::StrFormat("cannot listen on %s: %s", address, why));
}

absl::Status CheckUnix(const std::string& address) {
  const std::string path = address.substr(sizeof(kUnixPrefix) - 1);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(name.sun_path)) {
    return CannotListen(address, "the path must have 1 to 107 bytes");
  }
  std::memcpy(name.sun_path, path.c_str(), path.size());
  struct stat there;
  if (stat(path.c_str(), &there) == 0 && !S_ISSOCK(there.st_mode)) {
    return CannotListen(address, "a file that is no socket is there");
  }
  const UniqueFd socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(socket_fd.get(), reinterpret_cast<const sockaddr*>(&name),
              sizeof(name)) == 0) {
    return CannotListen(address, "another process serves it");
  }
  const std::string folder = path.substr(0, path.find_last_of('/') + 1);
  if (access(folder.empty() ? "." : folder.c_str(), W_OK) != 0) {
    return CannotListen(address, std::strerror(errno));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UniqueFd> BindTcp(const std::string& address) {
  const size_t colon = address.find_last_of(':');
  uint32_t port = 0;
  if (colon == std::string::npos ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port > kPortMax) {
    return CannotListen(address, "expected HOST:PORT or unix:PATH");
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.empty() ? nullptr : host.c_str(),
                                address.c_str() + colon + 1, &hints, &found);
  if (error != 0) return CannotListen(address, gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found,
                                                                 &freeaddrinfo);
  UniqueFd socket_fd(socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(socket_fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(socket_fd.get(), found->ai_addr, found->ai_addrlen) != 0) {
    return CannotListen(address, std::strerror(errno));
  }
  return socket_fd;
}

absl::Status CheckListenable(const std::string& address) {
  return address.starts_with(kUnixPrefix) ? CheckUnix(address)
                                          : BindTcp(address).status();
}

}  // namespace layerd
