#ifndef LAYERD_TEST_E2E_DAEMON_PROCESS_H_
#define LAYERD_TEST_E2E_DAEMON_PROCESS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "test/e2e/program.h"
#include "test/scratch/scratch_folder.h"

namespace layerd {

// A model repository of a test's own, with a folder for packed models.
class TestRepository {
 public:
  // Version 1 of model `name`; `bytes` are a layer file or an ONNX file.
  void AddLayers(const std::string& name, const std::string& bytes);
  void AddOnnx(const std::string& name, const std::string& bytes);
  // Its model.yaml.
  void Configure(const std::string& name, const std::string& yaml);

  std::string LayersPath(const std::string& name) const;
  std::string FolderOf(const std::string& name) const;
  std::string models_path() const { return folder_ / "models"; }
  std::string cache_path() const { return folder_ / "cache"; }
  // In a folder whose path is short enough for sockets.
  std::string SocketPath(const std::string& name) const {
    return sockets_ / name;
  }

 private:
  struct ShortFolder {
    ShortFolder();
    ~ShortFolder();
    std::string operator/(const std::string& name) const;
    std::string path;
  };

  ScratchFolder folder_;
  ShortFolder sockets_;
};

struct DaemonOptions {
  std::vector<std::string> flags = {};  // Beside repository, cache, address.
  std::map<std::string, std::string> environment = {};
  std::string layerd = kLayerd;
};

// A layerd in `folder` whose packer runs until it is ended.
std::string LayerdWithEndlessPacker(const ScratchFolder& folder);

// layerd on a repository, at a free port of the loopback interface and at the
// repository's socket. It is there and reads its command line; WaitUntilReady()
// tells when its models are loaded.
class DaemonProcess {
 public:
  using Options = DaemonOptions;

  explicit DaemonProcess(const TestRepository& repository,
                         const Options& options = {});
  // Ends it, as SIGTERM does. One that does not exit 0 then, as when a
  // sanitizer has found something, fails the test.
  ~DaemonProcess();

  // Returns false if it ended instead: Terminate() then tells how.
  bool WaitUntilReady();

  // Of the loopback interface. REQUIRES: it is ready.
  const std::string& address() const { return address_; }
  // Good from the start, for clients that wait for a server.
  const std::string& socket_address() const { return socket_address_; }

  Program& program() { return program_; }
  const Program& program() const { return program_; }
  // The most memory it ever had resident, huge pages included.
  uint64_t PeakBytes() const;
  // What the kernel read from the drive for it.
  uint64_t ReadBytes() const { return program_.Number("io", "read_bytes"); }

  // SIGTERM, and its end.
  Ended Terminate();

 private:
  std::string socket_address_, address_;
  Program program_;
};

}  // namespace layerd

#endif  // LAYERD_TEST_E2E_DAEMON_PROCESS_H_
