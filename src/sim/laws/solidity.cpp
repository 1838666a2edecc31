// Two solids are never in one place.
#include <algorithm>
#include <cmath>

#include "sim/laws/measures.h"
#include "sim/laws/shown.h"
#include "sim/vec.h"

namespace bitemark::sim {
namespace {

/// A ball or a box where it stands.
struct Solid {
  Vec3 center{0, 0, 0};
  double radius = 0;           ///< of a ball; 0 for boxes
  std::array<Vec3, 3> axes{};  ///< of a box, unit
  Vec3 half{0, 0, 0};

  /// How far it reaches along a unit vector from its centre.
  double reach(const Vec3& along) const {
    if (radius > 0) return radius;
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i) sum += half[i] * std::abs(dot(axes[i], along));
    return sum;
  }
  Vec3 nearest(const Vec3& p) const {
    Vec3 found = center;
    for (std::size_t i = 0; i < 3; ++i) {
      found = found + std::clamp(dot(p - center, axes[i]), -half[i], half[i]) * axes[i];
    }
    return found;
  }
};

std::optional<Solid> solid_of(const BodySpec& body, const Pose& X_WB) {
  Solid solid;
  solid.center = X_WB.position;
  if (body.info.shape == "sphere") {
    solid.radius = body.size[0];
    return solid;
  }
  if (body.info.shape != "box") return std::nullopt;
  for (std::size_t i = 0; i < 3; ++i) {
    Vec3 unit{0, 0, 0};
    unit[i] = 1;
    solid.axes[i] = rotate(X_WB.rotation, unit);
    solid.half[i] = body.size[i] / 2;
  }
  return solid;
}

/// Directions of which one separates two convex solids if any does: faces and crossed edges of boxes, the shortest way
/// to a ball.
std::vector<Vec3> candidate_axes(const Solid& a, const Solid& b) {
  std::vector<Vec3> axes;
  const auto add = [&](const Vec3& axis) {
    if (norm(axis) > 1e-6) axes.push_back(normalized(axis));
  };
  for (const Solid* solid : {&a, &b}) {
    if (solid->radius > 0) continue;
    for (const Vec3& axis : solid->axes) add(axis);
  }
  if (a.radius > 0 && b.radius > 0) add(b.center - a.center);
  if (a.radius > 0 && b.radius == 0) add(b.nearest(a.center) - a.center);
  if (a.radius == 0 && b.radius > 0) add(a.nearest(b.center) - b.center);
  if (a.radius > 0 || b.radius > 0) return axes;
  for (const Vec3& x : a.axes) {
    for (const Vec3& y : b.axes) add(cross(x, y));
  }
  return axes;
}

/// How deep two solids stand in each other [m]; 0 when they do not.
double overlap(const Solid& a, const Solid& b) {
  double least = a.radius > 0 && b.radius > 0 ? a.radius + b.radius : 1e9;  // one centre in the other
  for (const Vec3& axis : candidate_axes(a, b)) {
    least = std::min(least, a.reach(axis) + b.reach(axis) - std::abs(dot(b.center - a.center, axis)));
  }
  return std::max(0.0, least);
}

/// How deep a solid stands behind a plane's face.
double sunk(const Solid& solid, const Pose& X_WPlane) {
  const Vec3 up = rotate(X_WPlane.rotation, {0, 0, 1});
  return std::max(0.0, solid.reach(up) - dot(solid.center - X_WPlane.position, up));
}

/// Greatest overlap in one frame of which at least one partner is free to move.
double deepest(const World& world, const FrameWorld& frame) {
  struct Placed {
    Solid solid;
    bool moves;
  };
  std::vector<Placed> placed;
  std::vector<Pose> planes;
  for (std::size_t b = 0; b < frame.bodies.size(); ++b) {
    const BodySpec& body = world.scene.bodies[b];
    const BodyFrame& at = frame.bodies[b];
    if (!at.alive || body.ghost) continue;
    if (body.info.shape == "plane") planes.push_back(at.X_WB);
    if (const auto solid = solid_of(body, at.X_WB)) placed.push_back({*solid, body.rigid.mass > 0});
  }
  double depth = 0;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    for (const Pose& plane : planes) {
      if (placed[i].moves) depth = std::max(depth, sunk(placed[i].solid, plane));
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (placed[i].moves || placed[j].moves) depth = std::max(depth, overlap(placed[i].solid, placed[j].solid));
    }
  }
  return depth;
}

}  // namespace

/// The greatest depth to which two balls, boxes or planes stand in each other [m].
Residual depart_from_solidity(const World& world, const World& /*truth*/) {
  if (world.scene.voxels) return std::nullopt;
  const ShownWorld shown(world);
  double depth = 0;
  for (int frame = 0; frame < shown.frames(); ++frame) depth = std::max(depth, deepest(world, shown.at(frame)));
  return depth;
}

}  // namespace bitemark::sim
