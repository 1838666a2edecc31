#include "sim/physics.h"

#include <btBulletDynamicsCommon.h>

#include <algorithm>
#include <stdexcept>

#include "base/error.h"
#include "sim/contact_solver.h"
#include "sim/vec.h"

namespace bitemark::sim {
namespace {

static_assert(sizeof(btScalar) == 8, "Bullet must be the double-precision build");

btVector3 to_bullet(const Vec3& v) { return {v[0], v[1], v[2]}; }
Vec3 from_bullet(const btVector3& v) { return {v.x(), v.y(), v.z()}; }
btTransform to_bullet(const Pose& X) {
  const Quaternion& q = X.rotation;
  return btTransform(btQuaternion(q[1], q[2], q[3], q[0]), to_bullet(X.position));
}

std::unique_ptr<btCollisionShape> make_shape(const CollisionShape& shape,
                                             std::vector<std::unique_ptr<btCollisionShape>>& parts) {
  const Vec3& s = shape.size;
  switch (shape.kind) {
    case CollisionShape::Kind::kSphere:
      return std::make_unique<btSphereShape>(s[0]);
    case CollisionShape::Kind::kBox:
      return std::make_unique<btBoxShape>(to_bullet(0.5 * s));
    case CollisionShape::Kind::kCylinder:
      return std::make_unique<btCylinderShapeZ>(btVector3(s[0], s[0], s[2] / 2));
    case CollisionShape::Kind::kPlane:
      return std::make_unique<btStaticPlaneShape>(btVector3(0, 0, 1), 0);
    case CollisionShape::Kind::kBoxes:
    case CollisionShape::Kind::kHulls:
      break;
  }
  auto compound = std::make_unique<btCompoundShape>();
  for (const std::vector<Vec3>& corners : shape.hulls) {
    auto hull = std::make_unique<btConvexHullShape>();
    hull->setMargin(kHullMargin);  // before the points: the box around them is kept from here on
    for (const Vec3& corner : corners) hull->addPoint(to_bullet(corner), false);
    hull->recalcLocalAabb();
    compound->addChildShape(btTransform::getIdentity(), hull.get());
    parts.push_back(std::move(hull));
  }
  for (const CollisionShape::Part& part : shape.boxes) {
    parts.push_back(std::make_unique<btBoxShape>(to_bullet(0.5 * part.size)));
    compound->addChildShape(btTransform(btQuaternion::getIdentity(), to_bullet(part.center)), parts.back().get());
  }
  return compound;
}

/// Did the last step's solver push at this point? One that it left out, because the bodies have parted or are not yet
/// there, keeps the impulses of the last step in which it was solved.
bool is_solved(const btPersistentManifold& manifold, const btManifoldPoint& point) {
  return point.getDistance() <= manifold.getContactProcessingThreshold();
}

btVector3 inertia_of(const RigidBody& body, const btCollisionShape& shape) {
  btVector3 inertia = to_bullet(body.inertia);
  if (body.mass > 0 && inertia.isZero()) shape.calculateLocalInertia(body.mass, inertia);
  return inertia;
}

}  // namespace

SolverProfile solver_from_name(const std::string& name) {
  if (name == "bouncing") return SolverProfile::kBouncing;
  if (name == "stacking") return SolverProfile::kStacking;
  throw std::invalid_argument("unknown solver profile '" + name + "', expected bouncing or stacking");
}

/// Members are destroyed from the last to the first: constraints and bodies before the world they live in.
struct PhysicsWorld::Bullet {
  btDefaultCollisionConfiguration configuration;
  btCollisionDispatcher dispatcher{&configuration};
  btDbvtBroadphase broadphase;
  ContactSolver solver;
  btDiscreteDynamicsWorld world{&dispatcher, &broadphase, &solver, &configuration};
  std::vector<std::unique_ptr<btCollisionShape>> shapes;
  std::vector<std::unique_ptr<btRigidBody>> bodies;
  std::vector<std::unique_ptr<btTypedConstraint>> pins;
  std::vector<bool> touching;

