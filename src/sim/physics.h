// The rigid-body world: Bullet in double precision behind a few plain functions.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "episode/geometry.h"

namespace bitemark::sim {

/// Two recorded sets of solver constants. Bullet's defaults gain energy at a bounce; what cures that makes stacks
/// drift. Bouncing: contact processing threshold 0, split-impulse threshold 0. Stacking: split-impulse threshold
/// -0.04 m. Both: restitution velocity threshold 0.
enum class SolverProfile { kBouncing, kStacking };
SolverProfile solver_from_name(const std::string& name);  ///< "bouncing" | "stacking"; std::invalid_argument otherwise

struct PhysicsSettings {
  int step_hz = 960;
  SolverProfile solver = SolverProfile::kBouncing;
  Vec3 gravity{0, 0, -9.81};  ///< [m/s^2]
};

/// Bullet's hulls keep a distance of this from what they touch: their corners lie that far inside the solid [m].
constexpr double kHullMargin = 0.001;

/// A convex or compound solid. Boxes: full extents. Cylinders: axis z, size = (radius, radius, height).
struct CollisionShape {
  enum class Kind { kSphere, kBox, kCylinder, kPlane, kBoxes, kHulls } kind = Kind::kSphere;
  Vec3 size{0, 0, 0};  ///< sphere: (radius, ., .); plane: unused, the solid half-space is z < 0
  struct Part {
    Vec3 center, size;
  };
  std::vector<Part> boxes;               ///< kBoxes: axis-aligned parts in the body frame
  std::vector<std::vector<Vec3>> hulls;  ///< kHulls: corners of convex parts, body frame, eroded by kHullMargin
};

struct RigidBody {
  CollisionShape shape;
  double mass = 0;         ///< [kg]; 0 = fixed
  Vec3 inertia{0, 0, 0};   ///< principal moments about the body origin [kg m^2]; all 0 = from the shape
  double restitution = 0;  ///< of a pair: the product
  double friction = 0.5;   ///< of a pair: the product
  double rolling_friction = 0;
  bool kinematic = false;  ///< moved by drive() alone, with mass 0; it pushes others and is pushed by none
  Pose X_WB;
  Vec3 velocity{0, 0, 0};          ///< [m/s]
  Vec3 angular_velocity{0, 0, 0};  ///< [rad/s]
};

/// Two bodies that pushed each other in the last step.
struct Contact {
  int a = 0, b = 0;        ///< a < b, in order of insertion
  Vec3 position{0, 0, 0};  ///< world, mean of the contact points weighted by impulse
  Vec3 normal{0, 0, 0};    ///< world, towards a
  double impulse = 0;      ///< [N s], along the normal, summed over the points
};

class PhysicsWorld {
 public:
  explicit PhysicsWorld(const PhysicsSettings& settings);
  ~PhysicsWorld();
  PhysicsWorld(const PhysicsWorld&) = delete;
  PhysicsWorld& operator=(const PhysicsWorld&) = delete;

  /// Index of the body. The initial velocity is advanced by half a step against gravity, which makes symplectic
  /// Euler follow the parabola exactly.
  int add(const RigidBody& body);
  /// Holds the point `pivot` (body frame) of a body where it is: a pendulum.
  void pin(int body, const Vec3& pivot);
  /// Another shape, mass and inertia between two steps: a bitten body. The centre of mass, which is the body's
  /// origin here, moves by `center_shift` (body frame); what is left goes on as it moved.
  void replace_shape(int body, const CollisionShape& shape, double mass, const Vec3& inertia, const Vec3& center_shift);
  void add_velocity(int body, const Vec3& change);
  /// Lets a body turn only about an axis that stays where it is: pivot and unit axis in the body frame.
  void hinge(int body, const Vec3& pivot, const Vec3& axis);
  /// Where a kinematic body is at the end of the next step.
  void drive(int body, const Pose& X_WB);
  /// Takes a body out of the world; its last pose and velocity can still be asked for.
  void remove(int body);
  /// Are the two solids nearer to each other than `within` [m], whether forces act between them or not?
  bool near(int a, int b, double within);
  void step();

  double step_s() const { return 1.0 / settings_.step_hz; }
  std::int64_t steps_done() const { return steps_; }
  Pose pose(int body) const;
  /// At this instant: in free flight half a step of gravity is added back, in contact it is the solver's velocity.
  Vec3 velocity(int body) const;
  Vec3 angular_velocity(int body) const;
  /// All that contacts gave to a body in the last step, friction included, world [N s].
  Vec3 impulse_on(int body) const;
  const std::vector<Contact>& contacts() const { return contacts_; }  ///< of the last step, sorted by (a, b)

 private:
  struct Bullet;
  void collect_contacts();
  PhysicsSettings settings_;
  std::unique_ptr<Bullet> bullet_;
  std::vector<Contact> contacts_;
  std::int64_t steps_ = 0;
};

}  // namespace bitemark::sim
