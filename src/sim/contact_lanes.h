// Contacts of bodies that touch only what nothing moves: four such bodies side by side, an array a coordinate.
#pragma once

#include <BulletDynamics/ConstraintSolver/btSolverBody.h>
#include <BulletDynamics/ConstraintSolver/btSolverConstraint.h>

#include <array>
#include <vector>

namespace bitemark::sim {

/// Such a body is a system of equations of its own. Each goes through the operations that it would go through alone, in
/// the same order, so the bits are the same. Four systems that an iteration leaves as they were, to the bit, have come
/// to their end and are not looked at again.
class ContactLanes {
 public:
  static constexpr std::size_t kWidth = 4;

  /// A body and its contacts in the order in which they are solved: indices into Bullet's pools.
  struct System {
    int body = 0;
    std::vector<int> contacts;
  };

  /// Takes rows and velocities out of Bullet's pools, which have to stay where they are until scatter(). The friction
  /// of contacts[i] is friction[contacts[i].m_frictionIndex].
  void gather(std::vector<System>& systems, btAlignedObjectArray<btSolverBody>& bodies,
              const btConstraintArray& contacts, const btConstraintArray& friction);
  struct Wrong {
    bool speeds = false, overlaps = false;  ///< a row had an error left
  };
  /// One iteration of projected Gauss-Seidel for every body: of speeds, of the velocities that part what overlaps
  /// (split impulse), or of both.
  Wrong solve(bool speeds, bool overlaps);
  /// Puts impulses and velocities back.
  void scatter();

 private:
  // Without AVX the compiler aligns these to 16 bytes, and its AVX2 copy of the same code expects 32.
  using Four = double __attribute__((vector_size(32)));
  using Bits = long long __attribute__((vector_size(32)));
  struct alignas(32) Four3 {
    Four x, y, z;
  };
  struct alignas(32) Velocity {
    Four3 linear, angular;
  };
  /// btSolverConstraint of four bodies; `shove` and `turn` are the changes of velocity by a unit of impulse.
  struct alignas(32) Row {
    Four3 normal, lever, shove, turn;
    Four wanted, softness, factor, error;  ///< `error` of speed that a unit of impulse ends
    Four applied;                          ///< impulse [N s]
  };
  /// The k-th contact of each of four bodies, which some do not have.
  struct alignas(32) Slot {
    Row contact, friction;
    Four coefficient, lowest, overlap, parted;
    Bits present;
    std::array<const btSolverConstraint*, kWidth> from_contact{}, from_friction{};
  };
  struct alignas(32) Course {
    Velocity velocity;     ///< what the solver has added so far
    Bits moved;            ///< bits of impulses that the last iteration changed
    Four worst;            ///< square of the greatest error of speed in the last iteration
    bool settled = false;  ///< the last iteration changed nothing
  };
  struct alignas(32) Group {
    Course speed{}, parting{};
    std::array<btSolverBody*, kWidth> bodies{};
    std::size_t first = 0, last = 0;  ///< of slots_
  };

  static void fill(Row& row, std::size_t lane, const btSolverConstraint& from, const btSolverBody& body, bool is_a);
  static void want(const Row& row, const Velocity& velocity, const Four& wanted, const Four& applied, Four& impulse);
  static void push(const Row& row, const Four& impulse, const Bits& active, Course& course);
  static void solve_apart(const Row& row, const Four& wanted, const Four& lowest, const Bits& active, Four& applied,
                          Course& course);
  static void solve_friction(Slot& slot, Course& course);
  static void iterate(Slot* slots, std::size_t count, Course* speed, Course* parting);

  std::vector<Slot> slots_;
  std::vector<Group> groups_;
};

}  // namespace bitemark::sim
