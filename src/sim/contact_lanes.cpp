#include "sim/contact_lanes.h"

#include <algorithm>
#include <cstring>

#include "sim/lanes.h"

namespace bitemark::sim {
namespace {

using Four = double __attribute__((vector_size(32)));
using Bits = long long __attribute__((vector_size(32)));

inline bool any(const Bits& bits) { return (bits[0] | bits[1] | bits[2] | bits[3]) != 0; }

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
inline void ContactLanes::push(const Row& row, const Four& impulse, const Bits& active, Velocity& velocity,
                               Four& worst) {
  Four3 &v = velocity.linear, &w = velocity.angular;
  v.x = active ? v.x + row.shove.x * impulse : v.x;
  v.y = active ? v.y + row.shove.y * impulse : v.y;
  v.z = active ? v.z + row.shove.z * impulse : v.z;
  w.x = active ? w.x + row.turn.x * impulse : w.x;
  w.y = active ? w.y + row.turn.y * impulse : w.y;
  w.z = active ? w.z + row.turn.z * impulse : w.z;
  const Four error = impulse * row.error, square = error * error;
  worst = active && square > worst ? square : worst;
}

BITEMARK_WIDE void ContactLanes::iterate_speeds(Group& group) {
  Velocity velocity = group.speed.velocity;
  Four worst{};
  Bits moved{};
  for (std::size_t k = group.first; k < group.last; ++k) {
    Slot& slot = slots_[k];
    Row& row = slot.contact;
    Four impulse;
    want(row, velocity, row.wanted, row.applied, impulse);
    const Four sum = row.applied + impulse;
    const Bits below = sum < slot.lowest;
    impulse = below ? slot.lowest - row.applied : impulse;
    const Four next = slot.present ? (below ? slot.lowest : sum) : row.applied;
    moved |= (Bits)next ^ (Bits)row.applied;
    row.applied = next;
    push(row, impulse, slot.present, velocity, worst);
  }
  for (std::size_t k = group.first; k < group.last; ++k) {
    Slot& slot = slots_[k];
    Row& row = slot.friction;
    const Bits active = slot.present & (slot.contact.applied > 0);
    const Four most = slot.coefficient * slot.contact.applied, least = -most;
    Four impulse;
    want(row, velocity, row.wanted, row.applied, impulse);
    const Four sum = row.applied + impulse;
    const Bits below = sum<least, above = sum> most;
    impulse = below ? least - row.applied : above ? most - row.applied : impulse;
    const Four next = active ? (below ? least : above ? most : sum) : row.applied;
    moved |= (Bits)next ^ (Bits)row.applied;
    row.applied = next;
    push(row, impulse, active, velocity, worst);
  }
  group.speed.settled = !any(moved) && std::memcmp(&velocity, &group.speed.velocity, sizeof velocity) == 0;
  group.speed.wrong = any(worst > 0);
  group.speed.velocity = velocity;
}

BITEMARK_WIDE void ContactLanes::iterate_overlaps(Group& group) {
  Velocity velocity = group.parting.velocity;
  Four worst{};
  Bits moved{};
  for (std::size_t k = group.first; k < group.last; ++k) {
    Slot& slot = slots_[k];
    const Bits active = slot.present & (slot.overlap != 0);
    Four impulse;
    want(slot.contact, velocity, slot.overlap, slot.parted, impulse);
    const Four sum = slot.parted + impulse;
    const Bits below = sum < slot.lowest;
    impulse = below ? slot.lowest - slot.parted : impulse;
    const Four next = active ? (below ? slot.lowest : sum) : slot.parted;
    moved |= (Bits)next ^ (Bits)slot.parted;
    slot.parted = next;
    push(slot.contact, impulse, active, velocity, worst);
  }
  group.parting.settled = !any(moved) && std::memcmp(&velocity, &group.parting.velocity, sizeof velocity) == 0;
  group.parting.wrong = any(worst > 0);
  group.parting.velocity = velocity;
}

bool ContactLanes::solve_speeds() {
  bool wrong = false;
  for (Group& group : groups_) {
    if (!group.speed.settled) iterate_speeds(group);
    wrong = wrong || group.speed.wrong;
  }
  return wrong;
}

bool ContactLanes::solve_overlaps() {
  bool wrong = false;
  for (Group& group : groups_) {
    if (!group.parting.settled) iterate_overlaps(group);
    wrong = wrong || group.parting.wrong;
  }
  return wrong;
}

}  // namespace bitemark::sim
