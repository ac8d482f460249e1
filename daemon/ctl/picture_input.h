#ifndef LAYERD_DAEMON_CTL_PICTURE_INPUT_H_
#define LAYERD_DAEMON_CTL_PICTURE_INPUT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/ctl/array_files.h"
#include "daemon/ctl/picture.h"

namespace layerd {

// The choices of --pixels: what a sample v from 0 to 255 becomes. Networks do
// not say what they were trained on, so this is the user's word.
//
//   imagenet  (v / 255 - mean) / deviation, as ImageNet's networks take it
//   unit      v / 255
//   signed    v / 127.5 - 1
//   raw       v
//
// "default" is imagenet for three channels, unit for grey, raw for UINT8.
const std::vector<std::string>& PixelChoices();

struct PictureInput {
  Array array;
  std::string remark;        // What was made of the picture, for a person.
  std::string warning = {};  // What is odd about its file; or empty.
};

// A picture as what `port` takes: FP32, FP16 or UINT8, [1, C, H, W],
// [1, H, W, C] or either without the 1, C being 1 or 3. Where a shape can be
// read both ways, the channels come first.
//
// REQUIRES: `pixels` is one of PixelChoices().
// Errors:   UsageError() beginning with the path.
absl::StatusOr<PictureInput> InputOfPicture(std::string_view contents,
                                            const std::string& path,
                                            const ArrayPort& port,
                                            const std::string& pixels);

// The same for a file that is a picture; any other one is read as an .npy, with
// an empty remark.
absl::StatusOr<PictureInput> ReadPictureOrNpy(const std::string& path,
                                              const ArrayPort& port,
                                              const std::string& pixels);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_PICTURE_INPUT_H_
