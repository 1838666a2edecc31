// From a scenario, a split and a number to an episode: the same on every run and on any number of threads.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "episode/episode.h"
#include "sim/scenario.h"

namespace bitemark {

/// A take gives up after so many draws that broke a rule of "require".
constexpr int kMaxDraws = 200;

struct RenderOptions {
  int width = 64, height = 64;       ///< [px], 16 to 4096
  int samples = 4;                   ///< of colour a pixel, 1 or 4; labels have one, at the centre
  Rate rate{12, 1};                  ///< the future is the same at any rate
  std::optional<double> duration_s;  ///< of the clip; the scenario's when absent
  bool truth = true;                 ///< depth, ids and flow of each frame
  bool flow = true;                  ///< of `truth`; without it the flow channels are empty
  bool visibility = true;            ///< BodyState::visible_px and full_px; implied by `truth`
  std::string mode;                  ///< empty: the scenario's first
  int second_take = 0;               ///< k > 0: the k-th perturbed twin
  std::string variant;               ///< with | without | null of a matched pair; empty: the take itself
  std::string fault;                 ///< a name from scenarios/faults.json; empty: a true episode
  double severity = 1;               ///< of the fault, where it has a size
  int threads = 1;                   ///< the result does not depend on it
};

/// Renders frame after frame into `sink`. Throws InputError for options or a scenario that make no sense, or when a
/// fault does not apply.
void render_episode(const Scenario& scenario, const std::string& split, int take, const RenderOptions& options,
                    EpisodeSink& sink);
/// The same, held in memory.
Episode render_episode(const Scenario& scenario, const std::string& split, int take, const RenderOptions& options = {});

/// How often takes were drawn again, for logs: called with scenario, split, take and the broken rule.
using RejectionLog = std::function<void(const std::string& scenario, const std::string& split, int take, int attempt,
                                        const std::string& reason)>;
void log_rejections(RejectionLog log);

}  // namespace bitemark
