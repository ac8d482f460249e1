#ifndef LAYERD_DAEMON_ENGINE_REPOSITORY_H_
#define LAYERD_DAEMON_ENGINE_REPOSITORY_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/engine/engine.h"
#include "daemon/model/model.h"

namespace layerd {

enum class ModelState { kLoading, kReady, kUnavailable };

// "LOADING", "READY", "UNAVAILABLE".
const char* NameOf(ModelState state);

struct ModelStatus {
  std::string name;
  std::string version;
  ModelState state = ModelState::kLoading;
  // Of kUnavailable; what kLoading is busy with; of kReady, if its files have
  // changed, why it is still what was loaded before.
  std::string reason;
  int level = 3;
  uint64_t weight_bytes = 0;
};

struct RepositoryOptions {
  std::string path;                         // Of the repository's folder.
  std::string cache_path;                   // Where packed models go,
  uint64_t cache_bytes_max = ~uint64_t{0};  // and how much of them is kept.
  std::string layerctl_path;                // Packs in a child process.
  std::string kernels = "cpu";  // For which it packs: "cpu" or "cuda".
  int packers_max = 2;          // At a time.
};

// The models that clients can name: what the repository's folder holds, what
// became of each, and the loaded model behind a name.
//
//     <repository>/<model>/<version>/model.onnx and/or model.layers
//     <repository>/<model>/model.yaml
//
// A model.onnx without model.layers beside it is packed into the cache by a
// child process, so that a hostile file or a packing that needs too much memory
// cannot take the daemon along; the cache is kept within its bound after that
// (packed_cache.h). It is packed again when a layer file is for
// other kernels or damaged, or if there is no ONNX file a layer file for other
// kernels is laid out anew; one that failed while it served, when the model is
// loaded again. What is found damaged in the cache does not stay there longer
// than it serves, so that the next start makes it anew, too. Models that are
// ready serve while others are packed, and while what is to replace them is:
// one that cannot be packed or loaded leaves them as they are. The engine takes
// the new one in the place of the old one between two jobs, so that both never
// need memory at once.
//
// With all that done, and nothing asked for, what models cost is measured
// (Engine::MeasureCosts).
//
// Threading: a thread of its own scans and packs, and calls `done`; all methods
//            from any thread.
class Repository {
 public:
  // Begins to load in the background. `engine` outlives the repository.
  // NOT_FOUND if the folder cannot be read.
  static absl::StatusOr<std::unique_ptr<Repository>> Start(
      const RepositoryOptions& options, Engine* engine);
  virtual ~Repository() = default;

  // Looks into the folder again and loads what is there of that model, all its
  // versions; those that serve and have not changed go on, those whose folders
  // are gone are unloaded once the others serve. Then `done`, once,
  // with the first thing that went wrong, also if what was loaded before goes
  // on: NOT_FOUND if there is no such model; RESOURCE_EXHAUSTED if a budget has
  // no room for it, then with MinimumBudgetBytes(), or if it cannot be promised
  // what it declares; DATA_LOSS if its layer file is damaged; UNAVAILABLE with
  // the reason if it cannot be packed or read.
  // After what was asked for before; UNAVAILABLE when stopped meanwhile.
  virtual void Load(const std::string& name,
                    std::function<void(const absl::Status&)> done) = 0;
  // Requests that wait for the model hear UNAVAILABLE.
  virtual void Unload(const std::string& name,
                      std::function<void(const absl::Status&)> done) = 0;

  // Has what the model costs measured again as soon as nothing else is asked
  // for; "" is all models. `done` hears whether there is one, not when.
  virtual void MeasureAgain(const std::string& name,
                            std::function<void(const absl::Status&)> done) = 0;

  // Ends children that still pack; nothing more is loaded.
  virtual void Stop() = 0;

  // By name, then version.
  virtual std::vector<ModelStatus> Index() const = 0;

  // Every model found at start is ready or has failed.
  virtual bool ready() const = 0;
  // False if Stop() came first.
  virtual bool WaitUntilReady() const = 0;

  // NOT_FOUND if there is no such model or version; UNAVAILABLE with its
  // state and reason while it cannot serve. Version "" is the highest that was
  // loaded: one that is packed, or cannot be, keeps nobody from the one before
  // it. What fails while it serves has no stand-in, whose answers may be
  // others.
  virtual absl::StatusOr<std::shared_ptr<Model>> Find(
      const std::string& name, const std::string& version) const = 0;
  // Of which version Find() tells, whether it can serve or not: a name that a
  // client has not made up. Nothing if there is no such model or version.
  virtual std::optional<std::string> VersionFor(
      const std::string& name, const std::string& version) const = 0;
};

}  // namespace layerd

#endif  // LAYERD_DAEMON_ENGINE_REPOSITORY_H_
