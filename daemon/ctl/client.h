#ifndef LAYERD_DAEMON_CTL_CLIENT_H_
#define LAYERD_DAEMON_CTL_CLIENT_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "admin.pb.h"

namespace layerd {

inline constexpr char kDefaultAddress[] = "127.0.0.1:8001";

// Talks to a running layerd, for layerctl and for tests. The one place outside
// daemon/serve that includes gRPC, which stays inside the source. So do
// messages with maps: the distribution's Protobuf and code that is instrumented
// for TSan disagree about their size.
//
// Errors:    the server's code and message as they come; UNAVAILABLE naming the
//            address if nobody answers there. Nothing is repeated.
// Threading: all methods from any thread.
class Client {
 public:
  // Whoever has said nothing for so long will not answer, but to calls that are
  // bounded by work to be done: Infer(), and those of an operator, which are
  // done one after the other (Plan(), SetBudget(), Trace(), Load(), Unload(),
  // MeasureAgain()).
  static constexpr std::chrono::seconds kPatience{10};

  // "127.0.0.1:8001" or "unix:PATH"; nothing is sent before the first call.
  // INVALID_ARGUMENT if `address` is neither.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(
      const std::string& address,
      std::chrono::milliseconds patience = kPatience);
  ~Client();

  const std::string& address() const { return address_; }

  absl::StatusOr<admin::StatusResponse> Status();
  absl::StatusOr<admin::TraceResponse> Trace();
  absl::StatusOr<admin::PlanResponse> Plan();
  // What is absent stays as it is. A refusal has its MinimumBudgetBytes().
  absl::StatusOr<admin::PlanResponse> SetBudget(
      std::optional<uint64_t> memory_bytes,
      std::optional<uint64_t> weight_bytes);
  // As long as it takes: a model may have to be packed.
  absl::Status Load(const std::string& model);
  absl::Status Unload(const std::string& model);
  // What it costs; "" is all models. Returns before that is done.
  absl::Status MeasureAgain(const std::string& model);

  struct ModelCounts {  // Since the start.
    std::string name, version;
    uint64_t successes, failures, last_ms;  // The last since the epoch.
    double queue_ms, infer_ms, total_ms;    // Of a success, in the mean.
  };
  // Of all models, or of one.
  absl::StatusOr<std::vector<ModelCounts>> Statistics(const std::string& model);

  absl::StatusOr<bool> ServerLive();
  absl::StatusOr<bool> ServerReady();
  absl::StatusOr<bool> ModelReady(const std::string& model,
                                  const std::string& version);

  struct ServerDescription {
    std::string name, version;
    std::vector<std::string> extensions;
  };
  absl::StatusOr<ServerDescription> ServerMetadata();

  struct Port {  // An input or output.
    std::string name;
    std::string datatype;  // "FP32"
    std::vector<int64_t> shape;
  };
  struct ModelDescription {
    std::string name, platform;
    std::vector<std::string> versions;
    std::vector<Port> inputs, outputs;
  };
  absl::StatusOr<ModelDescription> ModelMetadata(const std::string& model,
                                                 const std::string& version);

  struct Tensor {
    std::string name;
    std::string datatype;  // "FP32"
    std::vector<int64_t> shape;
    std::string bytes;  // Row-major, little-endian, without gaps.
  };
  struct Request {
    std::string model;
    std::string version = "";  // The highest.
    std::vector<Tensor> inputs = {};
    std::vector<std::string> outputs = {};  // By name; empty: all of them.
    std::optional<uint64_t> priority = {};
    std::optional<std::chrono::microseconds> timeout = {};   // The parameter.
    std::optional<std::chrono::microseconds> deadline = {};  // Of the call.
  };
  struct Reply {
    std::string version;  // Of the model that answered.
    std::vector<Tensor> outputs;
    std::map<std::string, int64_t> parameters;  // "layerd_read_bytes", ...
  };
  absl::StatusOr<Reply> Infer(const Request& request);

  // Sends `request` as it is, which may be anything, to a unary method such as
  // "/inference.GRPCInferenceService/ModelInfer"; the response's bytes.
  absl::StatusOr<std::string> Call(const std::string& method,
                                   const std::string& request);

  // "SERVING", "NOT_SERVING"; NOT_FOUND for an unknown service. Empty: the
  // whole server.
  absl::StatusOr<std::string> Health(const std::string& service);
  // What server reflection lists.
  absl::StatusOr<std::vector<std::string>> Services();

 private:
  struct Impl;
  Client(const std::string& address, std::chrono::milliseconds patience);

  std::string address_;
  std::unique_ptr<Impl> impl_;
};

// A ModelInferRequest as it goes over the wire, with raw contents: for Call(),
// whole or spoiled.
std::string Serialize(const Client::Request& request);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_CLIENT_H_
