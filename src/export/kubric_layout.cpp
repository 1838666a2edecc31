// The folder that Kubric's workers write (google-research/kubric, kubric/file_io.py, kubric/utils.py, as of 2024).
// Where our truth is finer, or has no such thing, docs/export.md says so.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/error.h"
#include "export/export.h"
#include "image/raw_image.h"

namespace bitemark {
namespace {

constexpr double kSensorWidth_mm = 36;
constexpr float kNothing = 1e10F;  // depth where there is nothing

/// Kubric's instances: the bodies that are seen at all, by how much is seen of them over the clip.
struct Instances {
  std::vector<std::size_t> bodies;              ///< indices into EpisodeInfo::bodies
  std::map<std::uint16_t, std::uint8_t> of_id;  ///< segmentation value by body id, from 1

  explicit Instances(const EpisodeInfo& info) {
    std::vector<std::int64_t> seen(info.bodies.size(), 0);
    for (const auto& frame : info.states) {
      for (std::size_t b = 0; b < seen.size(); ++b) seen[b] += frame[b].visible_px;
    }
    bodies.resize(seen.size());
    std::iota(bodies.begin(), bodies.end(), std::size_t{0});
    std::erase_if(bodies, [&](std::size_t b) { return seen[b] == 0; });
    std::stable_sort(bodies.begin(), bodies.end(), [&](std::size_t a, std::size_t b) { return seen[a] > seen[b]; });
    if (bodies.size() > 255)
      throw InputError(fmt::format("{} take {}: shows {} bodies, Kubric's layout holds 255", info.scenario, info.take,
                                   bodies.size()));
    for (std::size_t i = 0; i < bodies.size(); ++i) of_id[info.bodies[bodies[i]].id] = static_cast<std::uint8_t>(i + 1);
  }
  int index_of(std::uint16_t id) const { return of_id.contains(id) ? of_id.at(id) - 1 : -1; }
};

/// The range of a flow over the whole clip: 16 bits are spread over it.
struct FlowRange {
  float low = 0, high = 0;
  bool empty = true;
  void add(const std::vector<float>& flow) {
    for (const float d : flow) {
      low = empty ? d : std::min(low, d);
      high = empty ? d : std::max(high, d);
      empty = false;
    }
  }
  /// A field that is constant has the value 0 everywhere, and decodes to `low`.
  std::uint16_t encode(float d) const {
    const double part = high > low ? (static_cast<double>(d) - low) / (static_cast<double>(high) - low) : 0;
    return static_cast<std::uint16_t>(std::lround(part * 65535));
  }
  Json json() const { return {{"min", low}, {"max", high}}; }
};

/// (rows, columns, 0): Kubric's order.
RawImage<std::uint16_t> flow_image(const EpisodeInfo& info, const std::vector<float>& flow, const FlowRange& range) {
  RawImage<std::uint16_t> image{info.width, info.height, 3, {}};
  for (std::size_t i = 0; i < flow.size(); i += 2) {
    image.values.push_back(range.encode(flow[i + 1]));
    image.values.push_back(range.encode(flow[i]));
    image.values.push_back(0);
  }
  return image;
}

/// Distance from the camera's centre, not along its axis.
RawImage<float> distance_image(const EpisodeInfo& info, const Camera& camera, const std::vector<float>& depth) {
  RawImage<float> image{info.width, info.height, 1, {}};
  std::size_t at = 0;
  for (int y = 0; y < info.height; ++y) {
    for (int x = 0; x < info.width; ++x) {
      const double u = (x + 0.5 - camera.cx) / camera.fx, v = (y + 0.5 - camera.cy) / camera.fy;
      const float z = depth[at++];
      image.values.push_back(z > 0 ? static_cast<float>(z * std::sqrt(1 + u * u + v * v)) : kNothing);
    }
  }
  return image;
}

/// Background black, instances far apart in hue.
Palette palette_of(std::size_t instances) {
  Palette palette{{0, 0, 0}};
  for (std::size_t i = 0; i < instances; ++i) {
    std::array<std::uint8_t, 3> color{};
    for (std::size_t c = 0; c < 3; ++c) {
      const double turn = 6.283185307179586 * (static_cast<double>(i) * 0.618033988749895 + static_cast<double>(c) / 3);
      color[c] = static_cast<std::uint8_t>(std::lround(150 + 100 * std::cos(turn)));
    }
    palette.push_back(color);
  }
  return palette;
}

/// Blender's camera looks along -z with y up, ours along z with y down: half a turn about x.
Quaternion blender_rotation(const Camera& camera) { return multiply(camera.X_WC.rotation, {0, 1, 0, 0}); }

Json matrix_world(const Camera& camera) {
  const Quaternion q = blender_rotation(camera);
  Json rows = Json::array();
  const Vec3 x = rotate(q, {1, 0, 0}), y = rotate(q, {0, 1, 0}), z = rotate(q, {0, 0, 1});
  for (std::size_t r = 0; r < 3; ++r) rows.push_back({x[r], y[r], z[r], camera.X_WC.position[r]});
  rows.push_back({0, 0, 0, 1});
  return rows;
}

Json camera_json(const EpisodeInfo& info) {
  const Camera& first = info.cameras.front();
  const double focal = first.fx / info.width * kSensorWidth_mm;
  Json json{{"focal_length", focal},
            {"sensor_width", kSensorWidth_mm},
            {"field_of_view", 2 * std::atan2(kSensorWidth_mm / 2, focal)},
            {"K",
             {{first.fx / info.width, 0, -first.cx / info.width},
              {0, -first.fy / info.height, -first.cy / info.height},
              {0, 0, -1}}},
            {"R", matrix_world(first)}};
  for (const Camera& camera : info.cameras) {
    json["positions"].push_back(camera.X_WC.position);
    json["quaternions"].push_back(blender_rotation(camera));
    json["focal_lengths"].push_back(camera.fx / info.width * kSensorWidth_mm);
    json["shots"].push_back(camera.shot);
  }
  return json;
}

/// [ymin, xmin, ymax, xmax] of what is seen, in parts of the image, by instance; absent where nothing is.
using Boxes = std::vector<std::map<int, std::array<int, 4>>>;

void add_boxes(const EpisodeInfo& info, int frame, const std::vector<std::uint8_t>& segmentation, Boxes& boxes) {
  for (int y = 0; y < info.height; ++y) {
    for (int x = 0; x < info.width; ++x) {
      const int instance = segmentation[static_cast<std::size_t>(y) * static_cast<std::size_t>(info.width) +
                                        static_cast<std::size_t>(x)] -
                           1;
      if (instance < 0) continue;
      const auto [place, fresh] = boxes[static_cast<std::size_t>(instance)].try_emplace(frame, std::array{y, x, y, x});
      auto& box = place->second;
      box = {std::min(box[0], y), std::min(box[1], x), std::max(box[2], y), std::max(box[3], x)};
    }
  }
}

Json instance_json(const EpisodeInfo& info, std::size_t body, const std::map<int, std::array<int, 4>>& boxes) {
  const Body& one = info.bodies[body];
  Json json{{"asset_id", one.name}, {"shape", one.shape}, {"color", one.color_name}, {"id", one.id}, {"mass", 0.0}};
  for (const char* key : {"positions", "quaternions", "velocities", "angular_velocities", "image_positions",
                          "visibility", "bboxes", "bbox_frames"})
    json[key] = Json::array();
  for (const auto& frame : info.states) {
    const BodyState& state = frame[body];
    json["mass"] = state.mass_kg;
    json["positions"].push_back(state.X_WB.position);
    json["quaternions"].push_back(state.X_WB.rotation);
    json["velocities"].push_back(state.velocity);
    json["angular_velocities"].push_back(state.angular_velocity);
    json["image_positions"].push_back({state.u / info.width, state.v / info.height});
    json["visibility"].push_back(state.visible_px);
  }
  for (const auto& [frame, box] : boxes) {
    const double h = info.height, w = info.width;
    json["bbox_frames"].push_back(frame);
    json["bboxes"].push_back({box[0] / h, box[1] / w, (box[2] + 1) / h, (box[3] + 1) / w});
  }
  return json;
}

Json metadata_json(const EpisodeInfo& info, const Instances& instances, const Boxes& boxes) {
  Json json{{"flags", {{"scenario", info.scenario}, {"split", info.split}, {"take", info.take}, {"fault", info.fault}}},
            {"metadata",
             {{"resolution", {info.width, info.height}},
              {"frame_rate", info.rate.hz()},
              {"num_frames", info.frame_count},
              {"num_instances", instances.bodies.size()},
              {"caption", info.caption}}},
            {"camera", camera_json(info)},
            {"instances", Json::array()}};
  for (std::size_t i = 0; i < instances.bodies.size(); ++i)
    json["instances"].push_back(instance_json(info, instances.bodies[i], boxes[i]));
  return json;
}

Json events_json(const EpisodeInfo& info, const Instances& instances) {
  Json collisions = Json::array();
  for (const Event& event : info.events) {
    if (event.type != "contact_begin" || event.ids.size() != 2) continue;
    const Camera& camera = info.cameras[static_cast<std::size_t>(std::clamp(event.frame, 0, info.frame_count - 1))];
    const Projection p = project(camera, event.position);
    collisions.push_back({{"instances", {instances.index_of(event.ids[0]), instances.index_of(event.ids[1])}},
                          {"contact_normal", event.normal},
                          {"frame", event.time_s * info.rate.hz()},
                          {"impulse", event.impulse_Ns},
                          {"position", event.position},
                          {"image_position", {p.u / info.width, p.v / info.height}}});
  }
  return {{"collisions", collisions}};
}

void write_labels(const EpisodeFolderReader& episode, const Instances& instances, int index, const FlowRange& forward,
                  const FlowRange& backward, const fs::path& folder, Boxes& boxes) {
  const EpisodeInfo& info = episode.info();
  const FrameTruth truth = episode.truth(index);
  const auto place = [&](const char* name, const char* extension) {
    return folder / fmt::format("{}_{:05}.{}", name, index, extension);
  };
  RawImage<std::uint8_t> segmentation{info.width, info.height, 1, {}};
  for (const std::uint16_t id : truth.ids)
    segmentation.values.push_back(static_cast<std::uint8_t>(instances.index_of(id) + 1));
  add_boxes(info, index, segmentation.values, boxes);
  write_file(place("segmentation", "png"), encode_png(segmentation, palette_of(instances.bodies.size())));
  write_file(place("depth", "tiff"),
             encode_tiff(distance_image(info, info.cameras[static_cast<std::size_t>(index)], truth.depth)));
  write_file(place("forward_flow", "png"), encode_png(flow_image(info, truth.flow_forward, forward)));
  write_file(place("backward_flow", "png"), encode_png(flow_image(info, truth.flow_backward, backward)));
  write_file(place("flow_flags", "png"),
             encode_png(RawImage<std::uint8_t>{info.width, info.height, 1, truth.flow_flags}));
}

}  // namespace

void write_kubric(const EpisodeFolderReader& episode, const fs::path& folder) {
  const EpisodeInfo& info = episode.info();
  const Instances instances(info);
  FlowRange forward, backward;
  for (int t = 0; episode.has_truth() && t < info.frame_count; ++t) {
    const FrameTruth truth = episode.truth(t);
    forward.add(truth.flow_forward);
    backward.add(truth.flow_backward);
  }
  Boxes boxes(instances.bodies.size());
  episode.for_each_frame([&](int index, Frame&& frame) {
    RawImage<std::uint8_t> rgba{info.width, info.height, 4, {}};
    for (std::size_t i = 0; i < frame.rgb.size(); i += 3) {
      rgba.values.insert(rgba.values.end(), frame.rgb.begin() + static_cast<std::ptrdiff_t>(i),
                         frame.rgb.begin() + static_cast<std::ptrdiff_t>(i + 3));
      rgba.values.push_back(255);
    }
    write_file(folder / fmt::format("rgba_{:05}.png", index), encode_png(rgba));
    if (episode.has_truth()) write_labels(episode, instances, index, forward, backward, folder, boxes);
  });
  if (episode.has_truth())
    save_json(folder / "data_ranges.json", {{"forward_flow", forward.json()}, {"backward_flow", backward.json()}});
  save_json(folder / "metadata.json", metadata_json(info, instances, boxes));
  save_json(folder / "events.json", events_json(info, instances));
}

}  // namespace bitemark
