#include "sim/cloth.h"

#include <BulletSoftBody/btSoftBody.h>
#include <BulletSoftBody/btSoftBodyHelpers.h>
#include <BulletSoftBody/btSoftBodyRigidBodyCollisionConfiguration.h>
#include <BulletSoftBody/btSoftRigidDynamicsWorld.h>
#include <btBulletDynamicsCommon.h>

#include <algorithm>
#include <cmath>

#include "sim/vec.h"

namespace bitemark::sim {
namespace {

constexpr int kStepHz = 240;             // enough for cloth; rigid bodies are read at these times
constexpr int kNodes = 27;               // along each side
constexpr double kGrip = 0.92;           // of its velocity a node keeps in each step on a ball
constexpr double kClothMargin_m = 0.02;  // cloth stays this far from what it lies on

btVector3 to_bullet(const Vec3& v) { return {v[0], v[1], v[2]}; }
btTransform to_bullet(const Pose& X) {
  const Quaternion& q = X.rotation;
  return btTransform(btQuaternion(q[1], q[2], q[3], q[0]), to_bullet(X.position));
}

std::unique_ptr<btCollisionShape> obstacle_shape(const BodySpec& body) {
  const Vec3& s = body.size;
  if (body.info.shape == "sphere") return std::make_unique<btSphereShape>(s[0]);
  if (body.info.shape == "box") return std::make_unique<btBoxShape>(to_bullet(0.5 * s));
  if (body.info.shape == "cylinder") return std::make_unique<btCylinderShapeZ>(btVector3(s[0], s[0], s[2] / 2));
  if (body.info.shape == "plane") return std::make_unique<btStaticPlaneShape>(btVector3(0, 0, 1), 0);
  return nullptr;
}

/// One cloth in a soft-body world of its own, with the other bodies as moving obstacles.
class Draper {
 public:
  Draper(const SceneSpec& scene, const Motion& motion, std::size_t cloth) : scene_(scene), motion_(motion) {
    world_.setGravity(to_bullet(scene.physics.gravity));
    btSoftBodyWorldInfo& info = world_.getWorldInfo();
    info.m_gravity = to_bullet(scene.physics.gravity);
    info.m_sparsesdf.Initialize();
    info.m_sparsesdf.setDefaultVoxelsz(0.04);  // Bullet's 0.25 m does not see how round a ball is
    add_obstacles();
    add_cloth(scene.bodies[cloth]);
    result_.body = static_cast<int>(cloth);
    result_.step_hz = kStepHz;
    result_.side = kNodes;
    for (int i = 0; i < soft_->m_nodes.size(); ++i) {
      const btVector3 local = soft_->m_nodes[i].m_x - to_bullet(scene.bodies[cloth].rigid.X_WB.position);
      result_.rest.push_back({local.x(), local.y(), local.z()});
    }
  }
  ~Draper() {
    world_.removeSoftBody(soft_.get());
    for (auto& body : obstacles_) world_.removeRigidBody(body.get());
  }
  Draper(const Draper&) = delete;
  Draper& operator=(const Draper&) = delete;

  ClothMotion run() {
    record();
    const auto steps = static_cast<int>(std::ceil(scene_.duration_s * kStepHz)) + 1;
    for (int step = 1; step <= steps; ++step) {
      place_obstacles(step);
      world_.stepSimulation(1.0 / kStepHz, 0);
      leave_balls();
      record();
    }
    return std::move(result_);
  }

 private:
  void add_obstacles() {
    for (std::size_t i = 0; i < scene_.bodies.size(); ++i) {
      auto shape = obstacle_shape(scene_.bodies[i]);
      if (shape == nullptr || !scene_.bodies[i].present || scene_.bodies[i].ghost) continue;
      btRigidBody::btRigidBodyConstructionInfo info(0, nullptr, shape.get());
      info.m_startWorldTransform = to_bullet(motion_.steps.front()[i].X_WB);
      info.m_friction = 0.6;
      obstacles_.push_back(std::make_unique<btRigidBody>(info));
      obstacles_.back()->setCollisionFlags(btCollisionObject::CF_KINEMATIC_OBJECT);
      obstacles_.back()->setActivationState(DISABLE_DEACTIVATION);
      world_.addRigidBody(obstacles_.back().get());
      shapes_.push_back(std::move(shape));
      bodies_.push_back(i);
    }
  }

