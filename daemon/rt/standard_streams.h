#ifndef LAYERD_DAEMON_RT_STANDARD_STREAMS_H_
#define LAYERD_DAEMON_RT_STANDARD_STREAMS_H_

namespace layerd {

// Takes descriptors 0, 1 and 2 where the program was started without them
// (`layerd 2>&-`). Else the next file or connection would have the number, and
// what is logged would be written into it. As before, nothing can be read of
// them and nothing written to them.
//
// Before anything is opened.
void KeepStandardStreams();

}  // namespace layerd

#endif  // LAYERD_DAEMON_RT_STANDARD_STREAMS_H_
