// Training that begins with the weights of an earlier transformer.
#pragma once

#include "model/dit.h"

namespace bitemark::model {

/// Copies the weights of `earlier` into a `later` one of the same shape. What `earlier` lacks (orders, long steps,
/// actions, shots, labels) stays as in a new network, which changes nothing at first; a label that it lacks begins as
/// no label at all. false, and nothing copied, where the shapes differ in anything else.
bool take_over(const Dit& earlier, Dit& later);

}  // namespace bitemark::model
