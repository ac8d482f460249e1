#include "daemon/serve/listen_check.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/status_macros.h"

namespace layerd {
namespace {

constexpr char kUnixPrefix[] = "unix:";
constexpr uint32_t kPortMax = 65535;

absl::Status Refusal(const std::string& address, const std::string& why) {
  return absl::UnavailableError(
      absl::StrFormat("cannot listen on %s: %s", address, why));
}

const char* WhatToDo(int error) {
  switch (error) {
    case EADDRINUSE:
      return "; end the process that has it (`ss -ltnp` names it), or name "
             "another port";
    case EADDRNOTAVAIL:
      return "; name one of this machine's addresses (`ip address` lists them)";
    case EACCES:
      return "; name a port of 1024 or more, or give layerd "
             "CAP_NET_BIND_SERVICE";
    case EAFNOSUPPORT:
      return "; this kernel has no such kind of address: name one of IPv4";
    default:
      return "";
  }
}

absl::Status CheckUnix(const std::string& address) {
  const std::string path = address.substr(sizeof(kUnixPrefix) - 1);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(name.sun_path)) {
    return Refusal(address, "the path must have 1 to 107 bytes");
  }
  std::memcpy(name.sun_path, path.c_str(), path.size());
  struct stat there;
  if (stat(path.c_str(), &there) == 0 && !S_ISSOCK(there.st_mode)) {
    return Refusal(address, "a file that is no socket is there");
  }
  // One that serves and is busy would make us wait for it.
  const UniqueFd socket_fd(
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connect(socket_fd.get(), reinterpret_cast<const sockaddr*>(&name),
              sizeof(name)) == 0 ||
      errno == EAGAIN) {
    return Refusal(address, "another process serves it");
  }
  const std::string folder = path.substr(0, path.find_last_of('/') + 1);
  if (access(folder.empty() ? "." : folder.c_str(), W_OK) != 0) {
    return Refusal(address, absl::StrCat(folder, ": ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

// HOST:PORT in its two halves.
struct HostAndPort {
  std::string host;  // Without brackets; empty: all of this machine.
  std::string port;
};

absl::StatusOr<HostAndPort> Split(const std::string& address) {
  const size_t colon = address.find_last_of(':');
  uint32_t port = 0;
  if (colon == std::string::npos ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port > kPortMax) {
    return Refusal(address, "expected HOST:PORT or unix:PATH");
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return HostAndPort{host, absl::StrCat(port)};
}

absl::StatusOr<Addresses> Resolve(const std::string& address) {
  ASSIGN_OR_RETURN(const HostAndPort asked, Split(address));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(asked.host.empty() ? nullptr : asked.host.c_str(),
                  asked.port.c_str(), &hints, &found);
  if (error == EAI_SYSTEM) return CannotListen(address, errno);
  if (error != 0) {
    return Refusal(address,
                   absl::StrCat(asked.host, ": ", gai_strerror(error)));
  }
  return Addresses(found, &freeaddrinfo);
}

// A hosts file may say the same twice.
bool CameBefore(const addrinfo* first, const addrinfo* one) {
  for (; first != one; first = first->ai_next) {
    if (first->ai_addrlen == one->ai_addrlen &&
        std::memcmp(first->ai_addr, one->ai_addr, one->ai_addrlen) == 0) {
      return true;
    }
  }
  return false;
}

in_port_t& PortOf(sockaddr* name) {
  return name->sa_family == AF_INET6
             ? reinterpret_cast<sockaddr_in6*>(name)->sin6_port
             : reinterpret_cast<sockaddr_in*>(name)->sin_port;
}

// Errno if that fails. `alone`: an address of IPv6 may stand for those of IPv4.
int Bind(const addrinfo& to, bool alone, UniqueFd* bound) {
  *bound = UniqueFd(
      socket(to.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!*bound) return errno;
  const int on = 1;
  setsockopt(bound->get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (to.ai_family == AF_INET6 && !alone) {
    setsockopt(bound->get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  }
  if (bind(bound->get(), to.ai_addr, to.ai_addrlen) != 0) return errno;
  // Who asked for any port gets the same one everywhere.
  sockaddr_storage name{};
  socklen_t size = sizeof(name);
  auto* const told = reinterpret_cast<sockaddr*>(&name);
  if (getsockname(bound->get(), told, &size) != 0) return errno;
  for (const addrinfo* one = &to; one != nullptr; one = one->ai_next) {
    PortOf(one->ai_addr) = PortOf(told);
  }
  return 0;
}

// This machine has none of that kind.
bool IsNotHere(int error) {
  return error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
}

}  // namespace

absl::Status CannotListen(const std::string& address, int error) {
  return Refusal(address, absl::StrCat(std::strerror(error), WhatToDo(error)));
}

absl::StatusOr<std::vector<UniqueFd>> BindTcp(const std::string& address) {
  ASSIGN_OR_RETURN(const Addresses found, Resolve(address));
  std::vector<UniqueFd> sockets;
  int missing = EADDRNOTAVAIL;
  for (const addrinfo* to = found.get(); to != nullptr; to = to->ai_next) {
    if (CameBefore(found.get(), to)) continue;
    UniqueFd bound;
    const int error = Bind(*to, found->ai_next == nullptr, &bound);
    if (error == 0) {
      sockets.push_back(std::move(bound));
    } else if (IsNotHere(error)) {
      missing = error;
    } else {
      return CannotListen(address, error);
    }
  }
  if (sockets.empty()) return CannotListen(address, missing);
  return sockets;
}

absl::Status CheckListenable(const std::string& address) {
  return address.starts_with(kUnixPrefix) ? CheckUnix(address)
                                          : BindTcp(address).status();
}

}  // namespace layerd
