#ifndef LAYERD_DAEMON_ENGINE_REPOSITORY_ENTRY_H_
#define LAYERD_DAEMON_ENGINE_REPOSITORY_ENTRY_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/repository.h"
#include "daemon/model/repository_scan.h"

namespace layerd {

// One version of one model: what was found of it, and what became of it.
struct RepositoryEntry {
  FoundModel found = {};
  ModelState state = ModelState::kLoading;
  std::string reason = {};
  absl::Status refusal = {};     // By the engine, of the last try to load it.
  std::string packed_path = {};  // In the cache.
  bool packed = false;           // By us, just now.
  bool damaged = false;          // Its layer file failed while it served.
  bool replaces = false;         // What was loaded before answers until then.
};

// A layer file for other kernels, or a damaged one, is remade from the ONNX:
// once, because what was just packed is no older file. Without the ONNX one for
// other kernels is laid out anew (`layerctl repack`). What was in the cache is
// remade from what it was made of, also if somebody has just emptied the cache.
bool MayPackAgain(const RepositoryEntry& entry, const absl::Status& status);

// Where its layer file is in the cache, or will be.
std::string CachePathOf(const RepositoryOptions& options,
                        const RepositoryEntry& entry);

// What makes that file.
std::vector<std::string> PackCommand(const RepositoryOptions& options,
                                     const RepositoryEntry& entry);

// What the engine is to load of it.
Engine::ModelSource SourceOf(const RepositoryEntry& entry);

// Clients hear what is wrong, not where our files lie.
std::string WithoutPaths(const RepositoryEntry& entry, const std::string& text);

// What packing asks to be told on layerctl's command line, with the key by which
// it is told here.
std::string WithModelYaml(std::string reason);

// What became of an attempt to load it, for who asked: `message`, with the code
// of `refusal` where that says what to do. Memory or a deadline is refused with
// RESOURCE_EXHAUSTED, and of a budget MinimumBudgetBytes() stays; a damaged
// file is DATA_LOSS; all else UNAVAILABLE, as requests for the model hear it.
absl::Status NotLoaded(const absl::Status& refusal, const std::string& message);

absl::Status NoSuchModel(const std::string& name);

// By name, then version.
bool ComesBefore(const FoundModel& a, const FoundModel& b);

// For people: "LOADING: packing model.onnx".
std::string Told(ModelState state, const std::string& reason);
// The same of what is to replace a model that serves.
std::string BeforeAnswers(ModelState state, const std::string& reason);

// Nothing changed on disk that would make loading it again worth while.
bool IsSame(const FoundModel& a, const FoundModel& b);

}  // namespace layerd

#endif  // LAYERD_DAEMON_ENGINE_REPOSITORY_ENTRY_H_
