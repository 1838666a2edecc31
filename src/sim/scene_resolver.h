// Parts of a scenario file that scene.cpp puts together.
#pragma once

#include "sim/scene.h"

namespace bitemark::sim {

double radians(double degrees);
Quaternion rotation_from_degrees(const Vec3& xyz);  ///< about x, then y, then z
/// A palette name or #rrggbb. Throws InputError for anything else.
std::array<std::uint8_t, 3> color_of(const Resolver& in, const std::string& fallback);
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