  ~Bullet() {
    for (auto& pin : pins) world.removeConstraint(pin.get());
    for (auto& body : bodies) world.removeRigidBody(body.get());
  }
};

PhysicsWorld::PhysicsWorld(const PhysicsSettings& settings) : settings_(settings), bullet_(std::make_unique<Bullet>()) {
  btDiscreteDynamicsWorld& world = bullet_->world;
  world.setGravity(to_bullet(settings.gravity));
  btContactSolverInfo& info = world.getSolverInfo();
  info.m_numIterations = 50;
  info.m_restitutionVelocityThreshold = 0;
  info.m_splitImpulse = 1;
  info.m_splitImpulsePenetrationThreshold = settings.solver == SolverProfile::kBouncing ? 0.0 : -0.04;
  world.getDispatchInfo().m_deterministicOverlappingPairs = true;
}

PhysicsWorld::~PhysicsWorld() = default;

int PhysicsWorld::add(const RigidBody& spec) {
  bullet_->shapes.push_back(make_shape(spec.shape, bullet_->shapes));
  btCollisionShape& shape = *bullet_->shapes.back();
  btRigidBody::btRigidBodyConstructionInfo info(spec.mass, nullptr, &shape, inertia_of(spec, shape));
  info.m_startWorldTransform = to_bullet(spec.X_WB);
  info.m_restitution = spec.restitution;
  info.m_friction = spec.friction;
  info.m_rollingFriction = spec.rolling_friction;
  auto body = std::make_unique<btRigidBody>(info);
  body->setActivationState(DISABLE_DEACTIVATION);  // sleeping bodies freeze slow motion
  if (settings_.solver == SolverProfile::kBouncing) body->setContactProcessingThreshold(0);
  if (spec.kinematic) body->setCollisionFlags(body->getCollisionFlags() | btCollisionObject::CF_KINEMATIC_OBJECT);
  if (spec.mass > 0) {
    body->setLinearVelocity(to_bullet(spec.velocity - (0.5 * step_s()) * settings_.gravity));
    body->setAngularVelocity(to_bullet(spec.angular_velocity));
    // With a processing threshold of 0 a fast body would pass a thin one between two steps.
    btVector3 center;
    btScalar radius = 0;
    shape.getBoundingSphere(center, radius);
    body->setCcdMotionThreshold(0.25 * radius);
    body->setCcdSweptSphereRadius(0.5 * radius);
  }
  bullet_->world.addRigidBody(body.get());
  body->setUserIndex(static_cast<int>(bullet_->bodies.size()));
  bullet_->bodies.push_back(std::move(body));
  bullet_->touching.push_back(false);
  return static_cast<int>(bullet_->bodies.size()) - 1;
}

void PhysicsWorld::pin(int body, const Vec3& pivot) {
  auto constraint =
      std::make_unique<btPoint2PointConstraint>(*bullet_->bodies.at(static_cast<std::size_t>(body)), to_bullet(pivot));
  bullet_->world.addConstraint(constraint.get());
  bullet_->pins.push_back(std::move(constraint));
}

void PhysicsWorld::replace_shape(int index, const CollisionShape& shape, double mass, const Vec3& inertia,
                                 const Vec3& center_shift) {
  btRigidBody& body = *bullet_->bodies.at(static_cast<std::size_t>(index));
  const btVector3 shift = body.getWorldTransform().getBasis() * to_bullet(center_shift);
  body.setLinearVelocity(body.getLinearVelocity() + body.getAngularVelocity().cross(shift));
  body.getWorldTransform().setOrigin(body.getWorldTransform().getOrigin() + shift);
  body.setInterpolationWorldTransform(body.getWorldTransform());
  bullet_->shapes.push_back(make_shape(shape, bullet_->shapes));
  bullet_->world.removeRigidBody(&body);  // also drops the manifolds that point into the old shape
  body.setCollisionShape(bullet_->shapes.back().get());
  body.setMassProps(mass, to_bullet(inertia));
  body.updateInertiaTensor();
  bullet_->world.addRigidBody(&body);
}

void PhysicsWorld::add_velocity(int body, const Vec3& change) {
  btRigidBody& b = *bullet_->bodies.at(static_cast<std::size_t>(body));
  b.setLinearVelocity(b.getLinearVelocity() + to_bullet(change));
}

void PhysicsWorld::hinge(int body, const Vec3& pivot, const Vec3& axis) {
  btRigidBody& b = *bullet_->bodies.at(static_cast<std::size_t>(body));
  auto constraint = std::make_unique<btHingeConstraint>(b, to_bullet(pivot), to_bullet(axis));
  bullet_->world.addConstraint(constraint.get());
  bullet_->pins.push_back(std::move(constraint));
}

void PhysicsWorld::drive(int body, const Pose& X_WB) {
  bullet_->bodies.at(static_cast<std::size_t>(body))->setWorldTransform(to_bullet(X_WB));
}

void PhysicsWorld::remove(int body) {
  bullet_->world.removeRigidBody(bullet_->bodies.at(static_cast<std::size_t>(body)).get());
}

bool PhysicsWorld::near(int a, int b, double within) {
  struct Nearest : btCollisionWorld::ContactResultCallback {
    bool found = false;
    double limit = 0;
    btScalar addSingleResult(btManifoldPoint& point, const btCollisionObjectWrapper* /*a*/, int /*part_a*/,
                             int /*index_a*/, const btCollisionObjectWrapper* /*b*/, int /*part_b*/,
                             int /*index_b*/) override {
      found = found || point.getDistance() <= limit;
      return 0;
    }
  } nearest;
  nearest.limit = nearest.m_closestDistanceThreshold = within;
  bullet_->world.contactPairTest(bullet_->bodies.at(static_cast<std::size_t>(a)).get(),
                                 bullet_->bodies.at(static_cast<std::size_t>(b)).get(), nearest);
  return nearest.found;
}

void PhysicsWorld::step() {
  bullet_->world.stepSimulation(step_s(), 0);
  ++steps_;
  collect_contacts();
}

Vec3 PhysicsWorld::impulse_on(int body) const {
  Vec3 sum{0, 0, 0};
  for (int i = 0; i < bullet_->dispatcher.getNumManifolds(); ++i) {
    const btPersistentManifold& manifold = *bullet_->dispatcher.getManifoldByIndexInternal(i);
    const bool first = manifold.getBody0()->getUserIndex() == body,
               second = manifold.getBody1()->getUserIndex() == body;
    for (int k = 0; (first || second) && k < manifold.getNumContacts(); ++k) {
      const btManifoldPoint& point = manifold.getContactPoint(k);
      if (!is_solved(manifold, point)) continue;
      const Vec3 impulse = point.getAppliedImpulse() * from_bullet(point.m_normalWorldOnB) +
                           point.m_appliedImpulseLateral1 * from_bullet(point.m_lateralFrictionDir1);
      sum = sum + (first ? 1.0 : -1.0) * impulse;
    }
  }
  return sum;
}

void PhysicsWorld::collect_contacts() {
  contacts_.clear();
  bullet_->touching.assign(bullet_->bodies.size(), false);
  for (int i = 0; i < bullet_->dispatcher.getNumManifolds(); ++i) {
    const btPersistentManifold& manifold = *bullet_->dispatcher.getManifoldByIndexInternal(i);
    Contact contact{manifold.getBody0()->getUserIndex(), manifold.getBody1()->getUserIndex()};
    for (int k = 0; k < manifold.getNumContacts(); ++k) {
      const btManifoldPoint& point = manifold.getContactPoint(k);
      const double impulse = point.getAppliedImpulse();
      if (impulse <= 0 || !is_solved(manifold, point)) continue;
      contact.impulse += impulse;
      contact.position = contact.position + impulse * from_bullet(point.getPositionWorldOnB());
      contact.normal = contact.normal + impulse * from_bullet(point.m_normalWorldOnB);
    }
    if (contact.impulse <= 0) continue;
    contact.position = (1 / contact.impulse) * contact.position;
    contact.normal = normalized(contact.normal);
    bullet_->touching[static_cast<std::size_t>(contact.a)] = bullet_->touching[static_cast<std::size_t>(contact.b)] =
        true;
    if (contact.a > contact.b) {
      std::swap(contact.a, contact.b);
      contact.normal = -1.0 * contact.normal;
    }
    contacts_.push_back(contact);
  }
  std::sort(contacts_.begin(), contacts_.end(),
            [](const Contact& l, const Contact& r) { return std::pair(l.a, l.b) < std::pair(r.a, r.b); });
}

Pose PhysicsWorld::pose(int body) const {
  const btTransform& X = bullet_->bodies.at(static_cast<std::size_t>(body))->getWorldTransform();
  const btQuaternion q = X.getRotation();
  return {from_bullet(X.getOrigin()), {q.w(), q.x(), q.y(), q.z()}};
}

Vec3 PhysicsWorld::velocity(int index) const {
  const btRigidBody& body = *bullet_->bodies.at(static_cast<std::size_t>(index));
  const Vec3 v = from_bullet(body.getLinearVelocity());
  const bool flies = body.getInvMass() > 0 && !bullet_->touching.at(static_cast<std::size_t>(index));
  return flies ? v + (0.5 * step_s()) * settings_.gravity : v;
}

Vec3 PhysicsWorld::angular_velocity(int body) const {
  return from_bullet(bullet_->bodies.at(static_cast<std::size_t>(body))->getAngularVelocity());
}

}  // namespace bitemark::sim
