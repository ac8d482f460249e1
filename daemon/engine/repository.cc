#include "daemon/engine/repository.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/engine/child_process.h"
#include "daemon/engine/packed_cache.h"
#include "daemon/engine/repository_entry.h"
#include "daemon/model/repository_scan.h"
#include "daemon/rt/log.h"

namespace layerd {
namespace {

struct Packing {
  size_t entry;
  std::unique_ptr<ChildProcess> child;
};

// Of a warning that comes again with each change of memory.
std::string WordsOf(std::string line) {
  std::erase_if(line, absl::ascii_isdigit);
  return line;
}

class RepositoryImpl final : public Repository {
 public:
  RepositoryImpl(RepositoryOptions options, Engine* engine,
                 std::vector<FoundModel> found, UniqueFd stop)
      : options_(std::move(options)), engine_(engine), stop_(std::move(stop)) {
    for (FoundModel& model : found) {
      entries_.emplace_back().found = std::move(model);
    }
    // Of the start they are told by whoever started it.
    for (const auto& line : engine_->warnings()) told_.insert(WordsOf(line));
    thread_ = std::thread([this] { Work(); });
    pthread_setname_np(thread_.native_handle(), "repository");
  }

  ~RepositoryImpl() override { Stop(); }

  void Stop() override {
    eventfd_write(stop_.get(), 1);
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    engine_->InterruptMeasuring();
    if (thread_.joinable()) thread_.join();
  }

  void Load(const std::string& name,
            std::function<void(const absl::Status&)> done) override;
  void Unload(const std::string& name,
              std::function<void(const absl::Status&)> done) override;
  std::vector<ModelStatus> Index() const override;
  bool ready() const override;
  bool WaitUntilReady() const override;
  absl::StatusOr<std::shared_ptr<Model>> Find(
      const std::string& name, const std::string& version) const override;

 private:
  // What a client asked for.
  struct Command {
    std::string name;
    bool load = false;  // Else unload.
    std::function<void(const absl::Status&)> done;
  };

  void Work();
  void LoadAll();
  void Ask(Command command);
  std::optional<Command> NextCommand();
  bool IsWanted() const;
  absl::Status LoadNow(const std::string& name);
  absl::Status UnloadNow(const std::string& name);
  absl::Status LookAgain(const std::string& name);
  void TakeFound(const FoundModel& found);
  bool FailedWhileServing(const RepositoryEntry& entry) const;
  void LoadThosePacked();
  bool PackTheRest();
  void TrimCacheNow() const;
  bool StartNext(std::deque<size_t>* waiting, std::vector<Packing>* packing);
  bool WaitForOne(std::vector<Packing>* packing);
  void FinishPacking(size_t entry, const absl::Status& status);
  void LoadEntries(const std::vector<size_t>& entries);
  void Set(size_t entry, ModelState state, const std::string& reason);
  void TellWarnings();
  ModelStatus StatusOf(const RepositoryEntry& entry) const;

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
  std::set<std::string> told_;  // Warnings, without their numbers.

  std::thread thread_;
};

void RepositoryImpl::Work() {
  LoadAll();
  while (std::optional<Command> command = NextCommand()) {
    command->done(command->load ? LoadNow(command->name)
                                : UnloadNow(command->name));
  }
  const std::lock_guard lock(mutex_);
  for (const Command& command : commands_) {
    command.done(absl::UnavailableError("the server is shutting down"));
  }
  commands_.clear();
}

void RepositoryImpl::Load(const std::string& name,
                          std::function<void(const absl::Status&)> done) {
  Ask({.name = name, .load = true, .done = std::move(done)});
}

void RepositoryImpl::Unload(const std::string& name,
                            std::function<void(const absl::Status&)> done) {
  Ask({.name = name, .load = false, .done = std::move(done)});
}

void RepositoryImpl::Ask(Command command) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      commands_.push_back(std::move(command));
      changed_.notify_all();
      engine_->InterruptMeasuring();
      return;
    }
  }
  command.done(absl::UnavailableError("the server is shutting down"));
}

