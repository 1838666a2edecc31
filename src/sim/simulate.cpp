#include "sim/simulate.h"

#include <algorithm>
#include <memory>
#include <mutex>

#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/random.h"
#include "sim/answer.h"
#include "sim/faults/fault.h"
#include "sim/film.h"
#include "sim/pair.h"
#include "sim/take.h"
#include "sim/truth.h"
#include "sim/vec.h"
#include "sim/voxel/overlay.h"

namespace bitemark {
namespace sim {
namespace {

BodyState make_state(const World& world, std::size_t b, const FrameWorld& frame) {
  const BodyFrame& body = frame.bodies[b];
  const BodyForm& form = world.motion.forms[b][static_cast<std::size_t>(body.form)];
  BodyState state;
  state.id = world.scene.bodies[b].info.id;
  state.alive = body.alive;
  state.X_WB = body.X_WB;
  state.velocity = body.velocity;
  state.angular_velocity = body.angular_velocity;
  state.mass_kg = form.mass;
  const Projection p = project(frame.camera, transform(body.X_WB, form.center));
  state.u = p.u;
  state.v = p.v;
  state.depth_m = p.depth;
  return state;
}

struct WorkerBuffers {
  Labeller labeller;
  Shader shader;
};

/// Renders blocks of frames in parallel and hands them on in order.
class EpisodeRenderer {
 public:
  EpisodeRenderer(const World& world, const RenderOptions& options, EpisodeInfo& info)
      : world_(world),
        options_(options),
        info_(info),
        stage_(world.scene, world.motion, needs_fine_meshes(options.width)) {}

  void run(int begin, int end, const std::function<void(int, Frame&&, FrameTruth&&)>& emit) {
    const int block = 6 * options_.threads;
    const bool labels = options_.truth || options_.visibility;
    labelled_.resize(static_cast<std::size_t>(2 * block + 2));
    // What the receiver does not keep is filled again.
    std::vector<Frame> frames(static_cast<std::size_t>(block));
    std::vector<FrameTruth> truths(frames.size());
    const auto labels_until = [&](int last) { return std::min(info_.frame_count, last + 1); };  // flow looks ahead
    int next_label = std::max(0, begin - 1);                                                    // and back
    if (labels) parallel_label(next_label, labels_until(std::min(end, begin + block)));
    next_label = labels_until(std::min(end, begin + block));
    for (int first = begin; first < end; first += block) {
      stop_if_interrupted();
      const int last = std::min(end, first + block), ahead = labels_until(std::min(end, last + block));
      const auto size = static_cast<std::size_t>(last - first);
      const auto extra = labels ? static_cast<std::size_t>(std::max(0, ahead - next_label)) : 0;
      // The next block's labels, the smaller pieces of work, fill the gaps before the threads meet.
      parallel_for(size + extra, options_.threads, [&](std::size_t i) {
        if (i >= size) return label(next_label + static_cast<int>(i - size));
        shade(first + static_cast<int>(i), frames[i]);
        if (options_.truth) truth(first + static_cast<int>(i), truths[i]);
      });
      next_label = ahead;
      for (std::size_t i = 0; i < size; ++i) {
        emit(first + static_cast<int>(i), std::move(frames[i]), std::move(truths[i]));
      }
    }
  }

 private:
  /// Buffers that nobody uses just now; they outlive the threads, which come and go with each block of frames.
  class Borrowed {
   public:
    explicit Borrowed(const EpisodeRenderer& owner) : owner_(owner) {
      const std::scoped_lock lock(owner_.idle_mutex_);
      if (owner_.idle_.empty()) {
        buffers_ = std::make_unique<WorkerBuffers>();
      } else {
        buffers_ = std::move(owner_.idle_.back());
        owner_.idle_.pop_back();
      }
    }
    ~Borrowed() {
      const std::scoped_lock lock(owner_.idle_mutex_);
      owner_.idle_.push_back(std::move(buffers_));
    }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    WorkerBuffers* operator->() { return buffers_.get(); }

   private:
    const EpisodeRenderer& owner_;
    std::unique_ptr<WorkerBuffers> buffers_;
  };
  const FrameWorld& frame(int index) const { return world_.timeline[static_cast<std::size_t>(index)]; }

  /// The labels of two blocks and of their two neighbours are alive at a time.
  struct Labelled {
    LabelImage labels;
    VisibilityBuffer samples;  ///< where colour is made of the same samples
  };
  Labelled& labelled(int index) { return labelled_[static_cast<std::size_t>(index) % labelled_.size()]; }
  bool shares_samples() const { return options_.samples == 1 && (options_.truth || options_.visibility); }

  void shade(int index, Frame& frame) {
    Borrowed buffers(*this);
    render_frame(world_, stage_, index, options_.width, options_.height, buffers->shader, options_.samples == 1 ? 1 : 2,
                 shares_samples() ? &labelled(index).samples : nullptr, frame);
  }

  void parallel_label(int first, int last) {
    parallel_for(static_cast<std::size_t>(std::max(0, last - first)), options_.threads,
                 [&](std::size_t i) { label(first + static_cast<int>(i)); });
  }

  void label(int index) {
    LabelImage& image = labelled(index).labels;
    Borrowed buffers(*this);
    buffers->labeller.label(stage_.items(frame(index)), world_.scene.bodies.size(), frame(index).camera, options_.width,
                            options_.height, image);
    if (shares_samples()) std::swap(buffers->labeller.samples(), labelled(index).samples);
    if (world_.scene.voxels) label_overlay(*world_.scene.voxels, image);
    std::size_t at = 0;
    for (std::size_t b = 0; b < world_.scene.bodies.size(); ++b) {
      if (world_.scene.bodies[b].info.id == 0) continue;
      BodyState& state = info_.states[static_cast<std::size_t>(index)][at++];
      state.visible_px = image.visible[b];
      state.full_px = image.full[b];
    }
  }

