#include "daemon/ctl/curve_svg.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "config/check.h"

namespace layerd {
namespace {

constexpr double kWidth = 820, kHeight = 500;
constexpr double kLeft = 80, kRight = 30, kTop = 60, kBottom = 70;
constexpr double kKneeOverFastest = 1.05;
constexpr int kLatencyTicks = 6;
constexpr std::array<const char*, 6> kColors = {
    "#1f5fa8", "#b8620a", "#2e7d46", "#7b4ea3", "#6b6b2a", "#a03060"};

// Where numbers lie on the paper.
class Paper {
 public:
  explicit Paper(const std::vector<CurveSeries>& series) {
    first_ = std::log2(series.front().points.front().memory_mib);
    last_ = first_ + 0.1;
    for (const CurveSeries& one : series) {
      first_ = std::min(first_, std::log2(one.points.front().memory_mib));
      last_ = std::max(last_, std::log2(one.points.back().memory_mib));
      for (const CurvePoint& point : one.points) {
        top_ms_ = std::max({top_ms_, point.latency_ms, point.bound_ms});
      }
    }
    tick_ms_ = RoundTick(top_ms_ / kLatencyTicks);
    top_ms_ = std::ceil(top_ms_ * 1.05 / tick_ms_) * tick_ms_;
  }

  double X(double memory_mib) const {
    const double share = (std::log2(memory_mib) - first_) / (last_ - first_);
    return kLeft + share * (kWidth - kLeft - kRight);
  }
  double Y(double latency_ms) const {
    return kHeight - kBottom -
           latency_ms / top_ms_ * (kHeight - kTop - kBottom);
  }
  double tick_ms() const { return tick_ms_; }
  double top_ms() const { return top_ms_; }
  int first_octave() const { return static_cast<int>(std::ceil(first_)); }
  int last_octave() const { return static_cast<int>(std::floor(last_)); }

 private:
  // 1, 2 or 5 times a power of ten.
  static double RoundTick(double tick) {
    const double power = std::pow(10, std::floor(std::log10(tick)));
    for (const double step : {1.0, 2.0, 5.0}) {
      if (tick <= step * power) return step * power;
    }
    return 10 * power;
  }

