// Small worlds and small networks for the tests of the generator.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "episode/conditioning.h"
#include "model/checkpoint.h"

namespace bitemark::model {

/// An empty folder of this test's own, below the build folder.
std::filesystem::path fresh_folder(const std::string& name);

/// Shards of a coloured square that moves evenly on a grey ground: scenarios "slide" and "drop", 8 takes of 20 frames
/// each, of every size.
void write_toy_shards(const std::filesystem::path& folder, const std::vector<FrameSize>& sizes = {{32, 32}});

VaeConfig tiny_vae();
DitConfig tiny_dit();
/// Random weights, all parts, 32 x 32 pixels. `path`: flow, or cosine for v-prediction
/// with learned variances and ancestral sampling.
void write_toy_checkpoint(const std::filesystem::path& folder, const std::string& path = "flow");
/// Says of a checkpoint that it was trained on these.
void set_sizes(const std::filesystem::path& checkpoint, const std::vector<FrameSize>& sizes);
/// Gives every parameter a random value, so that no gate is closed.
void randomise(torch::nn::Module& module, std::uint64_t seed, double scale = 0.1);

/// A take with `context` frames out of `frames`.
Conditioning toy_conditioning(const std::string& id, int context, int frames, const FrameSize& size = {32, 32});

}  // namespace bitemark::model