  void truth(int index, FrameTruth& truth) {
    const auto of = [&](int i) -> LabelledFrame {
      if (i < 0 || i >= info_.frame_count) return {};
      return {&frame(i), &labelled(i).labels};
    };
    make_truth(world_.scene, world_.motion, of(index - 1), of(index), of(index + 1), options_.flow, truth);
  }

  const World& world_;
  const RenderOptions& options_;
  EpisodeInfo& info_;
  Stage stage_;
  std::vector<Labelled> labelled_;  ///< a ring
  mutable std::mutex idle_mutex_;
  mutable std::vector<std::unique_ptr<WorkerBuffers>> idle_;
};

}  // namespace

std::vector<float> make_controls(const std::vector<FrameWorld>& timeline, int width, int height) {
  std::vector<float> values;
  const Pose X_C0W = inverse(timeline.front().camera.X_WC);
  for (const FrameWorld& world : timeline) {
    const Pose X_C0C = compose(X_C0W, world.camera.X_WC);
    const Vec3 turn = rotation_vector(X_C0C.rotation);
    for (const double x : X_C0C.position) values.push_back(static_cast<float>(x));
    for (const double x : turn) values.push_back(static_cast<float>(x));
    const JawState& jaws = world.jaws;
    const ActState act = jaws.present ? ActState{true, jaws.phase, jaws.target} : world.act;
    const Projection target = act.present ? project(world.camera, act.target) : Projection{};
    const bool seen = act.present && target.depth > 0;
    values.push_back(act.present ? 1.0F : 0.0F);
    values.push_back(seen ? static_cast<float>(2 * target.u / width - 1) : 0.0F);
    values.push_back(seen ? static_cast<float>(2 * target.v / height - 1) : 0.0F);
    values.push_back(static_cast<float>(act.phase));
  }
  return values;
}

EpisodeInfo make_info(const Scenario& scenario, const std::string& split, int take, const RenderOptions& options,
                      const World& world) {
  EpisodeInfo info;
  info.scenario = scenario.name;
  info.family = scenario.family;
  info.split = split;
  info.take = take;
  info.second_take = options.second_take;
  info.fault = options.fault;
  info.fault_first_frame = world.fault_first_frame;
  info.mode = options.mode.empty() ? scenario.modes.front() : options.mode;
  info.solver = world.scene.physics.solver == SolverProfile::kBouncing ? "bouncing" : "stacking";
  info.rate = options.rate;
  info.width = options.width;
  info.height = options.height;
  info.frame_count = static_cast<int>(world.timeline.size());
  info.context_frames =
      info.mode == "text-to-video" ? 0 : std::min(context_frames(scenario, options.rate), info.frame_count);
  info.captions = world.scene.captions;
  Pcg32 random = stream_for(world.scene.seed, "caption");
  info.caption = info.captions[random.below(static_cast<std::uint32_t>(info.captions.size()))];
  info.metrics = scenario.metrics;
  info.parameters = world.scene.parameters.resolved;
  for (const BodySpec& body : world.scene.bodies) {
    if (body.info.id != 0) info.bodies.push_back(body.info);
  }
  for (Event event : world.motion.events) {
    event.frame = frame_of_step(event.step, world.motion.step_hz, options.rate);
    if (event.frame < info.frame_count) info.events.push_back(event);
  }
  for (const FrameWorld& frame : world.timeline) {
    info.cameras.push_back(frame.camera);
    std::vector<BodyState> states;
    for (std::size_t b = 0; b < world.scene.bodies.size(); ++b) {
      if (world.scene.bodies[b].info.id != 0) states.push_back(make_state(world, b, frame));
    }
    info.states.push_back(std::move(states));
  }
  for (const FrameWorld& frame : world.timeline) {
    info.actions.values.insert(info.actions.values.end(), frame.actions.begin(), frame.actions.end());
  }
  info.tags = scenario.tags;
  info.answers = answer_questions(scenario, world.scene, info);
  return info;
}

void film(const World& world, const RenderOptions& options, EpisodeInfo& info, int first, int last,
          const std::function<void(int, Frame&&, FrameTruth&&)>& emit) {
  EpisodeRenderer(world, options, info).run(first, last, emit);
}

}  // namespace sim

void render_episode(const Scenario& scenario, const std::string& split, int take, const RenderOptions& options,
                    EpisodeSink& sink) {
  sim::World world = sim::make_take(scenario, split, take, options);
  // What is asked of a generator is the truth's course, whatever a fault makes of it.
  std::vector<float> controls = sim::make_controls(world.timeline, options.width, options.height);
  if (!options.fault.empty()) sim::apply_fault(scenario, options, world);
  EpisodeInfo info = sim::make_info(scenario, split, take, options, world);
  info.controls.values = std::move(controls);
  if (!options.variant.empty()) {
    RenderOptions partner = options;
    partner.variant = sim::partner_of(options.variant);
    const sim::World other = sim::make_take(scenario, split, take, partner);
    info.pair = sim::compare_futures(scenario, options.variant, world.timeline, other.timeline);
  }
  sink.begin(info);
  sim::film(world, options, info, 0, info.frame_count, [&](int index, Frame&& frame, FrameTruth&& truth) {
    sink.frame(index, std::move(frame), std::move(truth));
  });
  sink.end(info);
}

Episode render_episode(const Scenario& scenario, const std::string& split, int take, const RenderOptions& options) {
  MemorySink sink;
  render_episode(scenario, split, take, options, sink);
  return std::move(sink.episode);
}

}  // namespace bitemark