// Measures while nobody asks for anything; nothing when we are to end.
std::optional<RepositoryImpl::Command> RepositoryImpl::NextCommand() {
  engine_->MeasureCosts([this] { return !IsWanted(); });
  TellWarnings();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || !commands_.empty(); });
  if (stopping_) return std::nullopt;
  Command command = std::move(commands_.front());
  commands_.pop_front();
  return command;
}

bool RepositoryImpl::IsWanted() const {
  const std::lock_guard lock(mutex_);
  return stopping_ || !commands_.empty();
}

absl::Status RepositoryImpl::LoadNow(const std::string& name) {
  RETURN_IF_ERROR(LookAgain(name));
  LoadThosePacked();
  if (!PackTheRest()) {
    return absl::UnavailableError("the server is shutting down");
  }
  for (const ModelStatus& status : Index()) {
    if (status.name != name || status.state == ModelState::kReady) continue;
    return absl::UnavailableError(
        absl::StrFormat("model '%s' version %s is %s: %s", name, status.version,
                        NameOf(status.state), status.reason));
  }
  return absl::OkStatus();
}

absl::Status RepositoryImpl::UnloadNow(const std::string& name) {
  bool known = false;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].found.name != name) continue;
    known = true;
    const std::string& version = entries_[i].found.version;
    if (engine_->Find(name, version) != nullptr) {
      RETURN_IF_ERROR(engine_->UnloadModel(name, version));
    }
    Set(i, ModelState::kUnavailable, "unloaded");
  }
  return known ? absl::OkStatus() : NoSuchModel(name);
}

// Marks as loading what is new, changed, failed or unloaded of that model.
absl::Status RepositoryImpl::LookAgain(const std::string& name) {
  ASSIGN_OR_RETURN(const std::vector<FoundModel> all,
                   ScanRepository(options_.path));
  bool found = false;
  for (const FoundModel& model : all) {
    if (model.name != name) continue;
    found = true;
    TakeFound(model);
  }
  return found ? absl::OkStatus() : NoSuchModel(name);
}

void RepositoryImpl::TakeFound(const FoundModel& found) {
  const std::lock_guard lock(mutex_);
  const auto after = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const RepositoryEntry& entry) {
                                    return !ComesBefore(entry.found, found);
                                  });
  if (after == entries_.end() || after->found.name != found.name ||
      after->found.version != found.version) {
    entries_.insert(after, RepositoryEntry{.found = found});
    return;
  }
  const bool same = IsSame(after->found, found);
  if (same && StatusOf(*after).state == ModelState::kReady) return;
  const bool damaged = same && FailedWhileServing(*after);
  *after = RepositoryEntry{.found = found, .damaged = damaged};
}

bool RepositoryImpl::FailedWhileServing(const RepositoryEntry& entry) const {
  if (entry.state != ModelState::kReady) return false;
  const std::shared_ptr<Model> model =
      engine_->Find(entry.found.name, entry.found.version);
  return model != nullptr && !model->failure().ok();
}

void RepositoryImpl::LoadAll() {
  LoadThosePacked();
  const bool all = PackTheRest();
  const std::lock_guard lock(mutex_);
  (all ? ready_ : stopped_) = true;
  changed_.notify_all();
}

// All at once, so that their memory is planned once.
void RepositoryImpl::LoadThosePacked() {
  std::vector<size_t> packed;
  for (size_t i = 0; i < entries_.size(); ++i) {
    RepositoryEntry& entry = entries_[i];
    if (entry.state != ModelState::kLoading) continue;
    if (!entry.found.problem.ok()) {
      Set(i, ModelState::kUnavailable,
          std::string(entry.found.problem.message()));
      continue;
    }
    const bool packs_again = entry.damaged && !entry.found.onnx_path.empty();
    if (!entry.found.layers_path.empty() && !packs_again) {
      packed.push_back(i);
      continue;
    }
    entry.packed_path = CachePathOf(options_, entry);
    if (packs_again) continue;
    if (access(entry.packed_path.c_str(), R_OK) == 0) packed.push_back(i);
  }
  LoadEntries(packed);
  // What lies beside these is for other kernels, or damaged; they may have been
  // packed for it before.
  std::vector<size_t> cached;
  for (const size_t i : packed) {
    const RepositoryEntry& entry = entries_[i];
    const bool was_beside = !entry.found.layers_path.empty() && !entry.damaged;
    if (entry.state == ModelState::kLoading && was_beside &&
        access(entry.packed_path.c_str(), R_OK) == 0) {
      cached.push_back(i);
    }
  }
  LoadEntries(cached);
}

