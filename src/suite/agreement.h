// How well rollouts show what their captions say: cosines between the two in the space of a judge, a checkpoint whose
// image tower knows what captions mean (CLIPScore, Hessel et al. 2021, but for its constant).
#pragma once

#include <Eigen/Core>

#include "suite/run.h"

namespace bitemark {

/// One rollout before the judge.
struct ShownClip {
  std::string generator, id, scenario;
  Eigen::Index caption = 0;  ///< its own
  Eigen::VectorXd place;     ///< unit length; empty where there is no rollout
};

/// Row by row for `generators`; "oracle" must be among them, and stand for every take that another one answers. A take
/// without a rollout fits as well as the truth fits other captions, and prefers none. Empty with fewer than two
/// captions. captions: [M, E], rows of unit length.
std::vector<AgreementResult> rate_agreement(const std::vector<std::string>& generators,
                                            const std::vector<ShownClip>& clips, const Eigen::MatrixXd& captions);

/// Fills report.agreements from out/clips. The judge is options.judge or, if that is empty, the checkpoint of the
/// suite's feature network where that has an image tower; without one, nothing is filled in. Kept in
/// out/agreement.json under a key of clips and judge, so that a second run reads it.
void measure_agreement(const RunOptions& options, RunReport& report);

}  // namespace bitemark