  double first_ = 0, last_ = 0, top_ms_ = 1e-3, tick_ms_ = 1;
};

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(text,
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

std::string Text(double x, double y, const char* anchor,
                 const std::string& text, const char* more = "") {
  return absl::StrFormat(
      "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x, y,
      anchor, more, Escaped(text));
}

std::string Line(double x1, double y1, double x2, double y2,
                 const char* stroke) {
  return absl::StrFormat(
      "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n",
      x1, y1, x2, y2, stroke);
}

std::string MemoryName(int octave) {
  if (octave < 0) return absl::StrFormat("%d KiB", 1024 >> -octave);
  if (octave < 10) return absl::StrFormat("%d MiB", 1 << octave);
  return absl::StrFormat("%d GiB", 1 << (octave - 10));
}

std::string Axes(const Paper& paper) {
  std::string svg;
  const double bottom = kHeight - kBottom, right = kWidth - kRight;
  for (double ms = 0; ms <= paper.top_ms() * 1.0001; ms += paper.tick_ms()) {
    svg += Line(kLeft, paper.Y(ms), right, paper.Y(ms), "#ddd");
    svg += Text(kLeft - 8, paper.Y(ms) + 4, "end", absl::StrFormat("%g", ms));
  }
  for (int octave = std::max(paper.first_octave(), -10);
       octave <= std::min(paper.last_octave(), 30); ++octave) {
    const double x = paper.X(std::exp2(octave));
    svg += Line(x, kTop, x, bottom, "#ddd");
    svg += Text(x, bottom + 20, "middle", MemoryName(octave));
  }
  svg += Line(kLeft, bottom, right, bottom, "#333");
  svg += Line(kLeft, kTop, kLeft, bottom, "#333");
  svg += Text((kLeft + right) / 2, kHeight - 20, "middle",
              "memory for weights (logarithmic)");
  svg += Text(
      20, (kTop + bottom) / 2, "middle", "latency, ms",
      absl::StrFormat(" transform=\"rotate(-90 20 %.1f)\"", (kTop + bottom) / 2)
          .c_str());
  return svg;
}

std::string Curve(const Paper& paper, const std::vector<CurvePoint>& points,
                  double CurvePoint::*ms, const std::string& style) {
  std::string path;
  for (const CurvePoint& point : points) {
    absl::StrAppendFormat(&path, "%.1f,%.1f ", paper.X(point.memory_mib),
                          paper.Y(point.*ms));
  }
  return absl::StrFormat("<polyline fill=\"none\" %s points=\"%s\"/>\n", style,
                         path);
}

std::string Planned(size_t number) {
  return absl::StrFormat("stroke=\"%s\" stroke-width=\"2.5\"",
                         kColors[number % kColors.size()]);
}

std::string Bound(size_t number) {
  return absl::StrFormat(
      "stroke=\"%s\" stroke-width=\"1.3\" stroke-dasharray=\"6 4\"",
      kColors[number % kColors.size()]);
}

std::string Knee(const Paper& paper, const CurvePoint& knee) {
  return absl::StrFormat(
      "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"#c0392b\"/>\n",
      paper.X(knee.memory_mib), paper.Y(knee.latency_ms));
}

std::string Sample(double x, double y, const std::string& style) {
  return absl::StrFormat(
      "<line x1=\"%.0f\" y1=\"%.0f\" x2=\"%.0f\" y2=\"%.0f\" %s/>\n", x, y,
      x + 30, y, style);
}

// Low on the left: a curve that falls leaves that corner free.
std::string Legend(const std::vector<CurveSeries>& series) {
  const double x = kLeft + 20;
  double y = kHeight - kBottom - 20 * (static_cast<double>(series.size()) + 1);
  std::string svg;
  for (size_t n = 0; n < series.size(); ++n, y += 20) {
    const CurvePoint& knee = series[n].points[KneeOf(series[n].points)];
    svg += Sample(x, y, Planned(n));
    svg +=
        Text(x + 38, y + 4, "start",
             absl::StrFormat("%s, cold start; knee: %.1f MiB, %.2f ms",
                             series[n].name, knee.memory_mib, knee.latency_ms));
  }
  svg += Sample(x, y, Bound(0));
  return svg + Text(x + 38, y + 4, "start", "no schedule beats this");
}

}  // namespace

size_t KneeOf(const std::vector<CurvePoint>& points) {
  LAYERD_CHECK(!points.empty());
  double fastest = points.front().latency_ms;
  for (const CurvePoint& point : points) {
    fastest = std::min(fastest, point.latency_ms);
  }
  size_t knee = 0;
  while (points[knee].latency_ms > fastest * kKneeOverFastest) ++knee;
  return knee;
}

std::string CurveSvg(const std::string& title,
                     const std::vector<CurveSeries>& series) {
  const Paper paper(series);
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http:"
      "//www.w3.org/2000/svg\" "
      "width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f "
      "%.0f\" font-family=\"sans-serif\" font-size=\"13\">\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
      kWidth, kHeight, kWidth, kHeight);
  svg += Text(kLeft, 32, "start", title, " font-size=\"17\"") + Axes(paper);
  for (size_t n = 0; n < series.size(); ++n) {
    svg += Curve(paper, series[n].points, &CurvePoint::bound_ms, Bound(n));
  }
  for (size_t n = 0; n < series.size(); ++n) {
    const std::vector<CurvePoint>& points = series[n].points;
    svg += Curve(paper, points, &CurvePoint::latency_ms, Planned(n));
    svg += Knee(paper, points[KneeOf(points)]);
  }
  return svg + Legend(series) + "</svg>\n";
}

}  // namespace layerd
