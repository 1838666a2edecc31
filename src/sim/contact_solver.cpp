#include "sim/contact_solver.h"

#include <algorithm>
#include <cstring>

#include "sim/lanes.h"

namespace bitemark::sim {
namespace {

/// x, y and z side by side; the fourth is not used.
using Four = double __attribute__((vector_size(32)));

inline void load(const btVector3& from, Four& to) { std::memcpy(&to, from.m_floats, sizeof to); }
inline void store(const Four& from, btVector3& to) { std::memcpy(to.m_floats, &from, sizeof from); }

/// One side of a row: a body's part in it.
struct Side {
  const btVector3& normal;
  const btVector3& lever;
  const btVector3& turn;  ///< change of angular velocity by a unit of impulse
};
inline Side side_a(const btSolverConstraint& row) {
  return {row.m_contactNormal1, row.m_relpos1CrossNormal, row.m_angularComponentA};
}
inline Side side_b(const btSolverConstraint& row) {
  return {row.m_contactNormal2, row.m_relpos2CrossNormal, row.m_angularComponentB};
}

/// Speed along a row. Sums run as in btVector3::dot().
inline double speed_along(const Side& side, const btVector3& linear, const btVector3& angular) {
  Four n, l, v, w;
  load(side.normal, n), load(side.lever, l), load(linear, v), load(angular, w);
  const Four p = n * v, q = l * w;
  return (p[0] + p[1] + p[2]) + (q[0] + q[1] + q[2]);
}

/// Gives a body the impulse: btSolverBody::internalApplyImpulse().
inline void push(const btSolverBody& body, const Side& side, double impulse, btVector3& linear, btVector3& angular) {
  Four n, turn, inverse_mass, linear_factor, angular_factor, v, w;
  load(side.normal, n), load(side.turn, turn), load(body.m_invMass, inverse_mass);
  load(body.m_linearFactor, linear_factor), load(body.m_angularFactor, angular_factor);
  load(linear, v), load(angular, w);
  v += n * inverse_mass * impulse * linear_factor;
  w += turn * (impulse * angular_factor);
  store(v, linear), store(w, angular);
}

/// The impulse that would end the row's error (projected Gauss-Seidel), before its limits.
inline double wanted_impulse(btSolverBody& a, btSolverBody& b, const btSolverConstraint& row) {
  double impulse = row.m_rhs - row.m_appliedImpulse * row.m_cfm;
  if (a.m_originalBody != nullptr)
    impulse -= speed_along(side_a(row), a.m_deltaLinearVelocity, a.m_deltaAngularVelocity) * row.m_jacDiagABInv;
  if (b.m_originalBody != nullptr)
    impulse -= speed_along(side_b(row), b.m_deltaLinearVelocity, b.m_deltaAngularVelocity) * row.m_jacDiagABInv;
  return impulse;
}

/// Gives both bodies the impulse; returns the error of speed that it ends.
inline double apply(btSolverBody& a, btSolverBody& b, const btSolverConstraint& row, double impulse) {
  if (a.m_originalBody != nullptr) push(a, side_a(row), impulse, a.m_deltaLinearVelocity, a.m_deltaAngularVelocity);
  if (b.m_originalBody != nullptr) push(b, side_b(row), impulse, b.m_deltaLinearVelocity, b.m_deltaAngularVelocity);
  return impulse * (1.0 / row.m_jacDiagABInv);
}

BITEMARK_WIDE double solve_between_limits(btSolverBody& a, btSolverBody& b, const btSolverConstraint& row) {
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

BITEMARK_WIDE double solve_above_limit(btSolverBody& a, btSolverBody& b, const btSolverConstraint& row) {
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
  if (a.m_originalBody != nullptr)
    impulse -= speed_along(side_a(row), a.m_pushVelocity, a.m_turnVelocity) * row.m_jacDiagABInv;
  if (b.m_originalBody != nullptr)
    impulse -= speed_along(side_b(row), b.m_pushVelocity, b.m_turnVelocity) * row.m_jacDiagABInv;
  const double sum = row.m_appliedPushImpulse + impulse;
  if (sum < row.m_lowerLimit) {
    impulse = row.m_lowerLimit - row.m_appliedPushImpulse;
    row.m_appliedPushImpulse = row.m_lowerLimit;
  } else {
    row.m_appliedPushImpulse = sum;
  }
  if (a.m_originalBody != nullptr) push(a, side_a(row), impulse, a.m_pushVelocity, a.m_turnVelocity);
  if (b.m_originalBody != nullptr) push(b, side_b(row), impulse, b.m_pushVelocity, b.m_turnVelocity);
  return impulse * (1.0 / row.m_jacDiagABInv);
}

}  // namespace

ContactSolver::ContactSolver() {
  m_cachedSolverMode = btContactSolverInfo().m_solverMode;  // or else the first step puts Bullet's rows back
  setConstraintRowSolverGeneric(solve_between_limits);
  setConstraintRowSolverLowerLimit(solve_above_limit);
  m_resolveSplitPenetrationImpulse = solve_overlap;
}

btScalar ContactSolver::solveGroupCacheFriendlyIterations(btCollisionObject** bodies, int body_count,
                                                          btPersistentManifold** manifolds, int manifold_count,
                                                          btTypedConstraint** joints, int joint_count,
                                                          const btContactSolverInfo& info, btIDebugDraw* debug) {
  const bool contacts_alone =
      joint_count == 0 && m_tmpSolverContactRollingFrictionConstraintPool.size() == 0 && info.m_splitImpulse != 0;
  if (!contacts_alone) {
    interleave(m_tmpSolverContactConstraintPool, m_orderTmpConstraintPool);
    interleave(m_tmpSolverContactFrictionConstraintPool, m_orderFrictionConstraintPool);
    return btSequentialImpulseConstraintSolver::solveGroupCacheFriendlyIterations(
        bodies, body_count, manifolds, manifold_count, joints, joint_count, info, debug);
  }
  separate();
  interleave(m_tmpSolverContactConstraintPool, m_orderTmpConstraintPool);
  lanes_.gather(lone_, m_tmpSolverBodyPool, m_tmpSolverContactConstraintPool, m_tmpSolverContactFrictionConstraintPool);
  bool overlapping = true, wrong = true;
  for (int i = 0; i < info.m_numIterations && (overlapping || wrong); ++i) {
    const ContactLanes::Wrong lone = lanes_.solve(wrong, overlapping);
    if (overlapping) overlapping = static_cast<int>(lone.overlaps) + static_cast<int>(solve_overlaps()) > 0;
    if (wrong) wrong = static_cast<int>(lone.speeds) + static_cast<int>(solve_speeds()) > 0;
  }
  lanes_.scatter();
  return 0;
}

/// Bodies all of whose contacts are with what nothing moves go to lone_; the contacts of the others stay in
/// m_orderTmpConstraintPool.
void ContactSolver::separate() {
  constexpr int kNone = -1, kShared = -2;
  const btConstraintArray& contacts = m_tmpSolverContactConstraintPool;
  const auto moves = [&](int body) { return m_tmpSolverBodyPool[body].m_originalBody != nullptr; };
  system_of_body_.assign(static_cast<std::size_t>(m_tmpSolverBodyPool.size()), kNone);
  for (int i = 0; i < contacts.size(); ++i) {
    const int a = contacts[i].m_solverBodyIdA, b = contacts[i].m_solverBodyIdB;
    if (!moves(a) || !moves(b)) continue;
    system_of_body_[static_cast<std::size_t>(a)] = system_of_body_[static_cast<std::size_t>(b)] = kShared;
  }
  lone_.clear();
  int rest = 0;
  for (int i = 0; i < contacts.size(); ++i) {
    const int body = moves(contacts[i].m_solverBodyIdA) ? contacts[i].m_solverBodyIdA : contacts[i].m_solverBodyIdB;
    int& system = system_of_body_[static_cast<std::size_t>(body)];
    if (system == kShared) {
      m_orderTmpConstraintPool[rest++] = i;
      continue;
    }
    if (system == kNone) {
      system = static_cast<int>(lone_.size());
      lone_.push_back({body, {}});
    }
    lone_[static_cast<std::size_t>(system)].contacts.push_back(i);
  }
  m_orderTmpConstraintPool.resizeNoInitialize(rest);
}

bool ContactSolver::solve_overlaps() {
  double worst = 0;
  for (int i = 0; i < m_orderTmpConstraintPool.size(); ++i) {
    const btSolverConstraint& row = m_tmpSolverContactConstraintPool[m_orderTmpConstraintPool[i]];
    const double error =
        solve_overlap(m_tmpSolverBodyPool[row.m_solverBodyIdA], m_tmpSolverBodyPool[row.m_solverBodyIdB], row);
    worst = std::max(worst, error * error);
  }
  return worst > 0;
}

bool ContactSolver::solve_speeds() {
  double worst = 0;
  for (int i = 0; i < m_orderTmpConstraintPool.size(); ++i) {
    const btSolverConstraint& row = m_tmpSolverContactConstraintPool[m_orderTmpConstraintPool[i]];
    const double error =
        solve_above_limit(m_tmpSolverBodyPool[row.m_solverBodyIdA], m_tmpSolverBodyPool[row.m_solverBodyIdB], row);
    worst = std::max(worst, error * error);
  }
  for (int i = 0; i < m_orderTmpConstraintPool.size(); ++i) {
    const btSolverConstraint& contact = m_tmpSolverContactConstraintPool[m_orderTmpConstraintPool[i]];
    if (!(contact.m_appliedImpulse > 0)) continue;
    btSolverConstraint& row = m_tmpSolverContactFrictionConstraintPool[contact.m_frictionIndex];
    row.m_upperLimit = row.m_friction * contact.m_appliedImpulse;
    row.m_lowerLimit = -row.m_upperLimit;
    const double error =
        solve_between_limits(m_tmpSolverBodyPool[row.m_solverBodyIdA], m_tmpSolverBodyPool[row.m_solverBodyIdB], row);
    worst = std::max(worst, error * error);
  }
  return worst > 0;
}

/// A row's level is one above the highest of those before it that share a body with it. Rows go level by level.
void ContactSolver::interleave(const btConstraintArray& rows, btAlignedObjectArray<int>& order) {
  if (order.size() == 0) return;
  level_of_body_.assign(static_cast<std::size_t>(m_tmpSolverBodyPool.size()), 0);
  level_of_row_.assign(static_cast<std::size_t>(rows.size()), 0);
  for (int i = 0; i < order.size(); ++i) {
    const int ids[2] = {rows[order[i]].m_solverBodyIdA, rows[order[i]].m_solverBodyIdB};
    int level = 0;
    for (const int id : ids) {
      if (m_tmpSolverBodyPool[id].m_originalBody != nullptr)
        level = std::max(level, level_of_body_[static_cast<std::size_t>(id)]);
    }
    for (const int id : ids) level_of_body_[static_cast<std::size_t>(id)] = level + 1;
    level_of_row_[static_cast<std::size_t>(order[i])] = level;
  }
  std::stable_sort(&order[0], &order[0] + order.size(), [&](int a, int b) {
    return level_of_row_[static_cast<std::size_t>(a)] < level_of_row_[static_cast<std::size_t>(b)];
  });
}

}  // namespace bitemark::sim
