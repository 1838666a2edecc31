// A clip with its ground truth. Written and read as a stream of frames; small ones may be held whole.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "episode/clip.h"
#include "episode/geometry.h"

namespace bitemark {

/// A thing that lives over the whole clip. Id 0 is the background and is not listed.
struct Body {
  std::uint16_t id = 0;
  std::uint16_t parent = 0;             ///< the body that this one broke off from; 0 for none
  std::string name;                     ///< from the scenario: "ball", "occluder", "cookie"
  std::string shape;                    ///< sphere | box | cylinder | capsule | plane | mesh | sdf | voxels | overlay
  std::string color_name;               ///< the word that the caption uses; empty where no caption names it
  std::array<std::uint8_t, 3> color{};  ///< sRGB base colour
  double radius_m = 0;                  ///< of the bounding sphere
  bool fixed = false;                   ///< never moves by forces
  bool tracked = false;                 ///< the metrics follow it: its colour is its own in this scene
};

/// One body at one frame time.
struct BodyState {
  std::uint16_t id = 0;
  bool alive = true;  ///< false before it exists and after it is gone
  Pose X_WB;
  Vec3 velocity{0, 0, 0};          ///< of the centre of mass, world [m/s]
  Vec3 angular_velocity{0, 0, 0};  ///< world [rad/s]
  double mass_kg = 0;              ///< 0 for fixed bodies
  double u = 0, v = 0;             ///< projection of the centre of mass [px]; meaningless where depth <= 0
  double depth_m = 0;
  int visible_px = 0;  ///< pixels with this id in the label image
  int full_px = 0;     ///< pixels it would have if nothing stood in front (inside the frame)
};

/// What happened, when and to whom. Types: contact_begin, contact_end, bite, ...
struct Event {
  std::string type;
  std::int64_t step = 0;  ///< physics step, counted from 0 at the clip's start
  double time_s = 0;
  int frame = 0;  ///< first frame that can show it
  std::vector<std::uint16_t> ids;
  Vec3 position{0, 0, 0};      ///< world [m]
  Vec3 normal{0, 0, 0};        ///< world, towards ids[0]
  double impulse_Ns = 0;       ///< summed over the contact
  Json more = Json::object();  ///< what only this type has (radius of a bite, ...)
};

/// What is done to the world, frame by frame; a generator may be told. Channels have fixed names, in this order.
struct Controls {
  static const std::vector<std::string>& names();
  static std::size_t width() { return names().size(); }
  std::vector<float> values;  ///< [frame_count, width()]
};

/// What the player of a digital world did since the frame before; frame 0 has zeros. Names and order are those of
/// open-oasis: keys are 0 or 1, cameraX (down is positive) and cameraY (right) are turns, 1 = 20 degrees.
struct Actions {
  static const std::vector<std::string>& names();
  static std::size_t width() { return names().size(); }
  std::vector<float> values;  ///< [frame_count, width()]; empty where the scenario has no player
};

/// Everything about an episode but its frames.
struct EpisodeInfo {
  std::string scenario, family, split;  ///< split: train | test | ood
  int take = 0;
  int second_take = 0;         ///< 0 = the take itself; k > 0 = its k-th perturbed twin
  std::string fault;           ///< empty for a true episode
  int fault_first_frame = -1;  ///< frames before it equal the true episode's to the bit
  std::string mode;            ///< continuation | text-to-video
  std::string solver;          ///< bouncing | stacking
  Rate rate;
  int width = 0, height = 0;
  int frame_count = 0;
  int context_frames = 0;             ///< frames that a generator is given; 0 for text-to-video
  std::string caption;                ///< the one that the conditioning carries
  std::vector<std::string> captions;  ///< all true captions of this take
  std::vector<std::string> metrics;   ///< names of the metrics that apply
  std::vector<std::string> tags;      ///< of the scenario
  Json parameters = Json::object();   ///< resolved
  Json answers = Json::array();       ///< questions about this take with their exact answers
  Json pair;                          ///< of a matched pair: which variant, and how far the futures lie apart; or null
  Json quadruplet;                    ///< of two possible and two impossible clips: which one this is; or null
  std::vector<Body> bodies;
  std::vector<Event> events;
  std::vector<Camera> cameras;                 ///< [frame_count]
  std::vector<std::vector<BodyState>> states;  ///< [frame_count][bodies.size()], in the order of `bodies`
  Controls controls;
  Actions actions;
};

/// Per-pixel truth of one frame, sampled at pixel centres, never antialiased. Row-major [height, width].
struct FrameTruth {
  /// Bits of flow_flags. A flow is valid where none of its own bits is set.
  enum Flag : std::uint8_t {
    kForwardOccluded = 1,   ///< hidden in the next frame
    kForwardLeft = 2,       ///< outside the next frame
    kForwardCut = 4,        ///< the next frame is another shot, or does not exist
    kBackwardOccluded = 8,  ///< was hidden in the frame before
    kBackwardLeft = 16,     ///< was outside the frame before
    kBackwardCut = 32,
    kForwardGone = 64,   ///< this surface does not exist in the next frame
    kBackwardNew = 128,  ///< this surface did not exist in the frame before
  };
  std::vector<float> depth;              ///< z along the optical axis [m]; 0 = nothing
  std::vector<std::uint16_t> ids;        ///< body id; 0 = background
  std::vector<float> flow_forward;       ///< (dx, dy) [px] to the next frame: [height, width, 2]
  std::vector<float> flow_backward;      ///< (dx, dy) [px] to the frame before
  std::vector<std::uint8_t> flow_flags;  ///< Flag bits
};

/// Held whole in memory: what the metrics read. `truth` may be empty where it was not asked for.
struct Episode {
  EpisodeInfo info;
  Clip clip;
  std::vector<FrameTruth> truth;

  const Body* body(const std::string& name) const;  ///< nullptr when there is none
  const BodyState& state(int frame, std::uint16_t id) const;
};

/// Receives an episode as it is made. `info` is complete at begin() but for what later frames decide
/// (states, events, visibility): it is complete at end().
class EpisodeSink {
 public:
  virtual ~EpisodeSink() = default;
  virtual void begin(const EpisodeInfo& info) = 0;
  virtual void frame(int index, Frame&& frame, FrameTruth&& truth) = 0;
  virtual void end(const EpisodeInfo& info) = 0;
};

/// Keeps an episode whole.
class MemorySink : public EpisodeSink {
 public:
  void begin(const EpisodeInfo& info) override;
  void frame(int index, Frame&& frame, FrameTruth&& truth) override;
  void end(const EpisodeInfo& info) override;
  Episode episode;
};

Json to_json(const EpisodeInfo& info);
/// Throws InputError naming the member. Inverse of to_json.
EpisodeInfo episode_info_from_json(const Json& json, const std::string& file);
Json to_json(const Event& event);

}  // namespace bitemark
