#include "daemon/serve/http_front.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "loader/io/unique_fd.h"
#include "test/catch/catch.h"

namespace layerd {
namespace {

using Catch::Contains;
using Catch::StartsWith;

std::unique_ptr<HttpFront> Front(
    std::function<std::string()> content,
    std::chrono::milliseconds patience = HttpFront::kPatience,
    const std::string& address = "127.0.0.1:0") {
  auto front = HttpFront::Start(
      address, {{"/metrics", "text/plain", std::move(content)}}, patience);
  REQUIRE(front.ok());
  return std::move(*front);
}

in_port_t PortOf(const HttpFront& front) {
  const std::string& address = front.address();
  return htons(static_cast<uint16_t>(
      std::stoi(address.substr(address.find_last_of(':') + 1))));
}

UniqueFd Connect(const HttpFront& front) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = PortOf(front);
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(connect(fd.get(), reinterpret_cast<const sockaddr*>(&name),
                  sizeof(name)) == 0);
  return fd;
}

void Send(const UniqueFd& fd, const std::string& text) {
  REQUIRE(send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(text.size()));
}

std::string ReadToEnd(const UniqueFd& fd) {
  std::string text;
  char bytes[4096];
  for (ssize_t count = 0; (count = recv(fd.get(), bytes, 4096, 0)) > 0;) {
    text.append(bytes, static_cast<size_t>(count));
  }
  return text;
}

std::string Ask(const HttpFront& front, const std::string& request) {
  const UniqueFd fd = Connect(front);
  Send(fd, request);
  return ReadToEnd(fd);
}

TEST_CASE("A page is there at all addresses of a host") {
  const auto front = Front([] { return "x\n"; }, HttpFront::kPatience, ":0");
  const std::string get = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
  CHECK_THAT(Ask(*front, get), Contains("\r\n\r\nx\n"));

  const UniqueFd fd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_addr = in6addr_loopback;
  name.sin6_port = PortOf(*front);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&name),
              sizeof(name)) != 0) {
    REQUIRE(errno != ECONNREFUSED);
    WARN("SKIPPED: no IPv6 here");
    return;
  }
  Send(fd, get);
  CHECK_THAT(ReadToEnd(fd), Contains("\r\n\r\nx\n"));
}

TEST_CASE("A page is made anew for each who asks") {
  std::atomic<int> asked{0};
  const auto front =
      Front([&asked] { return absl::StrCat("asked ", ++asked, "\n"); });

  const std::string get = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string first = Ask(*front, get);
  CHECK_THAT(first, StartsWith("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(first, Contains("Content-Type: text/plain\r\n"));
  CHECK_THAT(first, Contains("\r\n\r\nasked 1\n"));
  CHECK_THAT(Ask(*front, get), Contains("\r\n\r\nasked 2\n"));
}

TEST_CASE("A large page comes whole") {
  const std::string large(8 << 20, 'x');
  const auto front = Front([&large] { return large; });

  const std::string reply =
      Ask(*front, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(reply.size() > large.size());
  CHECK(reply.compare(reply.size() - large.size(), large.size(), large) == 0);
}

TEST_CASE("What is no page, or no request, is refused") {
  struct Row {
    std::string request;
    const char* status;
  };
  const auto row = GENERATE(values<Row>({
      {"GET /other HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
      {"GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
      {"DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
      // Bodies that do not come: nobody waits for them.
      {"POST /metrics HTTP/1.1\r\nContent-Length: 999999\r\n\r\n", "404"},
      {"PUT /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "404"},
      {"nonsense\r\n\r\n", "400"},
      {"GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n\r\n", "414"},
  }));
  const auto front = Front([] { return "here"; });

  INFO(row.request.substr(0, 60));
  CHECK_THAT(Ask(*front, row.request),
             StartsWith(absl::StrCat("HTTP/1.1 ", row.status)));
  CHECK_THAT(Ask(*front, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
             Contains("here"));
}

TEST_CASE("Who asks for a page that is not there is told which are") {
  const auto front = Front([] { return "here"; });
  CHECK_THAT(Ask(*front, "GET /v2/health/ready HTTP/1.1\r\nHost: x\r\n\r\n"),
             Contains("/metrics\n") && Contains("over gRPC"));
}

TEST_CASE("A page comes whole, whatever pieces of it are asked for") {
  // Some, and as many as a line takes.
  const size_t pieces = GENERATE(2, 2700);
  std::string ranges = "Range: bytes=0-1";
  for (size_t i = 0; i < pieces; ++i) ranges += ",0-";
  const auto front = Front([] { return "here"; });
  const std::string reply =
      Ask(*front, "GET /metrics HTTP/1.1\r\n" + ranges + "\r\n\r\n");
  CHECK_THAT(reply, StartsWith("HTTP/1.1 200") && Contains("\r\n\r\nhere"));
}

TEST_CASE("A request that does not end is refused at its length") {
  // Neither lines that go on nor lines without end.
  const std::string line = GENERATE(as<std::string>(), "x", "x: y\r\n");
  const auto front = Front([] { return "here"; }, std::chrono::hours(1));
  const UniqueFd fd = Connect(*front);
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  std::string text = "GET /metrics HTTP/1.1\r\nHost: x\r\nX: ";
  while (text.size() < 100'000) text += line;
  Send(fd, text);

  errno = 0;
  ReadToEnd(fd);
  CHECK(errno != EAGAIN);  // Not we have ended it.
}

// Five hold four threads; who asks has asked by the time that one is free.
TEST_CASE("Who connects and says nothing is let go, and others are answered") {
  const auto front =
      Front([] { return "here"; }, std::chrono::milliseconds(200));
  const UniqueFd silent[] = {Connect(*front), Connect(*front), Connect(*front),
                             Connect(*front), Connect(*front)};
  Send(silent[0], "GET /metr");

  CHECK_THAT(Ask(*front, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
             Contains("here"));
  for (const UniqueFd& fd : silent) ReadToEnd(fd);
}

TEST_CASE("The end waits for no client") {
  auto front = Front([] { return "here"; });
  const UniqueFd silent = Connect(*front);
  Send(silent, "GET");
  front.reset();
  CHECK(ReadToEnd(silent).empty());
}

TEST_CASE("An address that cannot be had is said") {
  const auto front = Front([] { return "here"; });
  const auto second = HttpFront::Start(front->address(), {});
  REQUIRE(absl::IsUnavailable(second.status()));
  CHECK_THAT(std::string(second.status().message()),
             Contains("cannot listen on " + front->address()));
  CHECK(!HttpFront::Start("unix:/tmp/x", {}).ok());
  CHECK(!HttpFront::Start("nowhere", {}).ok());
}

}  // namespace
}  // namespace layerd
