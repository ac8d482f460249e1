#include "daemon/serve/http_front.h"

#include <arpa/inet.h>
#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/status_macros.h"
#include "daemon/rt/named_thread.h"
#include "daemon/serve/listen_check.h"

namespace layerd {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr size_t kThreads = 4;
constexpr int kBacklog = 16;
constexpr milliseconds kNoDescriptorPause(100);
constexpr int kNotFound = 404;
// httplib keeps a line as long as it goes on, and any number of them.
constexpr size_t kRequestBytesMax = 64 << 10;

// One connection, which is over at its deadline: httplib's own asks only for a
// byte now and then.
class Connection final : public httplib::Stream {
 public:
  Connection(int socket_fd, milliseconds patience)
      : socket_fd_(socket_fd), end_(steady_clock::now() + patience) {}

  bool is_readable() const override { return Await(POLLIN); }
  bool is_writable() const override { return Await(POLLOUT); }
  ssize_t read(char* bytes, size_t size) override {
    size = std::min(size, left_bytes_);
    if (size == 0 || !is_readable()) return -1;
    const ssize_t came = recv(socket_fd_, bytes, size, 0);
    if (came > 0) left_bytes_ -= static_cast<size_t>(came);
    return came;
  }
  ssize_t write(const char* bytes, size_t size) override {
    return is_writable()
               ? send(socket_fd_, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT)
               : -1;
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    get_remote_ip_and_port(ip, port);
  }
  socket_t socket() const override { return socket_fd_; }

 private:
  bool Await(short event) const {
    const auto left = std::chrono::ceil<milliseconds>(
        std::max(end_ - steady_clock::now(), steady_clock::duration(0)));
    pollfd wanted{socket_fd_, event, 0};
    return poll(&wanted, 1, static_cast<int>(left.count())) > 0;
  }

  const int socket_fd_;
  const steady_clock::time_point end_;
  size_t left_bytes_ = kRequestBytesMax;
};

// Who comes with REST is told where to go.
std::string NoSuchPage(const std::vector<HttpFront::Page>& pages) {
  std::string text = "There is no such page. There are:";
  for (const HttpFront::Page& page : pages) {
    absl::StrAppend(&text, " ", page.path);
  }
  return absl::StrCat(text, "\nInferences are asked for over gRPC.\n");
}

// httplib's reading of requests and writing of answers, without its sockets.
class Pages : public httplib::Server {
 public:
  Pages(const std::vector<HttpFront::Page>& pages, milliseconds patience)
      : patience_(patience) {
    // Before a body is read, which may be packed.
    set_pre_routing_handler(
        [](const httplib::Request& request, httplib::Response& reply) {
          if (request.method == "GET" || request.method == "HEAD") {
            return HandlerResponse::Unhandled;
          }
          reply.status = kNotFound;
          return HandlerResponse::Handled;
        });
    set_default_headers({
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy",
         "default-src 'none'; connect-src 'self'; img-src data:; "
         "style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
         "frame-ancestors 'none'"},
    });
    set_error_handler([words = NoSuchPage(pages)](const httplib::Request&,
                                                  httplib::Response& reply) {
      if (reply.status == kNotFound) reply.set_content(words, "text/plain");
    });
    for (const HttpFront::Page& page : pages) {
      Get(page.path, [page](const httplib::Request&, httplib::Response& reply) {
        reply.set_content(page.content(), page.content_type);
      });
    }
  }

  void Answer(int socket_fd) {
    Connection connection(socket_fd, patience_);
    AnswerOn(connection);
  }

 private:
  // A page is made anew for each who asks. Pieces of it are as many as a client
  // names, and may all be the whole.
  static void WantWhole(httplib::Request& request) {
    request.headers.erase("Range");
    request.ranges.clear();
  }

