#include "sim/contact_lanes.h"

#include <algorithm>
#include <cstring>

#include "sim/lanes.h"

namespace bitemark::sim {
namespace {

using Four = double __attribute__((vector_size(32)));
using Bits = long long __attribute__((vector_size(32)));

inline bool any(const Bits& bits) { return (bits[0] | bits[1] | bits[2] | bits[3]) != 0; }

template <typename T>
bool same(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

template <typename Three>
void set(Three& to, std::size_t lane, const btVector3& from) {
  to.x[lane] = from.x(), to.y[lane] = from.y(), to.z[lane] = from.z();
}

template <typename Three>
void get(const Three& from, std::size_t lane, btVector3& to) {
  to.setValue(from.x[lane], from.y[lane], from.z[lane]);
}

}  // namespace

void ContactLanes::fill(Row& row, std::size_t lane, const btSolverConstraint& from, const btSolverBody& body,
                        bool is_a) {
  const btVector3& normal = is_a ? from.m_contactNormal1 : from.m_contactNormal2;
  set(row.normal, lane, normal);
  set(row.lever, lane, is_a ? from.m_relpos1CrossNormal : from.m_relpos2CrossNormal);
  set(row.shove, lane, normal * body.m_invMass);
  set(row.turn, lane, is_a ? from.m_angularComponentA : from.m_angularComponentB);
  row.wanted[lane] = from.m_rhs;
  row.softness[lane] = from.m_cfm;
  row.factor[lane] = from.m_jacDiagABInv;
  row.error[lane] = 1.0 / from.m_jacDiagABInv;
  row.applied[lane] = from.m_appliedImpulse;
}

void ContactLanes::gather(std::vector<System>& systems, btAlignedObjectArray<btSolverBody>& bodies,
                          const btConstraintArray& contacts, const btConstraintArray& friction) {
  // Bodies with as many contacts side by side.
  std::stable_sort(systems.begin(), systems.end(),
                   [](const System& l, const System& r) { return l.contacts.size() > r.contacts.size(); });
  slots_.clear();
  groups_.clear();
  for (std::size_t at = 0; at < systems.size(); at += kWidth) {
    Group group;
    group.first = slots_.size();
    group.last = group.first + systems[at].contacts.size();
    slots_.resize(group.last);
    for (std::size_t lane = 0; lane < kWidth && at + lane < systems.size(); ++lane) {
      const System& system = systems[at + lane];
      btSolverBody& body = bodies[system.body];
      group.bodies[lane] = &body;
      set(group.speed.velocity.linear, lane, body.m_deltaLinearVelocity);
      set(group.speed.velocity.angular, lane, body.m_deltaAngularVelocity);
      set(group.parting.velocity.linear, lane, body.m_pushVelocity);
      set(group.parting.velocity.angular, lane, body.m_turnVelocity);
      for (std::size_t k = 0; k < system.contacts.size(); ++k) {
        const btSolverConstraint& contact = contacts[system.contacts[k]];
        const btSolverConstraint& rub = friction[contact.m_frictionIndex];
        const bool is_a = contact.m_solverBodyIdA == system.body;
        Slot& slot = slots_[group.first + k];
        fill(slot.contact, lane, contact, body, is_a);
        fill(slot.friction, lane, rub, body, is_a);
        slot.coefficient[lane] = rub.m_friction;
        slot.lowest[lane] = contact.m_lowerLimit;
        slot.overlap[lane] = contact.m_rhsPenetration;
        slot.parted[lane] = contact.m_appliedPushImpulse;
        slot.present[lane] = -1;
        slot.from_contact[lane] = &contact, slot.from_friction[lane] = &rub;
      }
    }
    groups_.push_back(group);
  }
}

void ContactLanes::scatter() {
  for (const Group& group : groups_) {
    for (std::size_t lane = 0; lane < kWidth && group.bodies[lane] != nullptr; ++lane) {
      btSolverBody& body = *group.bodies[lane];
      get(group.speed.velocity.linear, lane, body.m_deltaLinearVelocity);
      get(group.speed.velocity.angular, lane, body.m_deltaAngularVelocity);
      get(group.parting.velocity.linear, lane, body.m_pushVelocity);
      get(group.parting.velocity.angular, lane, body.m_turnVelocity);
      for (std::size_t k = group.first; k < group.last && slots_[k].present[lane] != 0; ++k) {
        slots_[k].from_contact[lane]->m_appliedImpulse = slots_[k].contact.applied[lane];
        slots_[k].from_contact[lane]->m_appliedPushImpulse = slots_[k].parted[lane];
        slots_[k].from_friction[lane]->m_appliedImpulse = slots_[k].friction.applied[lane];
      }
    }
  }
}

/// The impulse that would end the row's error, before its limits. Sums run as in btVector3::dot().
inline void ContactLanes::want(const Row& row, const Velocity& velocity, const Four& wanted, const Four& applied,
                               Four& impulse) {
  const Four3 &n = row.normal, &l = row.lever, &v = velocity.linear, &w = velocity.angular;
  const Four speed = (n.x * v.x + n.y * v.y + n.z * v.z) + (l.x * w.x + l.y * w.y + l.z * w.z);
  impulse = wanted - applied * row.softness - speed * row.factor;
}

/// btSolverBody::internalApplyImpulse() where `active`; `worst` grows to the square of the error of speed that this
/// ends.
inline void ContactLanes::push(const Row& row, const Four& impulse, const Bits& active, Course& course) {
  Four3 &v = course.velocity.linear, &w = course.velocity.angular;
  v.x = active ? v.x + row.shove.x * impulse : v.x;
  v.y = active ? v.y + row.shove.y * impulse : v.y;
  v.z = active ? v.z + row.shove.z * impulse : v.z;
  w.x = active ? w.x + row.turn.x * impulse : w.x;
  w.y = active ? w.y + row.turn.y * impulse : w.y;
  w.z = active ? w.z + row.turn.z * impulse : w.z;
  const Four error = impulse * row.error, square = error * error;
  course.worst = (active & (square > course.worst)) ? square : course.worst;
}

/// A row of pushes apart: impulses sum to `lowest` or more.
inline void ContactLanes::solve_apart(const Row& row, const Four& wanted, const Four& lowest, const Bits& active,
                                      Four& applied, Course& course) {
  Four impulse;
  want(row, course.velocity, wanted, applied, impulse);
  const Four sum = applied + impulse;
  const Bits below = sum < lowest;
  impulse = below ? lowest - applied : impulse;
  const Four next = active ? (below ? lowest : sum) : applied;
  course.moved |= (Bits)next ^ (Bits)applied;
  applied = next;
  push(row, impulse, active, course);
}

/// Friction of a contact that pushes: impulses sum to at most `most` either way.
inline void ContactLanes::solve_friction(Slot& slot, Course& course) {
  Row& row = slot.friction;
  const Bits active = slot.present & (slot.contact.applied > 0);
  const Four most = slot.coefficient * slot.contact.applied, least = -most;
  Four impulse;
  want(row, course.velocity, row.wanted, row.applied, impulse);
  const Four sum = row.applied + impulse;
  const Bits below = sum < least;
  const Bits above = sum > most;
  impulse = below ? least - row.applied : above ? most - row.applied : impulse;
  const Four next = active ? (below ? least : above ? most : sum) : row.applied;
  course.moved |= (Bits)next ^ (Bits)row.applied;
  row.applied = next;
  push(row, impulse, active, course);
}

/// The two courses share no variable: a processor works on both at once.
BITEMARK_WIDE void ContactLanes::iterate(Slot* slots, std::size_t count, Course* speed, Course* parting) {
  Course a = speed != nullptr ? *speed : Course{}, b = parting != nullptr ? *parting : Course{};
  a.moved = b.moved = Bits{};
  a.worst = b.worst = Four{};
  for (std::size_t k = 0; k < count; ++k) {
    Slot& slot = slots[k];
    if (speed != nullptr)
      solve_apart(slot.contact, slot.contact.wanted, slot.lowest, slot.present, slot.contact.applied, a);
    if (parting != nullptr)
      solve_apart(slot.contact, slot.overlap, slot.lowest, slot.present & (slot.overlap != 0), slot.parted, b);
  }
  for (std::size_t k = 0; speed != nullptr && k < count; ++k) solve_friction(slots[k], a);
  if (speed != nullptr) *speed = a;
  if (parting != nullptr) *parting = b;
}

ContactLanes::Wrong ContactLanes::solve(bool speeds, bool overlaps) {
  Wrong wrong;
  for (Group& group : groups_) {
    Course* speed = speeds && !group.speed.settled ? &group.speed : nullptr;
    Course* parting = overlaps && !group.parting.settled ? &group.parting : nullptr;
    if (speed != nullptr || parting != nullptr) {
      const Velocity before[2] = {group.speed.velocity, group.parting.velocity};
      iterate(&slots_[group.first], group.last - group.first, speed, parting);
      if (speed != nullptr) speed->settled = !any(speed->moved) && same(speed->velocity, before[0]);
      if (parting != nullptr) parting->settled = !any(parting->moved) && same(parting->velocity, before[1]);
    }
    wrong.speeds = wrong.speeds || any(group.speed.worst > 0);
    wrong.overlaps = wrong.overlaps || any(group.parting.worst > 0);
  }
  return wrong;
}

}  // namespace bitemark::sim
