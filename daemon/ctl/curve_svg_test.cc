#include "daemon/ctl/curve_svg.h"

#include "test/catch/catch.h"

namespace layerd {
namespace {

const std::vector<CurvePoint> kPoints = {
    {1, 60, 50}, {4, 45, 40}, {16, 31, 30}, {64, 30, 30}};

TEST_CASE("The knee is the least memory that is nearly as fast as any") {
  CHECK(KneeOf(kPoints) == 2);
  CHECK(KneeOf({{8, 5, 5}}) == 0);
}

TEST_CASE("The picture has two curves, names its axes and shows the knee") {
  const std::string svg = CurveSvg("a < b", {{"f32", kPoints}});
  size_t curves = 0;
  for (size_t at = svg.find("<polyline"); at != std::string::npos;
       at = svg.find("<polyline", at + 1)) {
    ++curves;
  }
  CHECK(curves == 2);
  CHECK_THAT(svg, Catch::Contains("memory for weights"));
  CHECK_THAT(svg, Catch::Contains("latency, ms"));
  CHECK_THAT(svg, Catch::Contains("16 MiB"));
  CHECK_THAT(svg, Catch::Contains("knee: 16.0 MiB, 31.00 ms"));
  CHECK_THAT(svg, Catch::Contains("a &lt; b"));
}

TEST_CASE("Several ways to pack share one picture") {
  const std::string svg =
      CurveSvg("", {{"f32", kPoints}, {"i8", {{0.5, 33, 30}, {16, 30, 30}}}});
  CHECK_THAT(svg, Catch::Contains("f32, cold start; knee: 16.0 MiB") &&
                      Catch::Contains("i8, cold start; knee: 16.0 MiB"));
}

TEST_CASE("A curve of one point is a picture too") {
  CHECK_THAT(CurveSvg("", {{"tiny", {{0.25, 1, 1}}}}),
             Catch::Contains("256 KiB") && !Catch::Contains("nan"));
}

}  // namespace
}  // namespace layerd
