#ifndef LAYERD_DAEMON_CTL_FIT_PICTURE_H_
#define LAYERD_DAEMON_CTL_FIT_PICTURE_H_

#include <cstdint>
#include <vector>

#include "daemon/ctl/picture.h"

namespace layerd {

// `picture` resized, its sides in proportion, until it just covers `height` x
// `width`, and the middle of that: samples from 0 to 255 in the picture's
// order.
//
// Where it shrinks, a pixel is the mean of the area it stands for, so nothing
// is skipped however large the picture; where it grows, it is bilinear between
// centres. One of the right size stays as it is. The cut is at whole pixels of
// the resized picture.
//
// REQUIRES: the picture has pixels; both sizes are from 1 to kPicturePixelsMax.
std::vector<float> FitPicture(const Picture& picture, int64_t height,
                              int64_t width);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_FIT_PICTURE_H_
