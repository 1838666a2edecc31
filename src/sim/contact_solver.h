// Bullet's sequential impulses with constraint rows of our own: the same arithmetic, less of it.
#pragma once

#include <BulletDynamics/ConstraintSolver/btSequentialImpulseConstraintSolver.h>

#include <vector>

namespace bitemark::sim {

/// Rows are solved to the bit as Bullet's scalar code solves them. What it computes for bodies that nothing moves is
/// zero and left out; in a scene of things that lie on a floor that is half of the work. A row waits for the one before
/// on the same body, so rows of other bodies are put between: rows that share a body keep their order, which is all
/// that the result depends on.
class ContactSolver : public btSequentialImpulseConstraintSolver {
 public:
  ContactSolver();

 protected:
  btScalar solveGroupCacheFriendlySetup(btCollisionObject** bodies, int body_count, btPersistentManifold** manifolds,
                                        int manifold_count, btTypedConstraint** joints, int joint_count,
                                        const btContactSolverInfo& info, btIDebugDraw* debug) override;

 private:
  void interleave(const btConstraintArray& rows, btAlignedObjectArray<int>& order);

  std::vector<int> level_of_body_, level_of_row_;
};

}  // namespace bitemark::sim
