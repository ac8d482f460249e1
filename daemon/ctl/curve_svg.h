#ifndef LAYERD_DAEMON_CTL_CURVE_SVG_H_
#define LAYERD_DAEMON_CTL_CURVE_SVG_H_

#include <string>
#include <vector>

namespace layerd {

// One point of the memory-latency curve.
struct CurvePoint {
  double memory_mib = 0;
  double latency_ms = 0;
  double bound_ms = 0;
};

// One model, or one way to pack it.
struct CurveSeries {
  std::string name;  // For the legend.
  std::vector<CurvePoint> points;
};

// A picture that a person reads: memory (logarithmic) against latency (linear,
// from 0), each planned curve over what no schedule beats, and the knee: the
// least memory within 5 % of the fastest.
// REQUIRES: at least one series; in each at least one point, memory positive
//           and rising.
std::string CurveSvg(const std::string& title,
                     const std::vector<CurveSeries>& series);

// Its index.
size_t KneeOf(const std::vector<CurvePoint>& points);

}  // namespace layerd

#endif  // LAYERD_DAEMON_CTL_CURVE_SVG_H_