  // Since its version 0.18 httplib asks who is there, which no page wants to
  // know.
  template <typename Stream>
  void AnswerOn(Stream& stream) {
    bool closed = false;
    if constexpr (requires {
                    this->process_request(stream, true, closed, nullptr);
                  }) {
      process_request(stream, /*close_connection=*/true, closed, WantWhole);
    } else {
      process_request(stream, "", 0, "", 0, /*close_connection=*/true, closed,
                      WantWhole);
    }
  }

  const milliseconds patience_;
};

// Of accept4(): nothing is wrong with us.
bool IsPassing(int error) {
  return error == EAGAIN || error == ECONNABORTED || error == EINTR;
}

absl::StatusOr<int> PortOf(int socket_fd) {
  sockaddr_storage name{};
  socklen_t size = sizeof(name);
  if (getsockname(socket_fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) {
    return absl::ErrnoToStatus(errno, "getsockname");
  }
  return ntohs(name.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(name).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(name).sin_port);
}

}  // namespace

struct HttpFront::Impl {
  Impl(std::vector<UniqueFd> listening, const std::vector<Page>& wanted,
       milliseconds patience)
      : listening_fds(std::move(listening)), pages(wanted, patience) {
    open_fds.fill(-1);
    for (size_t i = 0; i < kThreads; ++i) {
      threads[i].Start("layerd-http", [this, i] { Run(&open_fds[i]); });
    }
  }

  ~Impl() {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      over = true;
      for (const int open_fd : open_fds) {
        if (open_fd >= 0) shutdown(open_fd, SHUT_RDWR);
      }
    }
    // Wakes who waits for clients.
    for (const UniqueFd& fd : listening_fds) shutdown(fd.get(), SHUT_RDWR);
    for (NamedThread& thread : threads) thread.Join();
  }

  void Run(int* open_fd) {
    while (true) {
      const UniqueFd client = Accept();
      const int error = errno;
      if (!Open(client.get(), open_fd)) return;
      if (client) {
        pages.Answer(client.get());
      } else if (!IsPassing(error)) {
        std::this_thread::sleep_for(kNoDescriptorPause);
      }
      Open(-1, open_fd);
    }
  }

  // Of any address; none, with errno, if the client is gone or another thread
  // has it.
  UniqueFd Accept() const {
    std::vector<pollfd> polled;
    for (const UniqueFd& fd : listening_fds) {
      polled.push_back({fd.get(), POLLIN, 0});
    }
    if (poll(polled.data(), polled.size(), -1) < 0) return UniqueFd();
    for (const pollfd& one : polled) {
      if (one.revents == 0) continue;
      return UniqueFd(accept4(one.fd, nullptr, nullptr, SOCK_CLOEXEC));
    }
    return UniqueFd();
  }

  // False if all is over.
  bool Open(int fd, int* open_fd) {
    const std::lock_guard<std::mutex> lock(mutex);
    *open_fd = fd;
    return !over;
  }

  const std::vector<UniqueFd> listening_fds;
  Pages pages;
  std::mutex mutex;
  bool over = false;                     // Guarded.
  std::array<int, kThreads> open_fds{};  // Guarded; -1: none.
  std::array<NamedThread, kThreads> threads;
};

HttpFront::HttpFront(std::unique_ptr<Impl> impl, std::string address)
    : impl_(std::move(impl)), address_(std::move(address)) {}

HttpFront::~HttpFront() = default;

absl::StatusOr<std::unique_ptr<HttpFront>> HttpFront::Start(
    const std::string& address, const std::vector<Page>& pages,
    milliseconds patience) {
  ASSIGN_OR_RETURN(std::vector<UniqueFd> listening_fds, BindTcp(address));
  for (const UniqueFd& fd : listening_fds) {
    if (listen(fd.get(), kBacklog) != 0) return CannotListen(address, errno);
  }
  ASSIGN_OR_RETURN(const int port, PortOf(listening_fds.front().get()));
  return std::unique_ptr<HttpFront>(new HttpFront(
      std::make_unique<Impl>(std::move(listening_fds), pages, patience),
      absl::StrCat(address.substr(0, address.find_last_of(':')), ":", port)));
}

}  // namespace layerd
