#include "model/loss_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <sstream>
#include <vector>

#include "base/json.h"

namespace bitemark::model {
namespace {

struct Point {
  double step, value;  ///< value: log10 of the loss
  bool unrolled;
};

constexpr double kWidth = 720, kHeight = 360, kLeft = 60, kBottom = 40, kTop = 30, kRight = 20;
constexpr std::size_t kMostPoints = 1200;

std::vector<Point> read_points(const std::string& log) {
  std::vector<Point> points;
  std::istringstream lines(log);
  std::string line;
  while (std::getline(lines, line)) {
    const auto json = Json::parse(line, nullptr, false);
    const auto tells = [&](const char* key) { return json.contains(key) && json[key].is_number(); };
    if (!json.is_object() || !tells("step") || !tells("loss")) continue;
    points.push_back({json["step"].get<double>(), std::log10(std::max(1e-9, json["loss"].get<double>())),
                      json.contains("unrolled")});
  }
  return points;
}

std::vector<Point> smooth(const std::vector<Point>& points) {
  const double share = std::min(1.0, 20.0 / static_cast<double>(points.size() + 1));
  std::vector<Point> out = points;
  for (std::size_t i = 1; i < out.size(); ++i)
    out[i].value = out[i - 1].value + share * (points[i].value - out[i - 1].value);
  return out;
}

std::vector<Point> of_kind(const std::vector<Point>& points, bool unrolled) {
  std::vector<Point> kind;
  std::copy_if(points.begin(), points.end(), std::back_inserter(kind),
               [&](const Point& point) { return point.unrolled == unrolled; });
  return kind;
}

struct Axes {
  double last_step, low, high;
  double x(double step) const { return kLeft + (kWidth - kLeft - kRight) * step / last_step; }
  double y(double value) const { return kTop + (kHeight - kTop - kBottom) * (high - value) / (high - low); }
};

std::string path(const std::vector<Point>& points, const Axes& axes, const std::string& style) {
  std::string d;
  const std::size_t stride = points.size() / kMostPoints + 1;
  for (std::size_t i = 0; i < points.size(); i += stride)
    d += fmt::format("{}{:.1f},{:.1f}", d.empty() ? "M" : "L", axes.x(points[i].step), axes.y(points[i].value));
  return fmt::format("<path d=\"{}\" fill=\"none\" {}/>\n", d, style);
}

std::string grid(const Axes& axes) {
  std::string out;
  for (const double fraction : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    const double value = axes.low + fraction * (axes.high - axes.low), step = fraction * axes.last_step;
    out += fmt::format("<line x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#ddd\"/>\n", kLeft,
                       kWidth - kRight, axes.y(value));
    out += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.3g}</text>\n", kLeft - 6, axes.y(value) + 4,
                       std::pow(10.0, value));
    out += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.0f}</text>\n", axes.x(step),
                       kHeight - kBottom + 18, step);
  }
  return out;
}

}  // namespace

std::string loss_chart(const std::string& log, const std::string& title) {
  constexpr const char* kBlue = "#1f6feb";
  constexpr const char* kOrange = "#d9730d";
  const std::vector<Point> points = read_points(log);
  Axes axes{1, -1, 0};
  if (!points.empty()) {
    const auto [low, high] = std::minmax_element(points.begin(), points.end(),
                                                 [](const Point& a, const Point& b) { return a.value < b.value; });
    axes = {std::max(1.0, points.back().step), low->value - 0.02, high->value + 0.02};
  }
  std::string lines = path(points, axes, "stroke=\"#bbb\" stroke-width=\"0.6\"");
  const auto mean = [&](bool unrolled, const char* colour) {
    lines += path(smooth(of_kind(points, unrolled)), axes, fmt::format("stroke=\"{}\" stroke-width=\"2\"", colour));
  };
  mean(false, kBlue);
  if (std::any_of(points.begin(), points.end(), [](const Point& point) { return point.unrolled; })) {
    mean(true, kOrange);
    lines += fmt::format(
        "<text x=\"{0}\" y=\"18\" text-anchor=\"end\"><tspan fill=\"{1}\">ordinary</tspan> "
        "<tspan fill=\"{2}\">unrolled</tspan></text>\n",
        kWidth - kRight, kBlue, kOrange);
  }
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" "
             "font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n"
             "<text x=\"{2}\" y=\"18\" font-size=\"14\">Loss of {3} by step</text>\n",
             kWidth, kHeight, kLeft, title) +
         grid(axes) + lines + "</svg>\n";
}

}  // namespace bitemark::model
