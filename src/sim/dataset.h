// Training shards: many takes in one safetensors file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sim/simulate.h"

namespace bitemark {

struct DatasetOptions {
  std::string split = "train";
  int first = 0, takes = 256;  ///< takes [first, first + takes) of each scenario
  int takes_per_shard = 256;
  std::vector<FrameSize> sizes{{}};  ///< each of which all takes have
  RenderOptions render;              ///< but for the size; truth and visibility are left out
  int threads = 1;
};

/// Writes `folder`/<scenario>-<nnn>.safetensors (of several sizes: <scenario>-<width>x<height>-<nnn>) and index.json
/// {"shards": [{file, scenario, takes, frames}]}; shards that are there already are kept, so an interrupted run goes on
/// where it was. Tensors, with N takes of T frames:
/// frames u8 [N, T, H, W, 3], controls f32 [N, T, channels], context_frames i32 [N], and states f32 [N, T, 4, 7]: the
/// first four tracked bodies as (present, u / width, v / height, depth [m], velocity in camera axes [m/s]); where
/// somebody plays, actions f32 [N, T, 25]; where there are several, shots i32 [N, T], counted from 0. Metadata:
/// scenario, split, first_take, fps, size, "captions" (JSON: for each take all of its captions).
/// Throws InputError when the folder holds shards of other options.
void write_dataset(const std::vector<Scenario>& scenarios, const DatasetOptions& options,
                   const std::filesystem::path& folder);

}  // namespace bitemark
