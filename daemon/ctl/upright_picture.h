#ifndef LAYERD_DAEMON_CTL_UPRIGHT_PICTURE_H_
#define LAYERD_DAEMON_CTL_UPRIGHT_PICTURE_H_

#include <string_view>

#include "daemon/ctl/picture.h"

namespace layerd {

// How a camera was held when it made a picture, as EXIF numbers it: 1 is
// upright, 2 to 4 are mirrored, upside down, both; 5 to 8 lie on their side.
inline constexpr int kUpright = 1;

// As the first APP1 segment of a JPEG says that has EXIF in it. kUpright where
// none does, and where what it says is unsound: then nobody knows.
//
// The file is believed nothing: no byte outside it is read, and each of its
// bytes is looked at a bound number of times.
int OrientationOf(std::string_view jpeg);

// The picture as it was seen. REQUIRES: 1 <= orientation <= 8.
Picture Upright(Picture picture, int orientation);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_UPRIGHT_PICTURE_H_
