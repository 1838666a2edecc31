// Training that begins with the weights of an earlier network, which may lack what the later one has.
#pragma once

#include "model/dit.h"
#include "model/vae.h"

namespace bitemark::model {

/// Copies the weights of `earlier` into a `later` one of the same shape. What `earlier` lacks (orders, long steps,
/// skips by place, actions, shots, labels, the last of the latents' channels) changes nothing at first; a label that it
/// lacks begins as no label at all, and a channel that it lacks as the frames before have it. false, and nothing
/// copied, where the shapes differ in anything else.
bool take_over(const Dit& earlier, Dit& later);

/// The same for a VAE. Channels that `earlier` lacks are made of its features by new weights, and not read at first.
bool take_over(const Vae& earlier, Vae& later);

}  // namespace bitemark::model
