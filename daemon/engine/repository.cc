#include "daemon/engine/repository.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/byte_size.h"
#include "config/status_macros.h"
#include "daemon/engine/local_repository.h"
#include "daemon/engine/packed_cache.h"
#include "daemon/rt/log.h"

namespace layerd {
namespace {

// Of a warning that comes again with each change of memory.
std::string WordsOf(std::string line) {
  std::erase_if(line, absl::ascii_isdigit);
  return line;
}

}  // namespace

LocalRepository::LocalRepository(RepositoryOptions options, Engine* engine,
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

void LocalRepository::Stop() {
  eventfd_write(stop_.get(), 1);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  engine_->InterruptMeasuring();
  if (thread_.joinable()) thread_.join();
}

void LocalRepository::Work() {
  LoadAll();
  while (std::optional<Command> command = NextCommand()) {
    command->done(command->obey());
  }
  for (const RepositoryEntry& entry : entries_) DropIfDamaged(entry);
  const std::lock_guard lock(mutex_);
  for (const Command& command : commands_) {
    command.done(absl::UnavailableError("the server is shutting down"));
  }
  commands_.clear();
}

void LocalRepository::Load(const std::string& name,
                           std::function<void(const absl::Status&)> done) {
  Ask({[this, name] { return LoadNow(name); }, std::move(done)});
}

void LocalRepository::Unload(const std::string& name,
                             std::function<void(const absl::Status&)> done) {
  Ask({[this, name] { return UnloadNow(name); }, std::move(done)});
}

void LocalRepository::MeasureAgain(
    const std::string& name, std::function<void(const absl::Status&)> done) {
  Ask({[this, name] { return engine_->MeasureAgain(name); }, std::move(done)});
}

void LocalRepository::Ask(Command command) {
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
std::optional<LocalRepository::Command> LocalRepository::NextCommand() {
  engine_->MeasureCosts([this] { return !IsWanted(); });
  TellWarnings();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || !commands_.empty(); });
  if (stopping_) return std::nullopt;
  Command command = std::move(commands_.front());
  commands_.pop_front();
  return command;
}

bool LocalRepository::IsWanted() const {
  const std::lock_guard lock(mutex_);
  return stopping_ || !commands_.empty();
}

absl::Status LocalRepository::LoadNow(const std::string& name) {
  ASSIGN_OR_RETURN(const std::set<std::string> versions, LookAgain(name));
  LoadThosePacked();
  if (!PackTheRest()) {
    return absl::UnavailableError("the server is shutting down");
  }
  const std::vector<ModelStatus> index = Index();  // In the order of entries_.
  for (size_t i = 0; i < index.size(); ++i) {
    const ModelStatus& status = index[i];
    const bool is_new =
        status.state == ModelState::kReady && status.reason.empty();
    if (status.name != name || is_new) continue;
    if (!versions.contains(status.version)) continue;
    return NotLoaded(
        entries_[i].refusal,
        absl::StrFormat("model '%s' version %s is %s: %s", name, status.version,
                        NameOf(status.state), status.reason));
  }
  return ForgetAllBut(name, versions);
}

absl::Status LocalRepository::UnloadNow(const std::string& name) {
  bool known = false;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].found.name != name) continue;
    known = true;
    const std::string& version = entries_[i].found.version;
    const bool failed = !FailureOf(entries_[i]).ok();
    DropIfDamaged(entries_[i]);
    if (engine_->Find(name, version) != nullptr) {
      RETURN_IF_ERROR(engine_->UnloadModel(name, version));
    }
    {
      const std::lock_guard lock(mutex_);
      entries_[i].replaces = false;
      entries_[i].damaged |= failed;
    }
    Set(i, ModelState::kUnavailable, "unloaded");
  }
  return known ? absl::OkStatus() : NoSuchModel(name);
}

// Marks as loading what is new, changed, failed or unloaded of that model, and
// tells which versions there are.
absl::StatusOr<std::set<std::string>> LocalRepository::LookAgain(
    const std::string& name) {
  ASSIGN_OR_RETURN(const std::vector<FoundModel> all,
                   ScanRepository(options_.path));
  std::set<std::string> versions;
  for (const FoundModel& model : all) {
    if (model.name != name) continue;
    versions.insert(model.version);
    TakeFound(model);
  }
  if (versions.empty()) return NoSuchModel(name);
  return versions;
}

// Whose folder is gone is no version any more: at first for requests, so that
// those that name none go to another.
absl::Status LocalRepository::ForgetAllBut(
    const std::string& name, const std::set<std::string>& versions) {
  std::set<std::string> gone;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [&](const RepositoryEntry& entry) {
      const FoundModel& found = entry.found;
      if (found.name != name || versions.contains(found.version)) return false;
      gone.insert(found.version);
      return true;
    });
  }
  for (const std::string& version : gone) {
    LogInfo(absl::StrFormat("model %s version %s: its folder is gone", name,
                            version));
    if (engine_->Find(name, version) == nullptr) continue;
    RETURN_IF_ERROR(engine_->UnloadModel(name, version));
  }
  return absl::OkStatus();
}

void LocalRepository::TakeFound(const FoundModel& found) {
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
  const bool serves = StatusOf(*after).state == ModelState::kReady;
  if (same && serves && after->state == ModelState::kReady) return;
  // Of the same files the same layer file is made, whatever model.yaml says of
  // its urgency.
  const bool damaged = after->found.content_key == found.content_key &&
                       (after->damaged || !FailureOf(*after).ok());
  *after =
      RepositoryEntry{.found = found, .damaged = damaged, .replaces = serves};
}

// While it served.
absl::Status LocalRepository::FailureOf(const RepositoryEntry& entry) const {
  if (entry.state != ModelState::kReady) return absl::OkStatus();
  const std::shared_ptr<Model> model =
      engine_->Find(entry.found.name, entry.found.version);
  return model == nullptr ? absl::OkStatus() : model->failure();
}

