#include "daemon/serve/reply_thread.h"

#include <deque>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "test/catch/catch.h"

namespace layerd {
namespace {

// Ends itself, as a call does.
class Noted final : public ReplyThread::Reply {
 public:
  Noted(std::vector<int>* sent, int number) : sent_(sent), number_(number) {}
  void Send() override {
    sent_->push_back(number_);
    delete this;
  }

 private:
  std::vector<int>* const sent_;
  const int number_;
};

class Occupying final : public ReplyThread::Reply {
 public:
  void Send() override {
    thread_ = std::this_thread::get_id();
    begun_.set_value();
    end_.get_future().wait();
  }
  std::thread::id AwaitThread() {
    begun_.get_future().wait();
    return thread_;
  }
  void End() { end_.set_value(); }

 private:
  std::thread::id thread_;
  std::promise<void> begun_, end_;
};

TEST_CASE("Who adds a reply does not send it, nor waits for it") {
  Occupying reply;
  ReplyThread replies;
  replies.Add(&reply);
  CHECK(reply.AwaitThread() != std::this_thread::get_id());
  reply.End();
}

TEST_CASE("All replies are sent, in order, before the thread ends") {
  std::vector<int> sent, wanted;
  {
    Occupying first;
    ReplyThread replies;
    replies.Add(&first);
    first.AwaitThread();
    for (int number = 0; number < 100; ++number) {
      replies.Add(new Noted(&sent, number));
      wanted.push_back(number);
    }
    first.End();
  }
  CHECK(sent == wanted);
}

TEST_CASE("None is lost of replies that several threads add") {
  constexpr int kThreads = 4, kEach = 2000;
  std::vector<int> sent;
  {
    ReplyThread replies;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < kEach; ++i) {
          replies.Add(new Noted(&sent, thread * kEach + i));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  REQUIRE(sent.size() == kThreads * kEach);
  std::vector<int> last(kThreads, -1);
  for (const int number : sent) {
    CHECK(last[number / kEach] < number);
    last[number / kEach] = number;
  }
}

}  // namespace
}  // namespace layerd
