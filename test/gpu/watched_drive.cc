#include "test/gpu/watched_drive.h"

#include <utility>

#include "test/gpu/twin/twin.h"

namespace layerd {

void WatchedDrive::Faults::Add(const SimFault& fault) {
  const std::lock_guard<std::mutex> lock(mutex_);
  faults_.push_back(fault);
  if (open_ != nullptr) open_->AddFault(fault);
}

IoEngineOpener WatchedDrive::Opener(uint32_t seed,
                                    std::shared_ptr<Faults> faults) {
  return [seed, faults]() mutable {
    return absl::StatusOr<IoEngineChoice>(
        IoEngineChoice{std::make_unique<WatchedDrive>(seed++, faults), {}});
  };
}

WatchedDrive::WatchedDrive(uint32_t seed, std::shared_ptr<Faults> faults)
    : inner_(seed), faults_(std::move(faults)) {
  const std::lock_guard<std::mutex> lock(faults_->mutex_);
  for (const SimFault& fault : faults_->faults_) inner_.AddFault(fault);
  faults_->open_ = &inner_;
}

WatchedDrive::~WatchedDrive() {
  const std::lock_guard<std::mutex> lock(faults_->mutex_);
  if (faults_->open_ == &inner_) faults_->open_ = nullptr;
}

void WatchedDrive::Submit(const ReadRequest& request) {
  in_flight_[request.user_data] = request.into;
  twin::DriveBegins(request.into.data(), request.into.size());
  inner_.Submit(request);
}

size_t WatchedDrive::Reap(std::span<ReadCompletion> completions, bool wait) {
  const size_t count = inner_.Reap(completions, wait);
  for (size_t i = 0; i < count; ++i) {
    const auto read = in_flight_.find(completions[i].user_data);
    const std::span<std::byte> into = read->second;
    in_flight_.erase(read);
    twin::DriveEnds(into.data(), into.size());
    // The loader reads it, for its checksum.
    twin::HostReads(into.data(), into.size());
  }
  return count;
}

}  // namespace layerd
