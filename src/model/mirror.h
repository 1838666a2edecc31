// The mirror image of a clip, left and right exchanged, and of what is said of it.
#pragma once

#include <string>
#include <string_view>

#include "model/clip_source.h"

namespace bitemark::model {

/// The words left and right exchanged; all else as it is.
std::string mirrored_caption(std::string_view caption);

/// Appends the mirror image of every clip: frames and captions. What else belongs to a clip (controls, states, actions,
/// shots, scenario) is not mirrored and is repeated as it is: for trainings that read frames and captions alone.
void add_mirror_images(ClipBatch& batch);

}  // namespace bitemark::model