// False if we were told to end.
bool RepositoryImpl::PackTheRest() {
  std::deque<size_t> waiting;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].state == ModelState::kLoading) waiting.push_back(i);
  }
  std::vector<Packing> packing;
  bool go_on = true;
  while (go_on && (!waiting.empty() || !packing.empty())) {
    if (!StartNext(&waiting, &packing)) go_on = WaitForOne(&packing);
  }
  if (go_on) TrimCacheNow();
  return go_on;
}

void RepositoryImpl::TrimCacheNow() const {
  std::set<std::string> in_use;
  for (const RepositoryEntry& entry : entries_) {
    if (entry.state == ModelState::kReady) in_use.insert(entry.packed_path);
  }
  const uint64_t bytes =
      TrimCache(options_.cache_path, options_.cache_bytes_max, in_use);
  if (bytes <= options_.cache_bytes_max) return;
  LogWarning(absl::StrFormat(
      "cache: the packed models that serve take %s, more than "
      "cache.max_bytes, %s",
      FormatByteSize(bytes), FormatByteSize(options_.cache_bytes_max)));
}

bool RepositoryImpl::StartNext(std::deque<size_t>* waiting,
                               std::vector<Packing>* packing) {
  if (waiting->empty() ||
      packing->size() >= static_cast<size_t>(options_.packers_max)) {
    return false;
  }
  const size_t i = waiting->front();
  waiting->pop_front();
  Set(i, ModelState::kLoading,
      entries_[i].found.onnx_path.empty() ? "repacking model.layers"
                                          : "packing model.onnx");
  std::error_code error;
  std::filesystem::create_directories(options_.cache_path, error);
  auto child = ChildProcess::Start(PackCommand(options_, entries_[i]));
  if (child.ok()) {
    packing->push_back({i, *std::move(child)});
  } else {
    FinishPacking(i, child.status());
  }
  return true;
}

// False when we are to end.
bool RepositoryImpl::WaitForOne(std::vector<Packing>* packing) {
  std::vector<pollfd> polled{{stop_.get(), POLLIN, 0}};
  for (const Packing& one : *packing) {
    polled.push_back({one.child->ended_fd(), POLLIN, 0});
  }
  while (poll(polled.data(), polled.size(), -1) < 0 && errno == EINTR) {
  }
  if (polled[0].revents != 0) return false;
  for (size_t i = packing->size(); i-- > 0;) {
    if (polled[i + 1].revents == 0) continue;
    const size_t entry = (*packing)[i].entry;
    const absl::Status status = (*packing)[i].child->Wait();
    packing->erase(packing->begin() + static_cast<ptrdiff_t>(i));
    FinishPacking(entry, status);
  }
  return true;
}

void RepositoryImpl::FinishPacking(size_t entry, const absl::Status& status) {
  if (!status.ok()) {
    Set(entry, ModelState::kUnavailable, std::string(status.message()));
    return;
  }
  entries_[entry].packed = true;
  LoadEntries({entry});
}

void RepositoryImpl::LoadEntries(const std::vector<size_t>& entries) {
  if (entries.empty()) return;
  std::vector<Engine::ModelSource> sources;
  for (const size_t i : entries) sources.push_back(SourceOf(entries_[i]));
  const std::vector<absl::Status> statuses = engine_->LoadModels(sources);
  TellWarnings();
  for (size_t k = 0; k < entries.size(); ++k) {
    const bool ok = statuses[k].ok();
    RepositoryEntry& entry = entries_[entries[k]];
    if (MayPackAgain(entry, statuses[k])) {
      entry.packed_path = CachePathOf(options_, entry);
      Set(entries[k], ModelState::kLoading,
          absl::StrCat("to be packed again: ", statuses[k].message()));
      continue;
    }
    if (ok && !entry.packed_path.empty()) MarkUsed(entry.packed_path);
    Set(entries[k], ok ? ModelState::kReady : ModelState::kUnavailable,
        std::string(statuses[k].message()));
  }
}

