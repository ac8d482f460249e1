#include "test/e2e/daemon_process.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include "config/check.h"

namespace layerd {
namespace {

constexpr char kReadyLine[] = "layerd ready on ";
constexpr uint64_t kKibibyte = 1024;

std::vector<std::string> CommandOf(const TestRepository& repository,
                                   const DaemonOptions& options) {
  std::vector<std::string> command{options.layerd,
                                   "--repository",
                                   repository.models_path(),
                                   "--cache",
                                   repository.cache_path(),
                                   "--metrics",
                                   "127.0.0.1:0",
                                   "--listen",
                                   "127.0.0.1:0",
                                   "--listen",
                                   "unix:" + repository.SocketPath("layerd")};
  command.insert(command.end(), options.flags.begin(), options.flags.end());
  return command;
}

}  // namespace

std::string LayerdWithEndlessPacker(const ScratchFolder& folder) {
  std::filesystem::copy(std::filesystem::canonical(kLayerd), folder / "layerd");
  LAYERD_CHECK(mkfifo((folder / "never").c_str(), 0600) == 0);
  WriteFile(folder / "layerctl", "#!/bin/sh\nexec 3<'" + folder / "never'\n");
  LAYERD_CHECK(chmod((folder / "layerctl").c_str(), 0700) == 0);
  return folder / "layerd";
}

TestRepository::ShortFolder::ShortFolder() : path("/tmp/layerd-XXXXXX") {
  LAYERD_CHECK(mkdtemp(path.data()) != nullptr, path);
}

TestRepository::ShortFolder::~ShortFolder() {
  std::filesystem::remove_all(path);
}

std::string TestRepository::ShortFolder::operator/(
    const std::string& name) const {
  return path + "/" + name;
}

std::string TestRepository::FolderOf(const std::string& name) const {
  const std::string folder = models_path() + "/" + name + "/1";
  std::filesystem::create_directories(folder);
  return folder;
}

std::string TestRepository::LayersPath(const std::string& name) const {
  return FolderOf(name) + "/model.layers";
}

void TestRepository::AddLayers(const std::string& name,
                               const std::string& bytes) {
  WriteFile(LayersPath(name), bytes);
}

void TestRepository::AddOnnx(const std::string& name,
                             const std::string& bytes) {
  WriteFile(FolderOf(name) + "/model.onnx", bytes);
}

void TestRepository::Configure(const std::string& name,
                               const std::string& yaml) {
  WriteFile(FolderOf(name) + "/../model.yaml", yaml);
}

DaemonProcess::DaemonProcess(const TestRepository& repository,
                             const Options& options)
    : socket_address_("unix:" + repository.SocketPath("layerd")),
      program_(CommandOf(repository, options),
               ProgramOptions{.environment = options.environment}) {}

DaemonProcess::~DaemonProcess() {
  if (!program_.is_ours()) return;
  const Ended ended = Terminate();
  LAYERD_CHECK(ended.status == 0, ended.err);
}

bool DaemonProcess::WaitUntilReady() {
  const auto line = program_.ReadLine();
  if (!line) return false;
  LAYERD_CHECK(line->starts_with(kReadyLine), *line);
  const std::string rest = line->substr(sizeof(kReadyLine) - 1);
  address_ = rest.substr(0, rest.find(' '));
  return true;
}

uint64_t DaemonProcess::PeakBytes() const {
  return kKibibyte * (program_.Number("status", "VmHWM") +
                      program_.Number("status", "HugetlbPages"));
}

Ended DaemonProcess::Terminate() {
  program_.Signal(SIGTERM);
  return program_.Wait();
}

}  // namespace layerd
