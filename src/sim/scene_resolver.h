// Parts of a scenario file that scene.cpp puts together.
#pragma once

#include "sim/scene.h"

namespace bitemark::sim {

/// What a scenario may ask for at most; more is answered with a sentence. docs/scenarios.md lists them.
struct SceneLimits {
  static constexpr double kSmallest_m = 1e-3, kLargest_m = 1e3;  ///< extents of a body
  static constexpr double kFarthest_m = 1e4;                     ///< a coordinate
  static constexpr double kFastest = 1e3;                        ///< [m/s], [rad/s]; of gravity [m/s^2]
  static constexpr double kDensest = 1e5;                        ///< [kg/m^3]; from 1e-3
  static constexpr double kLatest_s = 3600;
  static constexpr double kTurn_deg = 36000;
  static constexpr double kBodySteps = 12e6;  ///< bodies times physics steps: a quarter more than a GiB
};

double radians(double degrees);
Quaternion rotation_from_degrees(const Vec3& xyz);  ///< about x, then y, then z
/// A palette name or #rrggbb. Throws InputError for anything else.
std::array<std::uint8_t, 3> color_of(const Resolver& in, const std::string& fallback);
/// Throws InputError for a material that there is not.
std::string material_of(const Resolver& in, const std::string& fallback);
/// The value back; throws InputError that names the member and the range when it lies outside [low, high].
double within(const Resolver& in, const std::string& key, double value, double low, double high);
/// The same for each component.
Vec3 within(const Resolver& in, const std::string& key, const Vec3& value, double low, double high);
/// Index of the body that the member names. Throws InputError where there is none.
int body_named(const Resolver& in, const std::string& key, const SceneSpec& scene);

/// What is drawn with a body, where a script moves it, whether it is a lamp.
void resolve_staging(const Resolver& in, BodySpec& body);
void resolve_camera(const Resolver& in, CameraSpec& camera);
/// The shots after the first.
void resolve_shots(const Resolver& in, SceneSpec& scene);
void resolve_joints(const Resolver& root, SceneSpec& scene);
/// Bites, pushes, switches and trails.
void resolve_actions(const Resolver& root, SceneSpec& scene);
/// The shards of each glass, not there until it breaks.
void add_shards(SceneSpec& scene);

}  // namespace bitemark::sim
