// The books of mechanics, step by step: what contacts, friction and weight give is what momentum gains.
#include <gtest/gtest.h>

#include <cmath>

#include "sim/motion.h"
#include "sim/scenarios.h"
#include "sim/vec.h"

namespace bitemark::sim {
namespace {

constexpr double kG = 9.81;

/// The velocity that Bullet holds: velocity() adds half a step of gravity to bodies that touch nothing.
Vec3 held_velocity(const PhysicsWorld& world, int body) {
  for (const Contact& contact : world.contacts()) {
    if (contact.a == body || contact.b == body) return world.velocity(body);
  }
  return world.velocity(body) - (0.5 * world.step_s()) * Vec3{0, 0, -kG};
}

struct Given {
  const char* name;
  SolverProfile solver;
  bool boxes;
};
void PrintTo(const Given& given, std::ostream* out) { *out << given.name; }

class Books : public testing::TestWithParam<Given> {};

/// A heap: things fall on each other and on a rough floor, slide, turn and bounce.
TEST_P(Books, ContactFrictionAndWeightAreTheChangeOfMomentum) {
  PhysicsWorld world({960, GetParam().solver, {0, 0, -kG}});
  RigidBody floor;
  floor.shape.kind = CollisionShape::Kind::kPlane;
  floor.restitution = floor.friction = 1;
  world.add(floor);
  std::vector<int> bodies;
  std::vector<double> masses;
  for (int i = 0; i < 6; ++i) {
    RigidBody body;
    body.shape = {CollisionShape::Kind::kSphere, {0.1, 0.1, 0.1}, {}, {}};
    if (GetParam().boxes) body.shape = {CollisionShape::Kind::kBox, {0.2, 0.24, 0.16}, {}, {}};
    body.mass = 0.4 + 0.3 * i;
    body.restitution = 0.5;
    body.friction = 0.6;
    body.X_WB = {{0.06 * i, 0.03 * (i % 2), 0.2 + 0.25 * i}, about_axis({0.6, 0.8, 0}, 0.3 * i)};
    body.velocity = {1.5 - 0.2 * i, 0.3 * i, 0};
    body.angular_velocity = {1, -2, 3};
    bodies.push_back(world.add(body));
    masses.push_back(body.mass);
  }
  int touching = 0;
  double sideways = 0;
  for (int step = 0; step < 1440; ++step) {
    std::vector<Vec3> before;
    for (const int body : bodies) before.push_back(held_velocity(world, body));
    world.step();
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      const Vec3 pushed = world.impulse_on(bodies[i]);
      const Vec3 gained = masses[i] * (held_velocity(world, bodies[i]) - before[i]);
      const Vec3 weight = (masses[i] * world.step_s()) * Vec3{0, 0, -kG};
      // 50 iterations add impulses of up to 10 N s to a velocity: rounding stays below 50 * 10 * 2e-16 * 10 = 1e-12.
      ASSERT_LT(norm(gained - pushed - weight), 1e-12) << "body " << i << " at step " << step;
      touching += norm(pushed) > 0 ? 1 : 0;
      sideways += std::hypot(pushed[0], pushed[1]);
    }
  }
  EXPECT_GT(touching, 1000) << "they did touch";
  EXPECT_GT(sideways, 1) << "and rub";
}
INSTANTIATE_TEST_SUITE_P(Heaps, Books,
                         testing::Values(Given{"balls", SolverProfile::kBouncing, false},
                                         Given{"boxes", SolverProfile::kBouncing, true},
                                         Given{"stacked", SolverProfile::kStacking, true}),
                         [](const auto& test) { return test.param.name; });

/// What the event says is what the struck ball got.
TEST(BooksOfATake, ContactImpulseIsTheChangeOfMomentum) {
  for (int take = 0; take < 5; ++take) {
    const SceneSpec scene = resolve(shipped("launch"), "test", take, 0);
    const Motion motion = simulate(scene);
    const auto struck = static_cast<std::size_t>(scene.find("struck"));
    const auto event = std::find_if(motion.events.begin(), motion.events.end(), [](const Event& e) {
      return e.type == "contact_begin" && e.ids[0] != 0 && e.ids[1] != 0;
    });
    ASSERT_NE(event, motion.events.end());
    const auto step = static_cast<std::size_t>(event->step);
    const double mass = motion.forms[struck].front().mass;
    const Vec3 change = motion.steps[step + 1][struck].velocity - motion.steps[step - 1][struck].velocity;
    // Two steps of friction: mu m g dt each, mu = 0.5 * 0.4; normal impulses of the floor have no part along x and y.
    const double rubbed = 2 * 0.5 * 0.4 * mass * kG / motion.step_hz;
    EXPECT_NEAR(mass * std::hypot(change[0], change[1]), event->impulse_Ns, rubbed + 0.3 * event->impulse_Ns * 0.4)
        << "the balls rub against each other as well: mu = 0.4 * 0.4 across";
    EXPECT_NEAR(std::abs(mass * dot(change, event->normal)), event->impulse_Ns, rubbed) << "along the normal";
  }
}

/// Balls without friction push along one normal: the contacts of a step alone tell what each ball gained.
TEST(BooksOfATake, ContactsOfAStepAreTheChangeOfMomentum) {
  PhysicsWorld world({960, SolverProfile::kBouncing, {0, 0, -kG}});
  RigidBody floor;
  floor.shape.kind = CollisionShape::Kind::kPlane;
  floor.restitution = 1;
  floor.friction = 0;
  world.add(floor);
  std::vector<int> balls;
  for (int i = 0; i < 5; ++i) {
    RigidBody ball;
    ball.shape = {CollisionShape::Kind::kSphere, {0.1, 0.1, 0.1}, {}, {}};
    ball.mass = 1;
    ball.restitution = 0.8;
    ball.friction = 0;
    ball.X_WB.position = {0.07 * i, 0.02 * (i % 2), 0.3 + 0.25 * i};
    balls.push_back(world.add(ball));
  }
  int touching = 0;
  for (int step = 0; step < 1920; ++step) {
    std::vector<Vec3> before;
    for (const int ball : balls) before.push_back(held_velocity(world, ball));
    world.step();
    for (std::size_t i = 0; i < balls.size(); ++i) {
      Vec3 pushed{0, 0, 0};
      for (const Contact& contact : world.contacts()) {
        const double sign = contact.a == balls[i] ? 1 : contact.b == balls[i] ? -1 : 0;
        pushed = pushed + (sign * contact.impulse) * contact.normal;
      }
      const Vec3 gained = held_velocity(world, balls[i]) - before[i] + world.step_s() * Vec3{0, 0, kG};
      ASSERT_LT(norm(gained - pushed), 1e-12) << "ball " << i << " at step " << step;  // rounding as above
      touching += norm(pushed) > 0 ? 1 : 0;
    }
  }
  EXPECT_GT(touching, 50);
}

/// From the step before a contact to its end a ball flies, touches and flies: the impulse is what it gained beside its
/// weight.
TEST(BooksOfATake, ImpulseOfABounceIsTheChangeOfMomentum) {
  int bounces = 0;
  for (int take = 0; take < 5; ++take) {
    const SceneSpec scene = resolve(shipped("bounce"), "test", take, 0);
    const Motion motion = simulate(scene);
    for (const Event& end : motion.events) {
      if (end.type != "contact_end") continue;
      const auto begin = std::find_if(motion.events.begin(), motion.events.end(), [&](const Event& e) {
        return e.type == "contact_begin" && e.position == end.position;
      });
      ASSERT_NE(begin, motion.events.end());
      EXPECT_EQ(begin->impulse_Ns, end.impulse_Ns);
      const auto ball =
          static_cast<std::size_t>(std::find_if(scene.bodies.begin(), scene.bodies.end(),
                                                [&](const BodySpec& body) { return body.info.id == end.ids[0]; }) -
                                   scene.bodies.begin());
      const double m = motion.forms[ball].front().mass;
      const auto first = static_cast<std::size_t>(begin->step - 1), last = static_cast<std::size_t>(end.step);
      const double fallen_s = static_cast<double>(last - first) / motion.step_hz;
      const double gained =
          motion.steps[last][ball].velocity[2] - motion.steps[first][ball].velocity[2] + kG * fallen_s;
      // Rounding of a few steps at 10 m/s: 1e-14 of m/s.
      EXPECT_NEAR(end.impulse_Ns, m * gained, 1e-12 * m) << "take " << take << " at " << begin->time_s << " s";
      EXPECT_LE(end.step - begin->step, 2) << "a bounce takes a step or two";
      ++bounces;
    }
  }
  EXPECT_GT(bounces, 10);
}

/// Thin walls and small bodies at 60 m/s: between two steps a ball goes 62 mm at 960 Hz, 250 mm at 240 Hz.
TEST(NoTunnelling, WallsHoldAtSixtyMetresASecond) {
  for (const int hz : {240, 480, 960}) {
    for (const double thickness : {0.005, 0.02, 0.1}) {
      for (const double radius : {0.02, 0.05, 0.15}) {
        for (int i = 0; i < 8; ++i) {  // the wall lies elsewhere in the step each time
          PhysicsWorld world({hz, SolverProfile::kBouncing, {0, 0, 0}});
          RigidBody wall;
          wall.shape = {CollisionShape::Kind::kBox, {thickness, 3, 3}, {}, {}};
          wall.restitution = 1;
          wall.X_WB.position = {1 + 0.0091 * i, 0, 0};
          world.add(wall);
          RigidBody ball;
          ball.shape = {CollisionShape::Kind::kSphere, {radius, radius, radius}, {}, {}};
          ball.mass = 0.2;
          ball.restitution = 0.8;
          ball.velocity = {60, 0, 0};
          const int body = world.add(ball);
          double farthest = 0;
          for (int step = 0; step < hz / 10; ++step) {
            world.step();
            farthest = std::max(farthest, world.pose(body).position[0]);
          }
          EXPECT_LT(farthest, wall.X_WB.position[0]) << hz << " Hz, " << thickness << " m, radius " << radius;
          EXPECT_LT(world.velocity(body)[0], 0) << hz << " Hz, " << thickness << " m, radius " << radius;
        }
      }
    }
  }
}

}  // namespace
}  // namespace bitemark::sim
