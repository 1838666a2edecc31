// Our rows against Bullet's own solver, to the bit.
#include "sim/contact_solver.h"

#include <btBulletDynamicsCommon.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

namespace bitemark::sim {
namespace {

/// Boxes and balls that fall onto a floor and a kinematic slab, some alone and some onto each other.
class Heap {
 public:
  Heap(btConstraintSolver& solver, double spacing, double threshold, double rolling_friction)
      : world_(&dispatcher_, &broadphase_, &solver, &configuration_) {
    world_.setGravity({0, 0, -9.81});
    world_.getSolverInfo().m_numIterations = 50;
    world_.getSolverInfo().m_restitutionVelocityThreshold = 0;
    world_.getSolverInfo().m_splitImpulse = 1;
    world_.getSolverInfo().m_splitImpulsePenetrationThreshold = threshold;
    world_.getDispatchInfo().m_deterministicOverlappingPairs = true;
    add(floor_, 0, {0, 0, -0.5}, rolling_friction);
    add(slab_, 0, {0, 6, -0.4}, rolling_friction).setCollisionFlags(btCollisionObject::CF_KINEMATIC_OBJECT);
    for (int i = 0; i < 14; ++i) {
      const btVector3 at(spacing * (i % 4), spacing * (i / 4), 0.3 + 0.21 * i);
      btRigidBody& body =
          add(i % 3 == 0 ? static_cast<btCollisionShape&>(ball_) : box_, 0.5 + 0.1 * i, at, rolling_friction);
      body.setAngularVelocity({0.3 * i, 1, -0.2 * i});
      body.setLinearVelocity({0.1 * (i % 5), -0.05 * i, 0});
    }
  }
  ~Heap() {
    for (const auto& body : bodies_) world_.removeRigidBody(body.get());
  }
  void step() { world_.stepSimulation(1.0 / 480, 0); }
  /// Poses and velocities.
  std::vector<btVector3> state() const {
    std::vector<btVector3> values;
    for (const auto& body : bodies_) {
      const btMatrix3x3& turn = body->getWorldTransform().getBasis();
      values.insert(values.end(), {body->getWorldTransform().getOrigin(), turn[0], turn[1], turn[2],
                                   body->getLinearVelocity(), body->getAngularVelocity()});
    }
    return values;
  }

 private:
  btRigidBody& add(btCollisionShape& shape, double mass, const btVector3& at, double rolling_friction) {
    btVector3 inertia(0, 0, 0);
    if (mass > 0) shape.calculateLocalInertia(mass, inertia);
    btRigidBody::btRigidBodyConstructionInfo info(mass, nullptr, &shape, inertia);
    info.m_startWorldTransform.setOrigin(at);
    info.m_restitution = 0.6;
    info.m_friction = 0.7;
    info.m_rollingFriction = rolling_friction;
    bodies_.push_back(std::make_unique<btRigidBody>(info));
    bodies_.back()->setActivationState(DISABLE_DEACTIVATION);
    bodies_.back()->setContactProcessingThreshold(0);
    world_.addRigidBody(bodies_.back().get());
    return *bodies_.back();
  }

  btDefaultCollisionConfiguration configuration_;
  btCollisionDispatcher dispatcher_{&configuration_};
  btDbvtBroadphase broadphase_;
  btDiscreteDynamicsWorld world_;
  btBoxShape floor_{btVector3(5, 5, 0.5)}, slab_{btVector3(5, 3, 0.5)}, box_{btVector3(0.1, 0.12, 0.08)};
  btSphereShape ball_{0.1};
  std::vector<std::unique_ptr<btRigidBody>> bodies_;
};

struct Given {
  const char* name;
  double spacing, threshold, rolling_friction;
};
void PrintTo(const Given& given, std::ostream* out) { *out << given.name; }

class Solvers : public testing::TestWithParam<Given> {};

TEST_P(Solvers, AgreeToTheBit) {
  btSequentialImpulseConstraintSolver theirs;
  ContactSolver ours;
  const auto [name, spacing, threshold, rolling_friction] = GetParam();
  Heap expected(theirs, spacing, threshold, rolling_friction), found(ours, spacing, threshold, rolling_friction);
  for (int step = 0; step < 1440; ++step) {
    expected.step();
    found.step();
    const std::vector<btVector3> a = expected.state(), b = found.state();
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      ASSERT_EQ(std::memcmp(a[i].m_floats, b[i].m_floats, 3 * sizeof(double)), 0)
          << "step " << step << ", body " << i / 6;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Heaps, Solvers,
                         testing::Values(Given{"apart", 1.5, 0, 0}, Given{"one_heap", 0.05, 0, 0},
                                         Given{"some_touch", 0.24, 0, 0}, Given{"stacking", 0.24, -0.04, 0},
                                         Given{"rolling", 0.5, 0, 0.02}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace bitemark::sim
