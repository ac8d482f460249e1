#ifndef LAYERD_DAEMON_ENGINE_LOCAL_REPOSITORY_H_
#define LAYERD_DAEMON_ENGINE_LOCAL_REPOSITORY_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/engine/child_process.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/repository.h"
#include "daemon/engine/repository_entry.h"
#include "daemon/model/repository_scan.h"
#include "loader/io/unique_fd.h"

namespace layerd {

// The repository of a folder. repository.cc does its work, tell_repository.cc
// tells what came of it.
//
// Threading: as Repository; what is private and not const runs on its thread.
class LocalRepository final : public Repository {
 public:
  LocalRepository(RepositoryOptions options, Engine* engine,
                  std::vector<FoundModel> found, UniqueFd stop);
  ~LocalRepository() override { Stop(); }

  void Load(const std::string& name,
            std::function<void(const absl::Status&)> done) override;
  void Unload(const std::string& name,
              std::function<void(const absl::Status&)> done) override;
  void MeasureAgain(const std::string& name,
                    std::function<void(const absl::Status&)> done) override;
  void Stop() override;
  std::vector<ModelStatus> Index() const override;
  bool ready() const override;
  bool WaitUntilReady() const override;
  absl::StatusOr<std::shared_ptr<Model>> Find(
      const std::string& name, const std::string& version) const override;
  std::optional<std::string> VersionFor(
      const std::string& name, const std::string& version) const override;

 private:
  struct Packing {
    size_t entry;
    std::unique_ptr<ChildProcess> child;
  };

  // What a client asked for.
  struct Command {
    std::function<absl::Status()> obey;
    std::function<void(const absl::Status&)> done;
  };

  void Work();
  void LoadAll();
  void Ask(Command command);
  std::optional<Command> NextCommand();
  bool IsWanted() const;
  absl::Status LoadNow(const std::string& name);
  absl::Status UnloadNow(const std::string& name);
  absl::StatusOr<std::set<std::string>> LookAgain(const std::string& name);
  absl::Status ForgetAllBut(const std::string& name,
                            const std::set<std::string>& versions);
  void TakeFound(const FoundModel& found);
  absl::Status FailureOf(const RepositoryEntry& entry) const;
  void DropIfDamaged(const RepositoryEntry& entry) const;
  void LoadThosePacked();
  bool PackTheRest();
  void TrimCacheNow() const;
  bool StartNext(std::deque<size_t>* waiting, std::vector<Packing>* packing);
  absl::StatusOr<std::unique_ptr<ChildProcess>> StartPacker(size_t entry) const;
  bool WaitForOne(std::vector<Packing>* packing);
  void FinishPacking(size_t entry, const absl::Status& status);
  void LoadEntries(const std::vector<size_t>& entries);
  void Set(size_t entry, ModelState state, const std::string& reason);
  void TellUnread(const FoundModel& found);
  void TellWarnings();
  ModelStatus StatusOf(const RepositoryEntry& entry) const;
  const RepositoryEntry* EntryFor(const std::string& name,
                                  const std::string& version) const;

  const RepositoryOptions options_;
  Engine* const engine_;
  const UniqueFd stop_;  // Readable when we are to end.

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  // Names never change; states under mutex_.
  std::vector<RepositoryEntry> entries_;
  bool ready_ = false, stopped_ = false;
  bool stopping_ = false;
  std::deque<Command> commands_;
  std::set<std::string> told_;  // Warnings without their numbers, unread files.

  std::thread thread_;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_ENGINE_LOCAL_REPOSITORY_H_
