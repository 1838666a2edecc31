// What the agent does when: a timeline of steps from the scenario, turned into keys and mouse at each physics step.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/voxel/grid.h"

namespace bitemark::sim {

/// Keys that are held, as bits.
enum Key : std::uint32_t {
  kKeyForward = 1,
  kKeyBack = 2,
  kKeyLeft = 4,
  kKeyRight = 8,
  kKeyJump = 16,
  kKeySneak = 32,
  kKeySprint = 64,
  kKeyAttack = 128,
  kKeyUse = 256,
  kKeyHotbar1 = 512,  ///< the next eight bits are hotbar 2 to 9
};
constexpr int kHotbarSlots = 9;

struct PolicyStep {
  enum class Do { kTurn, kLookAt, kHold, kBreak, kPlace, kSelect } what = Do::kHold;
  double from_s = 0, to_s = 0;
  double yaw = 0, pitch = 0;                  ///< turn: by so much; to the left and up are positive [rad]
  Cell target{};                              ///< look-at: a cell
  Vec3 aim{0, 0, 0};                          ///< look-at: from the middle of the cell, so that a face is met [m]
  std::uint32_t keys = 0;                     ///< hold, place, select
  int slot = 0;                               ///< select: 0 to 8
  bool until_broken = false;                  ///< break: ends with the first block that breaks
  std::optional<int> becomes = std::nullopt;  ///< place: index of the body that the placed block is
};

struct View {
  double yaw = 0;    ///< from x towards y [rad]
  double pitch = 0;  ///< up is positive, within 89 degrees [rad]
};
Vec3 direction_of(const View& view);  ///< unit, world

/// Runs through a timeline. Steps that overlap add up: keys are joined, turns are summed.
class Policy {
 public:
  Policy(const std::vector<PolicyStep>& steps, const View& start);

  /// Advances to `time_s`, which must grow. `eye` is where the agent looks from; a look-at takes its direction from
  /// there when it begins.
  void advance(double time_s, const Vec3& eye);
  /// A block has been broken: attacks that were to last until then end.
  void note_broken();

  const View& view() const { return view_; }
  std::uint32_t keys() const { return keys_; }
  /// The step that pressed `use` just now, else null.
  const PolicyStep* placing() const { return placing_; }
  /// The slot chosen just now, else -1.
  int selecting() const { return selecting_; }

 private:
  struct Progress {
    bool begun = false, over = false;
    double done = 0;  ///< of a turn, 0 to 1
    View change;
  };
  void begin(std::size_t index, const Vec3& eye);
  void turn(std::size_t index, double time_s);

  const std::vector<PolicyStep>& steps_;
  std::vector<Progress> progress_;
  View view_;
  std::uint32_t keys_ = 0;
  const PolicyStep* placing_ = nullptr;
  int selecting_ = -1;
};

}  // namespace bitemark::sim
