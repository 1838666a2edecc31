// Cloth: a square of soft body that falls on what the rigid bodies do. It yields to them and they do not yield to it.
#pragma once

#include <memory>

#include "sim/motion.h"

namespace bitemark::sim {

/// Simulates each body of shape cloth along the recorded steps of the others.
std::vector<ClothMotion> drape(const SceneSpec& scene, const Motion& motion);

/// The cloth at a time: its pose is the mean of its nodes with the world's axes, its mesh lies about it and is closed
/// on both sides; `rest` are the places of the nodes in the flat cloth.
struct ClothShape {
  Pose X_WB;
  Vec3 velocity{0, 0, 0};  ///< mean of the nodes
  std::shared_ptr<const Mesh> mesh;
};
ClothShape cloth_at(const ClothMotion& cloth, double time_s);

}  // namespace bitemark::sim
