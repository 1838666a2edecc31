#include "sim/jaws.h"

#include <algorithm>
#include <cmath>

#include "sim/vec.h"

namespace bitemark::sim {
namespace {

constexpr double kStartDistance = 1.35;  // outside the picture [m]
constexpr double kGape = 0.85;           // lift of an open jaw, in radii of the mark

double ease(double from, double to, double t) {
  const double x = std::clamp((t - from) / (to - from), 0.0, 1.0);
  return x * x * (3 - 2 * x);
}

}  // namespace

Bite bite_in_body(const SceneSpec& scene, const BiteSpec& bite) {
  const double rim = scene.bodies[static_cast<std::size_t>(bite.target)].size[0];
  const double distance = rim - 0.15 * bite.radius;
  return {{distance * std::cos(bite.angle), distance * std::sin(bite.angle), 0}, bite.radius, bite.angle + M_PI};
}

JawState jaws_at(const SceneSpec& scene, const Pose& X_WTarget, double time_s) {
  JawState state;
  for (const BiteSpec& spec : scene.bites) {
    const double t = time_s - spec.at_s;
    if (t < JawTiming::kEnter || t > JawTiming::kGone) continue;
    const Bite bite = bite_in_body(scene, spec);
    const double away = kStartDistance * (1 - ease(JawTiming::kEnter, JawTiming::kArrived, t) +
                                          ease(JawTiming::kOpen, JawTiming::kGone, t));
    state.present = true;
    state.phase = t < 0 ? ease(JawTiming::kArrived, 0, t) : 1 - ease(JawTiming::kOpening, JawTiming::kOpen, t);
    state.target = transform(X_WTarget, bite.center);
    const double lift = kGape * bite.radius * (1 - state.phase);
    const Vec3 inward{std::cos(bite.inward), std::sin(bite.inward), 0};
    const Quaternion turn = about_axis({0, 0, 1}, bite.inward);
    state.X_WU = compose(X_WTarget, {bite.center - away * inward + Vec3{0, 0, lift}, turn});
    state.X_WL = compose(X_WTarget, {bite.center - away * inward - Vec3{0, 0, lift}, turn});
    break;
  }
  return state;
}

Mesh make_gum(double r, bool upper) {
  const double side = upper ? 1 : -1;
  Mesh mesh = make_ellipsoid({-0.30 * r, 0, side * 0.85 * r}, {1.30 * r, 1.20 * r, 0.45 * r}, 3);
  append(mesh, make_ellipsoid({-6.0 * r, 0, side * 0.85 * r}, {6.0 * r, 0.62 * r, 0.34 * r}, 3));
  return mesh;
}

Mesh make_teeth(double r, bool upper) {
  const double side = upper ? 1 : -1;
  Mesh mesh;
  constexpr int kTeeth = 7;
  for (int i = 0; i < kTeeth; ++i) {
    const double turn = (i - 0.5 * (kTeeth - 1)) * 0.42;
    const Vec3 center{0.86 * r * std::cos(turn), 0.86 * r * std::sin(turn), side * 0.36 * r};
    append(mesh, make_ellipsoid(center, {0.19 * r, 0.19 * r, 0.42 * r}, 2));
  }
  return mesh;
}

}  // namespace bitemark::sim
