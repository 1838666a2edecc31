#include "sim/voxel/agent.h"

#include <algorithm>
#include <cmath>

namespace bitemark::sim {
namespace {

constexpr double kTouch_m = 1e-7;        // faces nearer than this touch and do not overlap
constexpr double kGroundPull_mps2 = 45;  // how fast feet change the walk
constexpr double kAirPull_mps2 = 12;
constexpr double kTerminal_mps = 50;  // a step of 1/60 s, the longest there is, stays shorter than a block

/// The box whose feet stand at `p`, as low and high corners.
void corners(const AgentSpec& spec, const Vec3& p, Vec3& low, Vec3& high) {
  low = {p[0] - spec.half_width, p[1] - spec.half_width, p[2]};
  high = {p[0] + spec.half_width, p[1] + spec.half_width, p[2] + spec.height};
}

int first_cell(double low) { return static_cast<int>(std::floor(low + kTouch_m)); }
int last_cell(double high) { return static_cast<int>(std::ceil(high - kTouch_m)) - 1; }

}  // namespace

AgentBody::AgentBody(const AgentSpec& spec, const Vec3& position, double gravity)
    : spec_(spec), position_(position), gravity_(gravity), highest_(position[2]) {}

bool AgentBody::overlaps(const VoxelGrid& grid, const Vec3& position) const {
  Vec3 low, high;
  corners(spec_, position, low, high);
  for (int z = first_cell(low[2]); z <= last_cell(high[2]); ++z) {
    for (int y = first_cell(low[1]); y <= last_cell(high[1]); ++y) {
      for (int x = first_cell(low[0]); x <= last_cell(high[0]); ++x) {
        if (grid.stops({x, y, z})) return true;
      }
    }
  }
  return false;
}

bool AgentBody::overlaps(const Cell& cell) const {
  Vec3 low, high;
  corners(spec_, position_, low, high);
  for (std::size_t a = 0; a < 3; ++a) {
    if (cell[a] < first_cell(low[a]) || cell[a] > last_cell(high[a])) return false;
  }
  return true;
}

bool AgentBody::slide(const VoxelGrid& grid, std::size_t axis, double distance) {
  if (distance == 0) return false;
  Vec3 moved = position_;
  moved[axis] += distance;
  if (!overlaps(grid, moved)) {
    position_ = moved;
    return false;
  }
  // A step is shorter than a block, so the face that stops it is the last plane of the grid before the end.
  const double below = axis == 2 ? 0 : spec_.half_width, above = axis == 2 ? spec_.height : spec_.half_width;
  moved[axis] = distance > 0 ? std::floor(moved[axis] + above - kTouch_m) - above
                             : std::ceil(moved[axis] - below + kTouch_m) + below;
  if (overlaps(grid, moved)) return true;  // pressed against it already
  position_ = moved;
  return true;
}

void AgentBody::accelerate(const Vec3& wanted, double dt) {
  const double most = (on_ground_ ? kGroundPull_mps2 : kAirPull_mps2) * dt;
  const Vec3 change{wanted[0] - velocity_[0], wanted[1] - velocity_[1], 0};
  const double size = norm(change);
  const double part = size <= most ? 1 : most / size;
  velocity_ = velocity_ + part * change;
}

AgentReport AgentBody::step(const VoxelGrid& grid, const AgentWish& wish, double dt) {
  AgentReport report;
  accelerate(wish.velocity, dt);
  if (wish.jump && on_ground_) {
    velocity_[2] = std::sqrt(2 * gravity_ * spec_.jump_height);
    report.jumped = true;
  }
  for (const std::size_t axis : {std::size_t{0}, std::size_t{1}}) {
    if (!slide(grid, axis, velocity_[axis] * dt)) continue;
    velocity_[axis] = 0;
    report.blocked = true;
  }
  // z(t + dt) = z + v dt - g dt^2 / 2 is exact while nothing is in the way.
  const bool stopped = slide(grid, 2, velocity_[2] * dt - 0.5 * gravity_ * dt * dt);
  const double speed = velocity_[2];
  velocity_[2] = std::max(speed - gravity_ * dt, -kTerminal_mps);
  const bool landed = stopped && speed <= 0;
  if (stopped) velocity_[2] = 0;
  highest_ = on_ground_ && !report.jumped ? position_[2] : std::max(highest_, position_[2]);
  report.landed = landed && !on_ground_;
  report.landing_speed = std::max(0.0, -speed);
  report.fall = highest_ - position_[2];
  on_ground_ = landed;
  if (landed) highest_ = position_[2];
  return report;
}

}  // namespace bitemark::sim
