#include "episode/episode.h"

#include <algorithm>

#include "base/error.h"

namespace bitemark {
namespace {

template <typename T>
T member(const Json& json, const char* key, const std::string& file, const std::string& where) {
  return json_member<T>(json, key, file, where);
}

Json pose_json(const Pose& pose) { return {{"position", pose.position}, {"rotation_wxyz", pose.rotation}}; }

Pose pose_from(const Json& json, const std::string& file, const std::string& where) {
  return {member<Vec3>(json, "position", file, where), member<Quaternion>(json, "rotation_wxyz", file, where)};
}

Json body_json(const Body& body) {
  return {{"id", body.id},
          {"parent", body.parent},
          {"name", body.name},
          {"shape", body.shape},
          {"color_name", body.color_name},
          {"color", body.color},
          {"radius_m", body.radius_m},
          {"fixed", body.fixed},
          {"tracked", body.tracked}};
}

Body body_from(const Json& json, const std::string& file, const std::string& where) {
  Body body;
  body.id = member<std::uint16_t>(json, "id", file, where);
  body.parent = member<std::uint16_t>(json, "parent", file, where);
  body.name = member<std::string>(json, "name", file, where);
  body.shape = member<std::string>(json, "shape", file, where);
  body.color_name = member<std::string>(json, "color_name", file, where);
  body.color = member<std::array<std::uint8_t, 3>>(json, "color", file, where);
  body.radius_m = member<double>(json, "radius_m", file, where);
  body.fixed = member<bool>(json, "fixed", file, where);
  body.tracked = member<bool>(json, "tracked", file, where);
  return body;
}

Json state_json(const BodyState& state) {
  return {{"id", state.id},
          {"alive", state.alive},
          {"X_WB", pose_json(state.X_WB)},
          {"velocity", state.velocity},
          {"angular_velocity", state.angular_velocity},
          {"mass_kg", state.mass_kg},
          {"uv_depth", {state.u, state.v, state.depth_m}},
          {"visible_px", state.visible_px},
          {"full_px", state.full_px}};
}

BodyState state_from(const Json& json, const std::string& file, const std::string& where) {
  BodyState state;
  state.id = member<std::uint16_t>(json, "id", file, where);
  state.alive = member<bool>(json, "alive", file, where);
  state.X_WB = pose_from(member<Json>(json, "X_WB", file, where), file, where + "/X_WB");
  state.velocity = member<Vec3>(json, "velocity", file, where);
  state.angular_velocity = member<Vec3>(json, "angular_velocity", file, where);
  state.mass_kg = member<double>(json, "mass_kg", file, where);
  const auto image = member<Vec3>(json, "uv_depth", file, where);
  state.u = image[0];
  state.v = image[1];
  state.depth_m = image[2];
  state.visible_px = member<int>(json, "visible_px", file, where);
  state.full_px = member<int>(json, "full_px", file, where);
  return state;
}

Event event_from(const Json& json, const std::string& file, const std::string& where) {
  Event event;
  event.type = member<std::string>(json, "type", file, where);
  event.step = member<std::int64_t>(json, "step", file, where);
  event.time_s = member<double>(json, "time_s", file, where);
  event.frame = member<int>(json, "frame", file, where);
  event.ids = member<std::vector<std::uint16_t>>(json, "ids", file, where);
  event.position = member<Vec3>(json, "position", file, where);
  event.normal = member<Vec3>(json, "normal", file, where);
  event.impulse_Ns = member<double>(json, "impulse_Ns", file, where);
  event.more = member<Json>(json, "more", file, where);
  return event;
}

Json camera_json(const Camera& camera) {
  return {
      {"fx", camera.fx},    {"fy", camera.fy}, {"cx", camera.cx}, {"cy", camera.cy}, {"X_WC", pose_json(camera.X_WC)},
      {"shot", camera.shot}};
}

Camera camera_from(const Json& json, const std::string& file, const std::string& where) {
  Camera camera;
  camera.fx = member<double>(json, "fx", file, where);
  camera.fy = member<double>(json, "fy", file, where);
  camera.cx = member<double>(json, "cx", file, where);
  camera.cy = member<double>(json, "cy", file, where);
  camera.X_WC = pose_from(member<Json>(json, "X_WC", file, where), file, where + "/X_WC");
  camera.shot = member<int>(json, "shot", file, where);
  return camera;
}

template <typename T, typename F>
std::vector<T> list_from(const Json& json, const char* key, const std::string& file, F parse) {
  std::vector<T> items;
  const auto list = member<Json>(json, key, file, "");
  if (!list.is_array()) throw InputError(file, std::string("/") + key, "is not a list");
  for (std::size_t i = 0; i < list.size(); ++i)
    items.push_back(parse(list[i], file, std::string("/") + key + "/" + std::to_string(i)));
  return items;
}

template <typename T, typename F>
Json list_json(const std::vector<T>& items, F to) {
  Json list = Json::array();
  for (const auto& item : items) list.push_back(to(item));
  return list;
}

void check_lengths(const EpisodeInfo& info, const std::string& file) {
  const auto frames = static_cast<std::size_t>(std::max(info.frame_count, 0));
  if (info.frame_count < 1 || info.frame_count > 1 << 20 || info.width < 1 || info.height < 1 || info.width > 8192 ||
      info.height > 8192)
    throw InputError(file, "/frame_count", "or the size is out of range");
  if (info.cameras.size() != frames) throw InputError(file, "/cameras", "does not have one entry a frame");
  if (info.states.size() != frames) throw InputError(file, "/states", "does not have one entry a frame");
  for (const auto& row : info.states)
    if (row.size() != info.bodies.size()) throw InputError(file, "/states", "does not have one entry a body");
  if (info.controls.values.size() != frames * Controls::width())
    throw InputError(file, "/controls", "does not have " + std::to_string(Controls::width()) + " values a frame");
  if (!info.actions.values.empty() && info.actions.values.size() != frames * Actions::width())
    throw InputError(file, "/actions", "does not have " + std::to_string(Actions::width()) + " values a frame");
}

}  // namespace

const std::vector<std::string>& Controls::names() {
  static const std::vector<std::string> kNames{"camera_x",  "camera_y", "camera_z", "camera_rx", "camera_ry",
                                               "camera_rz", "act_on",   "act_u",    "act_v",     "act_phase"};
  return kNames;
}

const std::vector<std::string>& Actions::names() {
  static const std::vector<std::string> kNames{
      "inventory", "ESC",      "hotbar.1",  "hotbar.2", "hotbar.3", "hotbar.4", "hotbar.5", "hotbar.6", "hotbar.7",
      "hotbar.8",  "hotbar.9", "forward",   "back",     "left",     "right",    "cameraX",  "cameraY",  "jump",
      "sneak",     "sprint",   "swapHands", "attack",   "use",      "pickItem", "drop"};
  return kNames;
}

void MemorySink::begin(const EpisodeInfo& info) { episode.info = info; }

void MemorySink::frame(int index, Frame&& frame, FrameTruth&& truth) {
  episode.clip.times.push_back(episode.info.rate.time_of(index));
  episode.clip.frames.push_back(std::move(frame));
  if (!truth.depth.empty()) episode.truth.push_back(std::move(truth));
}

void MemorySink::end(const EpisodeInfo& info) { episode.info = info; }

const Body* Episode::body(const std::string& name) const {
  const auto found =
      std::find_if(info.bodies.begin(), info.bodies.end(), [&](const Body& b) { return b.name == name; });
  return found == info.bodies.end() ? nullptr : &*found;
}

const BodyState& Episode::state(int frame, std::uint16_t id) const {
  const auto& row = info.states.at(static_cast<std::size_t>(frame));
  const auto found = std::find_if(row.begin(), row.end(), [&](const BodyState& s) { return s.id == id; });
  BITEMARK_CHECK(found != row.end(), "no body " + std::to_string(id));
  return *found;
}

Json to_json(const Event& event) {
  return {
      {"type", event.type}, {"step", event.step},         {"time_s", event.time_s}, {"frame", event.frame},
      {"ids", event.ids},   {"position", event.position}, {"normal", event.normal}, {"impulse_Ns", event.impulse_Ns},
      {"more", event.more}};
}

Json to_json(const EpisodeInfo& info) {
  Json json;
  json["schema"] = 1;
  json["scenario"] = info.scenario;
  json["family"] = info.family;
  json["split"] = info.split;
  json["take"] = info.take;
  json["second_take"] = info.second_take;
  json["fault"] = info.fault;
  json["fault_first_frame"] = info.fault_first_frame;
  json["mode"] = info.mode;
  json["solver"] = info.solver;
  json["fps"] = to_text(info.rate);
  json["width"] = info.width;
  json["height"] = info.height;
  json["frame_count"] = info.frame_count;
  json["context_frames"] = info.context_frames;
  json["caption"] = info.caption;
  json["captions"] = info.captions;
  json["metrics"] = info.metrics;
  json["parameters"] = info.parameters;
  if (!info.tags.empty()) json["tags"] = info.tags;
  if (!info.answers.empty()) json["answers"] = info.answers;
  if (!info.pair.is_null()) json["pair"] = info.pair;
  if (!info.quadruplet.is_null()) json["quadruplet"] = info.quadruplet;
  json["bodies"] = list_json(info.bodies, body_json);
  json["cameras"] = list_json(info.cameras, camera_json);
  json["states"] = list_json(info.states, [](const auto& row) { return list_json(row, state_json); });
  json["control_names"] = Controls::names();
  json["controls"] = info.controls.values;
  if (!info.actions.values.empty()) {
    json["action_names"] = Actions::names();
    json["actions"] = info.actions.values;
  }
  json["events"] = list_json(info.events, [](const Event& event) { return to_json(event); });
  return json;
}

EpisodeInfo episode_info_from_json(const Json& json, const std::string& file) {
  EpisodeInfo info;
  if (const int schema = member<int>(json, "schema", file, ""); schema != 1)
    throw InputError(file, "/schema", "is " + std::to_string(schema) + ", expected 1");
  info.scenario = member<std::string>(json, "scenario", file, "");
  info.family = member<std::string>(json, "family", file, "");
  info.split = member<std::string>(json, "split", file, "");
  info.take = member<int>(json, "take", file, "");
  info.second_take = member<int>(json, "second_take", file, "");
  info.fault = member<std::string>(json, "fault", file, "");
  info.fault_first_frame = member<int>(json, "fault_first_frame", file, "");
  info.mode = member<std::string>(json, "mode", file, "");
  info.solver = member<std::string>(json, "solver", file, "");
  info.rate = parse_rate(member<std::string>(json, "fps", file, ""));
  info.width = member<int>(json, "width", file, "");
  info.height = member<int>(json, "height", file, "");
  info.frame_count = member<int>(json, "frame_count", file, "");
  info.context_frames = member<int>(json, "context_frames", file, "");
  info.caption = member<std::string>(json, "caption", file, "");
  info.captions = member<std::vector<std::string>>(json, "captions", file, "");
  info.metrics = member<std::vector<std::string>>(json, "metrics", file, "");
  info.parameters = member<Json>(json, "parameters", file, "");
  if (json.contains("tags")) info.tags = member<std::vector<std::string>>(json, "tags", file, "");
  info.answers = json.value("answers", Json::array());
  info.pair = json.value("pair", Json());
  info.quadruplet = json.value("quadruplet", Json());
  info.bodies = list_from<Body>(json, "bodies", file, body_from);
  info.cameras = list_from<Camera>(json, "cameras", file, camera_from);
  info.states =
      list_from<std::vector<BodyState>>(json, "states", file, [](const Json& row, const auto& f, const auto& w) {
        std::vector<BodyState> states;
        for (const auto& entry : row) states.push_back(state_from(entry, f, w));
        return states;
      });
  info.controls.values = member<std::vector<float>>(json, "controls", file, "");
  if (json.contains("actions")) info.actions.values = member<std::vector<float>>(json, "actions", file, "");
  info.events = list_from<Event>(json, "events", file, event_from);
  check_lengths(info, file);
  return info;
}

}  // namespace bitemark
