// The course of a training run as a picture.
#pragma once

#include <string>

namespace bitemark::model {

/// SVG with a logarithmic axis from a log of JSON lines {"step", "loss"}: every step in grey, a running mean in blue.
/// Of those that have "unrolled", whose loss is of another kind, the running mean is a line of its own, in orange.
std::string loss_chart(const std::string& log, const std::string& title);

}  // namespace bitemark::model