// From the cache. Whoever starts next would know of it only when a request has
// come upon it. What lies beside the ONNX file is not ours to remove.
void LocalRepository::DropIfDamaged(const RepositoryEntry& entry) const {
  const bool cached = !entry.packed_path.empty();
  if (!cached || !absl::IsDataLoss(FailureOf(entry))) return;
  if (unlink(entry.packed_path.c_str()) != 0) return;
  LogInfo(absl::StrCat("cache: ", entry.packed_path, " goes: it is damaged"));
}

void LocalRepository::LoadAll() {
  LoadThosePacked();
  const bool all = PackTheRest();
  const std::lock_guard lock(mutex_);
  (all ? ready_ : stopped_) = true;
  changed_.notify_all();
}

// All at once, so that their memory is planned once.
void LocalRepository::LoadThosePacked() {
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
bool LocalRepository::PackTheRest() {
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

void LocalRepository::TrimCacheNow() const {
  std::set<std::string> in_use;
  for (const std::shared_ptr<Model>& model : engine_->models()) {
    in_use.insert(model->file().path());
  }
  const uint64_t bytes =
      TrimCache(options_.cache_path, options_.cache_bytes_max, in_use);
  if (bytes <= options_.cache_bytes_max) return;
  LogWarning(absl::StrFormat(
      "cache: the packed models that serve take %s, more than "
      "cache.max_bytes, %s",
      FormatByteSize(bytes), FormatByteSize(options_.cache_bytes_max)));
}

bool LocalRepository::StartNext(std::deque<size_t>* waiting,
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
  auto child = StartPacker(i);
  if (child.ok()) {
    packing->push_back({i, *std::move(child)});
  } else {
    FinishPacking(i, child.status());
  }
  return true;
}

absl::StatusOr<std::unique_ptr<ChildProcess>> LocalRepository::StartPacker(
    size_t entry) const {
  std::error_code error;
  std::filesystem::create_directories(options_.cache_path, error);
  if (error) return absl::ErrnoToStatus(error.value(), "the cache folder");
  const std::vector<std::string> command =
      PackCommand(options_, entries_[entry]);
  LogDebug(absl::StrCat("starts ", absl::StrJoin(command, " ")));
  return ChildProcess::Start(command);
}

// False when we are to end.
bool LocalRepository::WaitForOne(std::vector<Packing>* packing) {
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

void LocalRepository::FinishPacking(size_t entry, const absl::Status& status) {
  if (!status.ok()) {
    entries_[entry].refusal = absl::OkStatus();  // It is not why any more.
    Set(entry, ModelState::kUnavailable,
        WithModelYaml(std::string(status.message())));
    return;
  }
  entries_[entry].packed = true;
  LoadEntries({entry});
}

void LocalRepository::LoadEntries(const std::vector<size_t>& entries) {
  if (entries.empty()) return;
  std::vector<Engine::ModelSource> sources;
  for (const size_t i : entries) sources.push_back(SourceOf(entries_[i]));
  const std::vector<absl::Status> statuses = engine_->LoadModels(sources);
  TellWarnings();
  for (size_t k = 0; k < entries.size(); ++k) {
    const bool ok = statuses[k].ok();
    RepositoryEntry& entry = entries_[entries[k]];
    entry.refusal = statuses[k];
    if (MayPackAgain(entry, statuses[k])) {
      entry.packed_path = CachePathOf(options_, entry);
      Set(entries[k], ModelState::kLoading,
          absl::StrCat("to be packed again: ", statuses[k].message()));
      continue;
    }
    if (ok && !entry.packed_path.empty()) MarkUsed(entry.packed_path);
    if (ok) TellUnread(entry.found);
    Set(entries[k], ok ? ModelState::kReady : ModelState::kUnavailable,
        std::string(statuses[k].message()));
  }
}

void LocalRepository::Set(size_t entry, ModelState state,
                          const std::string& reason) {
  const FoundModel& found = entries_[entry].found;
  const bool replaces = entries_[entry].replaces && state != ModelState::kReady;
  const std::string line = absl::StrFormat(
      "model %s version %s: %s", found.name, found.version,
      replaces ? BeforeAnswers(state, reason) : Told(state, reason));
  if (state == ModelState::kUnavailable) {
    LogWarning(line);
  } else {
    LogInfo(line);
  }
  const std::lock_guard lock(mutex_);
  entries_[entry].state = state;
  entries_[entry].replaces = replaces;
  if (state == ModelState::kReady) entries_[entry].damaged = false;
  entries_[entry].reason = WithoutPaths(entries_[entry], reason);
  changed_.notify_all();
}

void LocalRepository::TellUnread(const FoundModel& found) {
  if (!found.has_triton_config) return;
  const std::string line = absl::StrCat(
      "model ", found.name,
      ": config.pbtxt is Triton's and is not read; a model.yaml beside it says "
      "how urgent the model is and what its shapes are");
  if (told_.insert(line).second) LogInfo(line);
}

// What the kernel refused, and what could not be promised: once.
void LocalRepository::TellWarnings() {
  for (const std::string& line : engine_->warnings()) {
    if (told_.insert(WordsOf(line)).second) LogWarning(line);
  }
}

absl::StatusOr<std::unique_ptr<Repository>> Repository::Start(
    const RepositoryOptions& options, Engine* engine) {
  ASSIGN_OR_RETURN(std::vector<FoundModel> found, ScanRepository(options.path));
  UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop) return absl::ErrnoToStatus(errno, "eventfd");
  return std::make_unique<LocalRepository>(options, engine, std::move(found),
                                           std::move(stop));
}

}  // namespace layerd
