// Questions about a take with the exact answer, from its states, events and cameras.
#pragma once

#include "episode/episode.h"
#include "sim/scene.h"

namespace bitemark::sim {

/// The scenario's "answers", each as {question, rule, value}; rules about the order of bodies in the picture also have
/// "by_frame", the value in every frame. `info` has states, events and cameras.
Json answer_questions(const Scenario& scenario, const SceneSpec& scene, const EpisodeInfo& info);

}  // namespace bitemark::sim
