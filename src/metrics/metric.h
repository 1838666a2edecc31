// A metric: true episode + rollout -> measurements and violations. It sees the rollout as decoded pixels and nothing
// else of the generator. Lost is a failure, not a gap; stillness does not win; what cannot be judged says so.
#pragma once

#include <string>
#include <vector>

#include "episode/episode.h"
#include "track/tracker.h"

namespace bitemark {

/// What the metrics of one take share, computed once.
struct Observation {
  const Episode& truth;                   ///< rendered at the rollout's own size and rate, with labels and flow
  const Clip& rollout;                    ///< as long as the truth; the context frames are the true ones
  const std::vector<Clip>& second_takes;  ///< other true futures of the same context; may be empty
  std::vector<Appearance> bodies;
  Tracks truth_tracks;
  Tracks rollout_tracks;

  int first() const { return truth.info.context_frames; }  ///< the first frame that is judged
  int frames() const { return truth.info.frame_count; }
  double width() const { return truth.info.width; }
  /// The largest blob of body `b` at frame `t`, nullptr when it is not seen.
  const Blob* true_blob(int t, std::size_t b) const { return main_blob(truth_tracks, t, b); }
  const Blob* rollout_blob(int t, std::size_t b) const { return main_blob(rollout_tracks, t, b); }
  /// Diameter of the disc with the body's whole area [px].
  double diameter(std::size_t b) const;
  /// In words: "yellow ball", or the scenario's own name where no caption names a colour.
  std::string name_of(std::size_t b) const;

 private:
  static const Blob* main_blob(const Tracks& tracks, int t, std::size_t b);
};

/// Throws InputError when sizes or lengths differ.
Observation observe(const Episode& truth, const Clip& rollout, const std::vector<Clip>& second_takes);

/// Something that any viewer would call wrong, with its first frame.
struct Violation {
  std::string type;  ///< vanished | duplicated | swapped | mirrored | no-mark | mark-healed | mark-before-contact |
                     ///< moved-before-contact | no-motion-after-contact | did-not-come-out | frozen | jumped | wobbled
                     ///< | appeared | changed-size
  int frame = 0;
  std::string text;  ///< "the red ball is gone"
};

struct Measurement {
  std::string name;  ///< "permanence.recall"
  double value = 0;
  std::string unit;  ///< "" for shares in [0, 1]
  bool higher_is_better = true;
  double coverage = 1;  ///< share of what was to be measured that could be
};

enum class Status { kMeasured, kFailed, kNotApplicable };

struct MetricResult {
  std::string metric;
  Status status = Status::kNotApplicable;
  std::string reason;                     ///< why it failed or does not apply
  std::vector<Measurement> measurements;  ///< the first is the headline that the capability's plausibility is made of
  std::vector<Violation> violations;

  void add(std::string name, double value, std::string unit, bool higher_is_better, double coverage = 1);
};

struct Metric {
  const char* name;        ///< as scenarios name it
  const char* capability;  ///< the row of the report
  const char* headline;    ///< its first measurement
  bool higher_is_better;
  double worst;  ///< what a failed take counts as
  MetricResult (*measure)(const Observation&);
};

/// All metrics, in the order of the report.
const std::vector<Metric>& all_metrics();
const Metric* find_metric(const std::string& name);

/// The applicable metrics of the take, each with its status; an exception inside one is a failure with its reason.
std::vector<MetricResult> measure_all(const Observation& observation);
/// All metrics of `truth` failed for one reason: no rollout, too short, undecodable.
std::vector<MetricResult> all_failed(const EpisodeInfo& truth, const std::string& reason);

/// The earliest violation; nullptr when there is none.
const Violation* first_violation(const std::vector<MetricResult>& results);

MetricResult not_applicable(std::string metric, std::string reason);

// One file each.
MetricResult measure_motion(const Observation& observation);
MetricResult measure_continuity(const Observation& observation);
MetricResult measure_physics_iq(const Observation& observation);
MetricResult measure_geometry(const Observation& observation);
MetricResult measure_permanence(const Observation& observation);
MetricResult measure_bite(const Observation& observation);
MetricResult measure_launch(const Observation& observation);
MetricResult measure_left_right(const Observation& observation);

}  // namespace bitemark
