// Bullet's sequential impulses with constraint rows of our own: the same arithmetic, less of it.
#pragma once

#include <BulletDynamics/ConstraintSolver/btSequentialImpulseConstraintSolver.h>

#include <vector>

#include "sim/contact_lanes.h"

namespace bitemark::sim {

/// Rows are solved to the bit as Bullet's scalar code solves them. What it computes for bodies that nothing moves is
/// zero and left out; in a scene of things that lie on a floor that is half of the work. Bodies that touch nothing else
/// are solved four at a time. Of the others a row waits for the one before on the same body, so rows of other bodies
/// are put between: rows that share a body keep their order, which is all that the result depends on.
class ContactSolver : public btSequentialImpulseConstraintSolver {
 public:
  ContactSolver();

 protected:
  btScalar solveGroupCacheFriendlyIterations(btCollisionObject** bodies, int body_count,
                                             btPersistentManifold** manifolds, int manifold_count,
                                             btTypedConstraint** joints, int joint_count,
                                             const btContactSolverInfo& info, btIDebugDraw* debug) override;

 private:
  void separate();
  void interleave(const btConstraintArray& rows, btAlignedObjectArray<int>& order);
  bool solve_overlaps();
  bool solve_speeds();

  ContactLanes lanes_;
  std::vector<ContactLanes::System> lone_;
  std::vector<int> system_of_body_;
  std::vector<int> level_of_body_, level_of_row_;
};

}  // namespace bitemark::sim