  void add_cloth(const BodySpec& body) {
    const Vec3 h = 0.5 * body.size;
    const auto corner = [&](double x, double y) {
      return to_bullet(transform(body.rigid.X_WB, {x * h[0], y * h[1], 0}));
    };
    soft_.reset(btSoftBodyHelpers::CreatePatch(world_.getWorldInfo(), corner(-1, -1), corner(1, -1), corner(-1, 1),
                                               corner(1, 1), kNodes, kNodes, 0, true));
    soft_->getCollisionShape()->setMargin(kClothMargin_m);
    btSoftBody::Material* material = soft_->m_materials[0];
    material->m_kLST = 0.8;
    btSoftBody::Material* bending = soft_->appendMaterial();
    bending->m_kLST = 0.03;
    soft_->generateBendingConstraints(2, bending);
    soft_->m_cfg.piterations = 12;
    // Bullet's order ends with the threads, whose pull draws nodes into what they lie on.
    soft_->m_cfg.m_psequence.resize(0);
    soft_->m_cfg.m_psequence.push_back(btSoftBody::ePSolver::Linear);
    soft_->m_cfg.m_psequence.push_back(btSoftBody::ePSolver::RContacts);
    soft_->m_cfg.kKHR = 1;     // scripted and recorded bodies are as hard as others
    soft_->m_cfg.kDF = 0.5;    // friction
    soft_->m_cfg.kDP = 0.004;  // part of the velocity that air takes in a step
    soft_->setTotalMass(body.rigid.mass);
    soft_->setVelocity(to_bullet(body.rigid.velocity));
    soft_->setActivationState(DISABLE_DEACTIVATION);
    world_.addSoftBody(soft_.get());
  }

  void place_obstacles(int step) {
    const auto at =
        std::min(motion_.steps.size() - 1,
                 static_cast<std::size_t>(std::llround(static_cast<double>(step) / kStepHz * motion_.step_hz)));
    for (std::size_t k = 0; k < bodies_.size(); ++k) {
      obstacles_[k]->setWorldTransform(to_bullet(motion_.steps[at][bodies_[k]].X_WB));
    }
  }

  /// Bullet's contacts leave nodes some millimetres inside a ball: they are put back on it, without inward velocity.
  void leave_balls() {
    for (std::size_t k = 0; k < bodies_.size(); ++k) {
      if (scene_.bodies[bodies_[k]].info.shape != "sphere") continue;
      const btVector3 center = obstacles_[k]->getWorldTransform().getOrigin();
      const double reach = scene_.bodies[bodies_[k]].size[0] + 0.5 * kClothMargin_m;
      for (int i = 0; i < soft_->m_nodes.size(); ++i) {
        btSoftBody::Node& node = soft_->m_nodes[i];
        const btVector3 out = node.m_x - center;
        if (out.length2() >= reach * reach) continue;
        const btVector3 normal = out.normalized();
        node.m_x = center + reach * normal;
        node.m_v = kGrip * (node.m_v - std::min<btScalar>(0, node.m_v.dot(normal)) * normal);
      }
    }
  }

  void record() {
    std::vector<Vec3> nodes;
    for (int i = 0; i < soft_->m_nodes.size(); ++i) {
      const btVector3& x = soft_->m_nodes[i].m_x;
      nodes.push_back({x.x(), x.y(), x.z()});
    }
    result_.nodes.push_back(std::move(nodes));
  }

