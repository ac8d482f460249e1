// The part of LocalRepository that tells what it has.
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "daemon/engine/local_repository.h"

namespace layerd {

// REQUIRES: mutex_ is held.
ModelStatus LocalRepository::StatusOf(const RepositoryEntry& entry) const {
  ModelStatus status;
  status.name = entry.found.name;
  status.version = entry.found.version;
  status.state = entry.state;
  status.reason = entry.reason;
  status.level = static_cast<int>(entry.found.config.level);
  if (entry.state != ModelState::kReady && !entry.replaces) return status;
  const std::shared_ptr<Model> model =
      engine_->Find(status.name, status.version);
  // Looked at once: it may come any moment, and what is said of it reads the
  // paths of an entry, which nobody but its thread may while it is loading.
  const absl::Status failure =
      model == nullptr ? absl::OkStatus() : model->failure();
  if (entry.state != ModelState::kReady) {
    if (model == nullptr || !failure.ok()) return status;
    status.state = ModelState::kReady;
    status.reason = BeforeAnswers(entry.state, entry.reason);
    status.level = model->level();
  }
  if (model == nullptr) {
    status.state = ModelState::kUnavailable;
    status.reason = "it was unloaded";
    return status;
  }
  status.weight_bytes = model->weight_bytes();
  if (!failure.ok()) {
    status.state = ModelState::kUnavailable;
    status.reason = WithoutPaths(entry, std::string(failure.message()));
  }
  return status;
}

std::vector<ModelStatus> LocalRepository::Index() const {
  const std::lock_guard lock(mutex_);
  std::vector<ModelStatus> index;
  for (const RepositoryEntry& entry : entries_)
    index.push_back(StatusOf(entry));
  return index;
}

bool LocalRepository::ready() const {
  const std::lock_guard lock(mutex_);
  return ready_;
}

bool LocalRepository::WaitUntilReady() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ready_ || stopped_; });
  return ready_;
}

// Of ascending versions the last, and of those that were loaded; null if there
// is none. REQUIRES: mutex_ is held.
const RepositoryEntry* LocalRepository::EntryFor(
    const std::string& name, const std::string& version) const {
  const RepositoryEntry* found = nullptr;
  const RepositoryEntry* loaded = nullptr;
  for (const RepositoryEntry& entry : entries_) {
    if (entry.found.name != name) continue;
    if (!version.empty() && entry.found.version != version) continue;
    found = &entry;
    if (entry.state == ModelState::kReady || entry.replaces) loaded = &entry;
  }
  return loaded != nullptr ? loaded : found;
}

std::optional<std::string> LocalRepository::VersionFor(
    const std::string& name, const std::string& version) const {
  const std::lock_guard lock(mutex_);
  const RepositoryEntry* const entry = EntryFor(name, version);
  if (entry == nullptr) return std::nullopt;
  return entry->found.version;
}

absl::StatusOr<std::shared_ptr<Model>> LocalRepository::Find(
    const std::string& name, const std::string& version) const {
  const std::lock_guard lock(mutex_);
  const RepositoryEntry* const found = EntryFor(name, version);
  if (found == nullptr) {
    return absl::NotFoundError(
        !IsModelName(name) ? "there is no model of that name"
        : EntryFor(name, "") != nullptr
            ? absl::StrFormat("model '%s' has no such version", name)
            : absl::StrFormat("there is no model '%s'", name));
  }
  const ModelStatus status = StatusOf(*found);
  if (status.state == ModelState::kReady) {
    if (auto model = engine_->Find(name, status.version)) return model;
    return absl::UnavailableError(absl::StrFormat(
        "model '%s' version %s was unloaded", name, status.version));
  }
  return absl::UnavailableError(
      absl::StrFormat("model '%s' version %s is %s", name, status.version,
                      Told(status.state, status.reason)));
}

}  // namespace layerd
