#include "daemon/serve/reflection_service.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <array>
#include <string>

#include "admin.pb.h"
#include "daemon/serve/grpc_status.h"
#include "daemon/serve/small_call.h"
#include "health.pb.h"
#include "open_inference.pb.h"

namespace layerd {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using grpc::reflection::v1alpha::ServerReflectionRequest;
using grpc::reflection::v1alpha::ServerReflectionResponse;

// Each has its services; none imports another.
std::array<const FileDescriptor*, 4> Files() {
  return {inference::ModelInferRequest::descriptor()->file(),
          admin::StatusRequest::descriptor()->file(),
          grpc::health::v1::HealthCheckRequest::descriptor()->file(),
          ServerReflectionRequest::descriptor()->file()};
}

void ListServices(ServerReflectionResponse* response) {
  auto* const list = response->mutable_list_services_response();
  for (const FileDescriptor* file : Files()) {
    for (int i = 0; i < file->service_count(); ++i) {
      list->add_service()->set_name(file->service(i)->full_name());
    }
  }
}

bool IsServed(const FileDescriptor* file) {
  for (const FileDescriptor* served : Files()) {
    if (file == served) return true;
  }
  return false;
}

void Describe(const FileDescriptor* file, ServerReflectionResponse* response) {
  if (file == nullptr || !IsServed(file)) {
    auto* const error = response->mutable_error_response();
    error->set_error_code(grpc::StatusCode::NOT_FOUND);
    error->set_error_message("layerd serves nothing of that name");
    return;
  }
  google::protobuf::FileDescriptorProto described;
  file->CopyTo(&described);
  described.SerializeToString(response->mutable_file_descriptor_response()
                                  ->add_file_descriptor_proto());
}

ServerReflectionResponse Answer(const ServerReflectionRequest& request) {
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case ServerReflectionRequest::kListServices:
      ListServices(&response);
      break;
    case ServerReflectionRequest::kFileByFilename:
      Describe(pool.FindFileByName(request.file_by_filename()), &response);
      break;
    case ServerReflectionRequest::kFileContainingSymbol:
      Describe(pool.FindFileContainingSymbol(request.file_containing_symbol()),
               &response);
      break;
    default:
      Describe(nullptr, &response);  // Nobody has extensions.
  }
  return response;
}

class Reflection final : public AnsweringStream {
 public:
  explicit Reflection(OpenStreams* open) : AnsweringStream(open) { Begin(); }

 private:
  void Take(grpc::ByteBuffer* message) override {
    ServerReflectionRequest request;
    const absl::Status parsed = ParseSmall(*message, &request);
    message->Clear();
    if (!parsed.ok()) return End(ToGrpc(parsed));
    Reply(Serialized(Answer(request)));
  }
};

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
ReflectionService::ServerReflectionInfo(grpc::CallbackServerContext*) {
  return new Reflection(open_);
}

}  // namespace layerd