  const SceneSpec& scene_;
  const Motion& motion_;
  btSoftBodyRigidBodyCollisionConfiguration configuration_;
  btCollisionDispatcher dispatcher_{&configuration_};
  btDbvtBroadphase broadphase_;
  btSequentialImpulseConstraintSolver solver_;
  btSoftRigidDynamicsWorld world_{&dispatcher_, &broadphase_, &solver_, &configuration_};
  std::vector<std::unique_ptr<btCollisionShape>> shapes_;
  std::vector<std::unique_ptr<btRigidBody>> obstacles_;
  std::vector<std::size_t> bodies_;  ///< of each obstacle: index in the scene
  std::unique_ptr<btSoftBody> soft_;
  ClothMotion result_;
};

/// Two triangles a cell seen from above, the same from below, with normals from the faces around each node.
Mesh mesh_of_nodes(const std::vector<V3>& nodes, const std::vector<Vec3>& rest, int side) {
  Mesh mesh;
  mesh.surface = Mesh::Surface::kSmooth;
  const auto n = static_cast<std::uint32_t>(side);
  std::vector<V3> normals(nodes.size());
  for (std::uint32_t y = 0; y + 1 < n; ++y) {
    for (std::uint32_t x = 0; x + 1 < n; ++x) {
      const std::uint32_t a = y * n + x, b = a + 1, c = a + n, d = c + 1;
      for (const auto& [i, j, k] : {std::array<std::uint32_t, 3>{a, b, d}, {a, d, c}}) {
        const V3 normal = cross(nodes[j] - nodes[i], nodes[k] - nodes[i]);
        for (const std::uint32_t corner : {i, j, k}) normals[corner] = normals[corner] + normal;
        mesh.triangles.push_back({i, j, k});
      }
    }
  }
  mesh.positions = nodes;
  for (const V3& normal : normals) mesh.normals.push_back(normalized(normal));
  for (const Vec3& p : rest) mesh.rest.push_back(to_float(p));
  const std::size_t above = mesh.triangles.size();
  const auto first = static_cast<std::uint32_t>(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    mesh.positions.push_back(nodes[i]);
    mesh.normals.push_back(-1.0F * mesh.normals[i]);
    mesh.rest.push_back(mesh.rest[i]);
  }
  for (std::size_t t = 0; t < above; ++t) {
    const auto [i, j, k] = mesh.triangles[t];
    mesh.triangles.push_back({first + i, first + k, first + j});
  }
  return mesh;
}

}  // namespace

std::vector<ClothMotion> drape(const SceneSpec& scene, const Motion& motion) {
  std::vector<ClothMotion> all;
  for (std::size_t i = 0; i < scene.bodies.size(); ++i) {
    if (scene.bodies[i].info.shape == "cloth" && scene.bodies[i].present) all.push_back(Draper(scene, motion, i).run());
  }
  return all;
}

ClothShape cloth_at(const ClothMotion& cloth, double time_s) {
  const double at = std::clamp(time_s * cloth.step_hz, 0.0, static_cast<double>(cloth.nodes.size()) - 2);
  const auto step = static_cast<std::size_t>(at);
  const double part = at - static_cast<double>(step);
  const auto &before = cloth.nodes[step], &after = cloth.nodes[step + 1];
  const double share = 1.0 / static_cast<double>(before.size());
  ClothShape shape;
  std::vector<Vec3> nodes(before.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    nodes[i] = before[i] + part * (after[i] - before[i]);
    shape.X_WB.position = shape.X_WB.position + share * nodes[i];
    shape.velocity = shape.velocity + (share * cloth.step_hz) * (after[i] - before[i]);
  }
  std::vector<V3> local;
  for (const Vec3& node : nodes) local.push_back(to_float(node - shape.X_WB.position));
  shape.mesh = std::make_shared<Mesh>(mesh_of_nodes(local, cloth.rest, cloth.side));
  return shape;
}

}  // namespace bitemark::sim
