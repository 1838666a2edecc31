#include "sim/contact_solver.h"

#include <algorithm>

namespace bitemark::sim {
namespace {

/// Speed that the impulses so far have given a body along a row.
inline double speed_along(const btVector3& normal, const btVector3& lever, const btVector3& linear,
                          const btVector3& angular) {
  return normal.dot(linear) + lever.dot(angular);
}

inline double speed_along_a(btSolverBody& body, const btSolverConstraint& row) {
  return speed_along(row.m_contactNormal1, row.m_relpos1CrossNormal, body.internalGetDeltaLinearVelocity(),
                     body.internalGetDeltaAngularVelocity());
}

inline double speed_along_b(btSolverBody& body, const btSolverConstraint& row) {
  return speed_along(row.m_contactNormal2, row.m_relpos2CrossNormal, body.internalGetDeltaLinearVelocity(),
                     body.internalGetDeltaAngularVelocity());
}

/// The impulse that would end the row's error (projected Gauss-Seidel), before its limits.
inline double wanted_impulse(btSolverBody& a, btSolverBody& b, const btSolverConstraint& row) {
  double impulse = row.m_rhs - row.m_appliedImpulse * row.m_cfm;
  if (a.m_originalBody != nullptr) impulse -= speed_along_a(a, row) * row.m_jacDiagABInv;
  if (b.m_originalBody != nullptr) impulse -= speed_along_b(b, row) * row.m_jacDiagABInv;
  return impulse;
}

/// Gives both bodies the impulse; returns the error of speed that it ends.
inline double apply(btSolverBody& a, btSolverBody& b, const btSolverConstraint& row, double impulse) {
  if (a.m_originalBody != nullptr)
    a.internalApplyImpulse(row.m_contactNormal1 * a.internalGetInvMass(), row.m_angularComponentA, impulse);
  if (b.m_originalBody != nullptr)
    b.internalApplyImpulse(row.m_contactNormal2 * b.internalGetInvMass(), row.m_angularComponentB, impulse);
  return impulse * (1.0 / row.m_jacDiagABInv);
}

double solve_between_limits(btSolverBody& a, btSolverBody& b, const btSolverConstraint& row) {
  double impulse = wanted_impulse(a, b, row);
  const double sum = row.m_appliedImpulse + impulse;
  if (sum < row.m_lowerLimit) {
    impulse = row.m_lowerLimit - row.m_appliedImpulse;
    row.m_appliedImpulse = row.m_lowerLimit;
  } else if (sum > row.m_upperLimit) {
    impulse = row.m_upperLimit - row.m_appliedImpulse;
    row.m_appliedImpulse = row.m_upperLimit;
  } else {
    row.m_appliedImpulse = sum;
  }
  return apply(a, b, row, impulse);
}

double solve_above_limit(btSolverBody& a, btSolverBody& b, const btSolverConstraint& row) {
  double impulse = wanted_impulse(a, b, row);
  const double sum = row.m_appliedImpulse + impulse;
  if (sum < row.m_lowerLimit) {
    impulse = row.m_lowerLimit - row.m_appliedImpulse;
    row.m_appliedImpulse = row.m_lowerLimit;
  } else {
    row.m_appliedImpulse = sum;
  }
  return apply(a, b, row, impulse);
}

/// Moves bodies apart that overlap, by velocities that last for one step (split impulse).
double solve_overlap(btSolverBody& a, btSolverBody& b, const btSolverConstraint& row) {
  if (row.m_rhsPenetration == 0) return 0;
  double impulse = row.m_rhsPenetration - row.m_appliedPushImpulse * row.m_cfm;
  if (a.m_originalBody != nullptr) {
    impulse -= row.m_jacDiagABInv * speed_along(row.m_contactNormal1, row.m_relpos1CrossNormal,
                                                a.internalGetPushVelocity(), a.internalGetTurnVelocity());
  }
  if (b.m_originalBody != nullptr) {
    impulse -= row.m_jacDiagABInv * speed_along(row.m_contactNormal2, row.m_relpos2CrossNormal,
                                                b.internalGetPushVelocity(), b.internalGetTurnVelocity());
  }
  const double sum = row.m_appliedPushImpulse + impulse;
  if (sum < row.m_lowerLimit) {
    impulse = row.m_lowerLimit - row.m_appliedPushImpulse;
    row.m_appliedPushImpulse = row.m_lowerLimit;
  } else {
    row.m_appliedPushImpulse = sum;
  }
  a.internalApplyPushImpulse(row.m_contactNormal1 * a.internalGetInvMass(), row.m_angularComponentA, impulse);
  b.internalApplyPushImpulse(row.m_contactNormal2 * b.internalGetInvMass(), row.m_angularComponentB, impulse);
  return impulse * (1.0 / row.m_jacDiagABInv);
}

}  // namespace

ContactSolver::ContactSolver() {
  m_cachedSolverMode = btContactSolverInfo().m_solverMode;  // or else the first step puts Bullet's rows back
  setConstraintRowSolverGeneric(solve_between_limits);
  setConstraintRowSolverLowerLimit(solve_above_limit);
  m_resolveSplitPenetrationImpulse = solve_overlap;
}

btScalar ContactSolver::solveGroupCacheFriendlySetup(btCollisionObject** bodies, int body_count,
                                                     btPersistentManifold** manifolds, int manifold_count,
                                                     btTypedConstraint** joints, int joint_count,
                                                     const btContactSolverInfo& info, btIDebugDraw* debug) {
  const btScalar result = btSequentialImpulseConstraintSolver::solveGroupCacheFriendlySetup(
      bodies, body_count, manifolds, manifold_count, joints, joint_count, info, debug);
  interleave(m_tmpSolverContactConstraintPool, m_orderTmpConstraintPool);
  interleave(m_tmpSolverContactFrictionConstraintPool, m_orderFrictionConstraintPool);
  return result;
}

/// A row's level is one above the highest of those before it that share a body with it. Rows go level by level.
void ContactSolver::interleave(const btConstraintArray& rows, btAlignedObjectArray<int>& order) {
  if (rows.size() == 0) return;
  level_of_body_.assign(static_cast<std::size_t>(m_tmpSolverBodyPool.size()), 0);
  level_of_row_.assign(static_cast<std::size_t>(rows.size()), 0);
  for (int i = 0; i < rows.size(); ++i) {
    const int ids[2] = {rows[order[i]].m_solverBodyIdA, rows[order[i]].m_solverBodyIdB};
    int level = 0;
    for (const int id : ids) {
      if (m_tmpSolverBodyPool[id].m_originalBody != nullptr)
        level = std::max(level, level_of_body_[static_cast<std::size_t>(id)]);
    }
    for (const int id : ids) level_of_body_[static_cast<std::size_t>(id)] = level + 1;
    level_of_row_[static_cast<std::size_t>(order[i])] = level;
  }
  std::stable_sort(&order[0], &order[0] + rows.size(), [&](int a, int b) {
    return level_of_row_[static_cast<std::size_t>(a)] < level_of_row_[static_cast<std::size_t>(b)];
  });
}

}  // namespace bitemark::sim