void RepositoryImpl::Set(size_t entry, ModelState state,
                         const std::string& reason) {
  const FoundModel& found = entries_[entry].found;
  const std::string line =
      absl::StrFormat("model %s version %s: %s%s%s", found.name, found.version,
                      NameOf(state), reason.empty() ? "" : ": ", reason);
  if (state == ModelState::kUnavailable) {
    LogWarning(line);
  } else {
    LogInfo(line);
  }
  const std::lock_guard lock(mutex_);
  entries_[entry].state = state;
  entries_[entry].reason = WithoutPaths(entries_[entry], reason);
  changed_.notify_all();
}

// What the kernel refused, and what could not be promised: once.
void RepositoryImpl::TellWarnings() {
  for (const std::string& line : engine_->warnings()) {
    if (told_.insert(WordsOf(line)).second) LogWarning(line);
  }
}

// REQUIRES: mutex_ is held.
ModelStatus RepositoryImpl::StatusOf(const RepositoryEntry& entry) const {
  ModelStatus status;
  status.name = entry.found.name;
  status.version = entry.found.version;
  status.state = entry.state;
  status.reason = entry.reason;
  status.level = static_cast<int>(entry.found.config.level);
  if (entry.state != ModelState::kReady) return status;
  const std::shared_ptr<Model> model =
      engine_->Find(status.name, status.version);
  if (model == nullptr) {
    status.state = ModelState::kUnavailable;
    status.reason = "it was unloaded";
    return status;
  }
  status.weight_bytes = model->weight_bytes();
  if (const absl::Status failure = model->failure(); !failure.ok()) {
    status.state = ModelState::kUnavailable;
    status.reason = WithoutPaths(entry, std::string(failure.message()));
  }
  return status;
}

std::vector<ModelStatus> RepositoryImpl::Index() const {
  const std::lock_guard lock(mutex_);
  std::vector<ModelStatus> index;
  for (const RepositoryEntry& entry : entries_)
    index.push_back(StatusOf(entry));
  return index;
}

bool RepositoryImpl::ready() const {
  const std::lock_guard lock(mutex_);
  return ready_;
}

bool RepositoryImpl::WaitUntilReady() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ready_ || stopped_; });
  return ready_;
}

absl::StatusOr<std::shared_ptr<Model>> RepositoryImpl::Find(
    const std::string& name, const std::string& version) const {
  const std::lock_guard lock(mutex_);
  bool name_known = false;
  const RepositoryEntry* found = nullptr;  // Of ascending versions the last.
  for (const RepositoryEntry& entry : entries_) {
    if (entry.found.name != name) continue;
    name_known = true;
    if (version.empty() || entry.found.version == version) found = &entry;
  }
  if (found == nullptr) {
    return absl::NotFoundError(
        !IsModelName(name) ? "there is no model of that name"
        : name_known ? absl::StrFormat("model '%s' has no such version", name)
                     : absl::StrFormat("there is no model '%s'", name));
  }
  const ModelStatus status = StatusOf(*found);
  if (status.state == ModelState::kReady) {
    if (auto model = engine_->Find(name, status.version)) return model;
    return absl::UnavailableError(absl::StrFormat(
        "model '%s' version %s was unloaded", name, status.version));
  }
  return absl::UnavailableError(absl::StrFormat(
      "model '%s' version %s is %s%s%s", name, status.version,
      NameOf(status.state), status.reason.empty() ? "" : ": ", status.reason));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Repository>> Repository::Start(
    const RepositoryOptions& options, Engine* engine) {
  ASSIGN_OR_RETURN(std::vector<FoundModel> found, ScanRepository(options.path));
  UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop) return absl::ErrnoToStatus(errno, "eventfd");
  return std::make_unique<RepositoryImpl>(options, engine, std::move(found),
                                          std::move(stop));
}

}  // namespace layerd
