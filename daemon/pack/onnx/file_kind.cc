#include "daemon/pack/onnx/file_kind.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace layerd {
namespace {

using std::literals::string_view_literals::operator""sv;

// Enough for every row below.
constexpr size_t kHeadBytes = 64;

constexpr char kOfTorch[] =
    "export the model with torch.onnx.export, in the program that made it";

struct Kind {
  size_t offset;
  std::string_view begins;
  const char* words;
  const char* advice;
};

constexpr Kind kKinds[] = {
    {0, "\x1f\x8b"sv, "is gzip-compressed", "unpack it first (gunzip)"},
    {0, "\x28\xb5\x2f\xfd"sv, "is zstd-compressed", "unpack it first (unzstd)"},
    {0, "\xfd\x37zXZ"sv, "is xz-compressed", "unpack it first (unxz)"},
    {0, "BZh"sv, "is bzip2-compressed", "unpack it first (bunzip2)"},
    {0, "version https://git-lfs"sv, "is a pointer of Git LFS, not the model",
     "fetch it (git lfs pull)"},
    {0, "<!DOCTYPE"sv, "is a web page", "download the file itself"},
    {0, "<!doctype"sv, "is a web page", "download the file itself"},
    {0, "<html"sv, "is a web page", "download the file itself"},
    {0, "<?xml"sv, "is an XML file, as OpenVINO writes them",
     "use the ONNX file that it was made of"},
    {0, "PK\x03\x04"sv,
     "is a ZIP archive, as torch.save, TorchScript and Keras write them",
     kOfTorch},
    {0, "\x80\x02"sv, "is a pickle, as torch.save writes them", kOfTorch},
    {0, "\x80\x04"sv, "is a pickle", kOfTorch},
    {8, "{\""sv, "has weights only (safetensors), no graph", kOfTorch},
    {0, "\x89HDF"sv, "is HDF5, as Keras writes it",
     "convert the model with tf2onnx"},
    {4, "TFL3"sv, "is a TensorFlow Lite model",
     "convert it (python -m tf2onnx.convert --tflite)"},
    {4, "ORTM"sv, "is of ONNX Runtime's own format (ORT)",
     "use the ONNX file that it was made of"},
    {0, "GGUF"sv, "is a GGUF file", "use the model's ONNX export"},
    {0, "layerd\r\n"sv, "is a layer file already",
     "give it to layerctl as it is, with a name that ends in .layers"},
    // Protocol buffers as well; field 1 of an ONNX file is a number.
    {0, "\x0a"sv, "may be a graph of TensorFlow, Caffe or PaddlePaddle",
     "convert it (tf2onnx, paddle2onnx)"},
};

std::string HeadOf(const SourceFile& file) {
  std::string head(std::min<uint64_t>(file.bytes, kHeadBytes), '\0');
  const auto bytes =
      std::as_writable_bytes(std::span(head.data(), head.size()));
  return ReadSource(file, 0, bytes).ok() ? head : std::string();
}

}  // namespace

std::string OtherKindOf(const SourceFile& file) {
  if (file.bytes == 0) return "is empty";
  const std::string head = HeadOf(file);
  for (const Kind& kind : kKinds) {
    if (head.size() < kind.offset) continue;
    if (!std::string_view(head).substr(kind.offset).starts_with(kind.begins)) {
      continue;
    }
    return absl::StrCat(kind.words, ": ", kind.advice);
  }
  return "";
}

}  // namespace layerd
