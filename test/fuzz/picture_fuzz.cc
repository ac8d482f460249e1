// Can a picture that someone else made break layerctl?
//
// The input is a JPEG or PNG as it is; the decoders are the distribution's, so
// what is looked for lies between them and us, and in our reading of EXIF.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/check.h"
#include "daemon/ctl/failure.h"
#include "daemon/ctl/picture.h"
#include "daemon/ctl/upright_picture.h"

namespace layerd {
namespace {

// So that what is found is found soon: most pictures of a fuzzer are huge.
constexpr int64_t kPixelsMax = 1 << 16;

void Try(std::string_view bytes) {
  const int orientation = OrientationOf(bytes);
  LAYERD_CHECK(orientation >= 1 && orientation <= 8);
  for (const int64_t channels : {1, 3}) {
    const auto picture = DecodePicture(bytes, channels, kPixelsMax);
    if (!picture.ok()) {
      LAYERD_CHECK(ExitCodeOf(picture.status()) == 2);
      continue;
    }
    const int64_t pixels = picture->height * picture->width;
    LAYERD_CHECK(picture->height > 0 && picture->width > 0);
    LAYERD_CHECK(pixels <= kPixelsMax && picture->channels == channels);
    LAYERD_CHECK(picture->samples.size() ==
                 static_cast<size_t>(pixels * channels));
  }
}

}  // namespace
}  // namespace layerd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  layerd::Try({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
