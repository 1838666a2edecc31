// Bodies for tests of the physics against closed forms. g = 9.81 m/s^2; dt = 1 / step_hz.
#pragma once

#include <cmath>

#include "sim/physics.h"
#include "sim/vec.h"

namespace bitemark::sim {

inline constexpr double kG = 9.81;

inline RigidBody ball(double radius, double mass, const Vec3& position, const Vec3& velocity = {0, 0, 0}) {
  RigidBody body;
  body.shape = {CollisionShape::Kind::kSphere, {radius, radius, radius}, {}, {}};
  body.mass = mass;
  body.X_WB.position = position;
  body.velocity = velocity;
  return body;
}

inline RigidBody box(const Vec3& size, double mass, const Vec3& position) {
  RigidBody body;
  body.shape = {CollisionShape::Kind::kBox, size, {}, {}};
  body.mass = mass;
  body.X_WB.position = position;
  return body;
}

inline RigidBody ground(double restitution, double friction = 0.5) {
  RigidBody body;
  body.shape.kind = CollisionShape::Kind::kPlane;
  body.restitution = restitution;
  body.friction = friction;
  return body;
}

inline void run(PhysicsWorld& world, double seconds) {
  const auto steps = std::llround(seconds / world.step_s());
  for (std::int64_t i = 0; i < steps; ++i) world.step();
}

/// Mean time between a pendulum's passages through x = 0 from the positive side, placed between steps, over `seconds`.
inline double measured_period(PhysicsWorld& world, int body, double seconds) {
  double previous = 1, first = -1, last = -1;
  int crossings = 0;
  const auto steps = std::llround(seconds / world.step_s());
  for (std::int64_t i = 1; i <= steps; ++i) {
    world.step();
    const double x = world.pose(body).position[0];
    if (previous > 0 && x <= 0) {
      last = (static_cast<double>(i - 1) + previous / (previous - x)) * world.step_s();
      if (crossings++ == 0) first = last;
    }
    previous = x;
  }
  return (last - first) / (crossings - 1);
}

}  // namespace bitemark::sim
