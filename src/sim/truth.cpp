#include "sim/truth.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "sim/lanes.h"
#include "sim/vec.h"
#include "sim/voxel/overlay.h"

namespace bitemark::sim {
namespace {

struct FlagBits {
  std::uint8_t occluded, left, cut, gone;
};
constexpr FlagBits kForward{FrameTruth::kForwardOccluded, FrameTruth::kForwardLeft, FrameTruth::kForwardCut,
                            FrameTruth::kForwardGone};
constexpr FlagBits kBackward{FrameTruth::kBackwardOccluded, FrameTruth::kBackwardLeft, FrameTruth::kBackwardCut,
                             FrameTruth::kBackwardNew};

/// A pose as a matrix: a point costs half of what it costs by quaternion.
struct Transform {
  Vec3 row[3];
  Vec3 t;

  Transform() = default;
  explicit Transform(const Pose& X) : t(X.position) {
    for (std::size_t c = 0; c < 3; ++c) {
      Vec3 axis{0, 0, 0};
      axis[c] = 1;
      const Vec3 column = rotate(X.rotation, axis);
      for (std::size_t r = 0; r < 3; ++r) row[r][c] = column[r];
    }
  }
  Vec3 operator()(const Vec3& p) const { return {dot(row[0], p) + t[0], dot(row[1], p) + t[1], dot(row[2], p) + t[2]}; }
};

/// Where a body's surface goes from one frame to another.
struct BodyTransfer {
  bool alive = false;
  bool still = false;                     ///< neither body nor camera moves: the flow is exactly zero
  Transform X_C1C0;                       ///< camera coordinates there from camera coordinates here
  Transform X_BC0;                        ///< body frame from camera coordinates here; for the test of existence
  const SdfGrid* solid_there = nullptr;   ///< set where the form differs
  const VoxelGrid* grid_there = nullptr;  ///< the same for blocks; then X_BC0 leads to the world
  const Mesh *mesh_here = nullptr, *mesh_there = nullptr;  ///< set where the body deforms
  Transform X_C1B1;                                        ///< camera there from body there; for bodies that deform
};

bool same(const Pose& a, const Pose& b) { return a.position == b.position && a.rotation == b.rotation; }

/// Where pixels of one row are seen from another camera: columns, rows and depths, side by side.
struct Places {
  static constexpr int kMost = 64;
  std::array<double, kMost> u, v, z;
};

BITEMARK_WIDE void carry(const Transform& X, const Camera& camera, const float* depth, int x, int y, int count,
                         Places& places) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const double z = static_cast<double>(depth[i]);
    const double column = static_cast<double>(x + static_cast<int>(i)) + 0.5;
    const Vec3 p{(column - camera.cx) / camera.fx * z, (y + 0.5 - camera.cy) / camera.fy * z, z};
    const Vec3 q = X(p);
    places.u[i] = camera.cx + camera.fx * q[0] / q[2];
    places.v[i] = camera.cy + camera.fy * q[1] / q[2];
    places.z[i] = q[2];
  }
}

class FlowPass {
 public:
  FlowPass(const SceneSpec& scene, const Motion& motion, const LabelledFrame& here, const LabelledFrame& there,
           const FlagBits& bits)
      : here_(here), there_(there), bits_(bits) {
    const Pose X_C1W = inverse(there.world->camera.X_WC);
    for (std::size_t b = 0; b < scene.bodies.size(); ++b) {
      const BodyFrame& from = here.world->bodies[b];
      const BodyFrame& to = there.world->bodies[b];
      BodyTransfer t;
      t.alive = to.alive;
      t.still = same(from.X_WB, to.X_WB) && same(here.world->camera.X_WC, there.world->camera.X_WC);
      const Pose X_BC0 = compose(inverse(from.X_WB), here.world->camera.X_WC);
      t.X_BC0 = Transform(X_BC0);
      t.X_C1C0 = Transform(compose(compose(X_C1W, to.X_WB), X_BC0));
      if (from.form != to.form) {
        t.solid_there = motion.forms[b][static_cast<std::size_t>(to.form)].solid.get();
      }
      if (scene.voxels) transfer_block(*scene.voxels, *motion.voxels, static_cast<int>(b), to.form, t);
      if (from.mesh != nullptr && to.mesh != nullptr) {
        t.still = false;
        t.mesh_here = from.mesh.get();
        t.mesh_there = to.mesh.get();
        t.X_C1B1 = Transform(compose(X_C1W, to.X_WB));
      }
      transfers_.push_back(t);
    }
  }

  /// Writes the flow of every pixel and adds its flags. Neighbours of one body go together.
  void run(std::vector<float>& flow, std::vector<std::uint8_t>& flags) const {
    const LabelImage& labels = *here_.labels;
    std::fill(flow.begin(), flow.end(), 0.0F);
    for (int y = 0; y < labels.height; ++y) {
      const std::size_t row = static_cast<std::size_t>(y) * static_cast<std::size_t>(labels.width);
      const std::int16_t* owners = labels.owner.data() + row;
      for (int first = 0, end = 0; first < labels.width; first = end) {
        for (end = first + 1; end < labels.width && owners[end] == owners[first];) ++end;
        if (is_still(owners[first])) {
          mark_hidden(owners[first], row + static_cast<std::size_t>(first), end - first, flags.data());
          continue;
        }
        if (is_rigid(owners[first])) {
          for (int x = first; x < end; x += Places::kMost)
            move(owners[first], x, y, std::min(Places::kMost, end - x), flow.data(), flags.data());
          continue;
        }
        for (int x = first; x < end; ++x) {
          const std::size_t at = row + static_cast<std::size_t>(x);
          flags[at] |= pixel(x, y, at, flow.data() + 2 * at);
        }
      }
    }
  }

 private:
  void transfer_block(const VoxelSpec& spec, const VoxelHistory& history, int body, int form_there,
                      BodyTransfer& t) const {
    if (body == spec.overlay_body) t.still = true;  // on the screen
    if (!spec.is_block(body) || here_.world->bodies[static_cast<std::size_t>(body)].form == form_there) return;
    t.X_BC0 = Transform(here_.world->camera.X_WC);
    t.grid_there = &history.versions[static_cast<std::size_t>(form_there)].grid;
  }

  /// Nothing but another body in front of it can happen to this one.
  bool is_still(int owner) const {
    if (owner < 0) return false;
    const BodyTransfer& t = transfers_[static_cast<std::size_t>(owner)];
    return t.alive && t.still && t.solid_there == nullptr && t.grid_there == nullptr;
  }

  /// All of its surface is there in the other frame, and moves as one.
  bool is_rigid(int owner) const {
    if (owner < 0) return false;
    const BodyTransfer& t = transfers_[static_cast<std::size_t>(owner)];
    return t.alive && !t.still && t.solid_there == nullptr && t.grid_there == nullptr && t.mesh_here == nullptr;
  }

  /// Flow and flags of neighbours of one rigid body.
  void move(int owner, int x, int y, int count, float* flow, std::uint8_t* flags) const {
    const LabelImage& labels = *here_.labels;
    const std::size_t at =
        static_cast<std::size_t>(y) * static_cast<std::size_t>(labels.width) + static_cast<std::size_t>(x);
    Places to;
    carry(transfers_[static_cast<std::size_t>(owner)].X_C1C0, here_.world->camera, labels.depth.data() + at, x, y,
          count, to);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      flags[at + i] |= write_flow(x + static_cast<int>(i), y, to.u[i], to.v[i], to.z[i], owner, flow + 2 * (at + i));
    }
  }

  /// Of a point that is at (u, v, z) in the other frame. Returns its flags.
  std::uint8_t write_flow(int x, int y, double u, double v, double z, int owner, float* flow) const {
    if (z <= kNearest_m) return bits_.left;
    flow[0] = static_cast<float>(u - (x + 0.5));
    flow[1] = static_cast<float>(v - (y + 0.5));
    if (u < 0 || v < 0 || u >= there_.labels->width || v >= there_.labels->height) return bits_.left;
    return seen_at(u, v, z, owner) ? std::uint8_t{0} : bits_.occluded;
  }

  void mark_hidden(std::int16_t owner, std::size_t at, int count, std::uint8_t* flags) const {
    const std::int16_t* there = there_.labels->owner.data() + at;
    for (int x = 0; x < count; ++x) {
      flags[at + static_cast<std::size_t>(x)] |= there[x] != owner ? bits_.occluded : std::uint8_t{0};
    }
  }

  /// Writes the flow of one pixel, returns its flags.
  std::uint8_t pixel(int x, int y, std::size_t at, float* flow) const {
    const LabelImage& labels = *here_.labels;
    const int owner = labels.owner[at];
    if (owner < 0) return bits_.gone;  // nothing there: no surface, no flow
    const BodyTransfer& t = transfers_[static_cast<std::size_t>(owner)];
    if (!t.alive) return bits_.gone;
    const Camera& camera = here_.world->camera;
    const double z = static_cast<double>(labels.depth[at]);
    const Vec3 p{(x + 0.5 - camera.cx) / camera.fx * z, (y + 0.5 - camera.cy) / camera.fy * z, z};
    std::uint8_t flags = 0;
    if (t.solid_there != nullptr && std::abs(t.solid_there->at(to_float(t.X_BC0(p)))) > kSameSurface_m) {
      flags |= bits_.gone;
    }
    if (t.grid_there != nullptr && !has_face_at(*t.grid_there, t.X_BC0(p), owner)) flags |= bits_.gone;
    if (t.still) {
      if (there_.labels->owner[at] != owner) flags |= bits_.occluded;
      // A block of the same body may stand in front now; what is still has the same depth to the bit.
      if (t.grid_there != nullptr && there_.labels->depth[at] < labels.depth[at]) flags |= bits_.occluded;
      return flags;
    }
    const Vec3 q = t.mesh_here != nullptr ? t.X_C1B1(deformed(t, t.X_BC0(p), labels.triangle[at])) : t.X_C1C0(p);
    const double u = camera.cx + camera.fx * q[0] / q[2], v = camera.cy + camera.fy * q[1] / q[2];
    return flags | write_flow(x, y, u, v, q[2], owner, flow);
  }

  /// Where a point of a body that deforms is in the other frame: at the same place of the same triangle.
  static Vec3 deformed(const BodyTransfer& t, const Vec3& p_B, std::uint32_t triangle) {
    const auto& [a, b, c] = t.mesh_here->triangles[triangle];
    const std::vector<V3>&here = t.mesh_here->positions, &there = t.mesh_there->positions;
    const V3 w = barycentric(to_float(p_B), here[a], here[b], here[c]);
    const V3 q = w.x * there[a] + w.y * there[b] + w.z * there[c];
    return {static_cast<double>(q.x), static_cast<double>(q.y), static_cast<double>(q.z)};
  }

  /// Is a point of `owner` at (u, v, z) what the other frame shows there? One of the four pixel centres around must
  /// show this body, at this depth to within what the depth varies between them.
  bool seen_at(double u, double v, double z, int owner) const {
    const LabelImage& labels = *there_.labels;
    const int x0 = floor_of(u - 0.5), y0 = floor_of(v - 0.5);
    double lowest = 1e9, highest = 0;
    for (int k = 0; k < 4; ++k) {
      const int x = std::clamp(x0 + (k & 1), 0, labels.width - 1), y = std::clamp(y0 + (k >> 1), 0, labels.height - 1);
      const std::size_t at =
          static_cast<std::size_t>(y) * static_cast<std::size_t>(labels.width) + static_cast<std::size_t>(x);
      if (labels.owner[at] != owner) continue;
      lowest = std::min(lowest, static_cast<double>(labels.depth[at]));
      highest = std::max(highest, static_cast<double>(labels.depth[at]));
    }
    return z <= highest + 0.5 * (highest - lowest) + 0.01 * z && highest > 0;
  }

  /// std::floor() without a call.
  static int floor_of(double x) {
    const int towards_zero = static_cast<int>(x);
    return towards_zero - (static_cast<double>(towards_zero) > x ? 1 : 0);
  }

  static constexpr double kNearest_m = 1e-3;       // what is nearer to the camera has left the picture
  static constexpr float kSameSurface_m = 0.006F;  // half a cell of the cookie's grid

  LabelledFrame here_, there_;
  FlagBits bits_;
  std::vector<BodyTransfer> transfers_;
};

/// z [m] from 1/z; 0 stays 0.
BITEMARK_WIDE void depths_of(const float* closeness, int count, float* depth) {
  for (int i = 0; i < count; ++i) depth[i] = closeness[i] > 0 ? 1.0F / closeness[i] : 0.0F;
}

}  // namespace

LabelImage Labeller::label(const std::vector<DrawItem>& items, std::size_t body_count, const Camera& camera, int width,
                           int height) {
  LabelImage labels;
  label(items, body_count, camera, width, height, labels);
  return labels;
}

void Labeller::label(const std::vector<DrawItem>& items, std::size_t body_count, const Camera& camera, int width,
                     int height, LabelImage& labels) {
  const Pose X_CW = inverse(camera.X_WC);
  std::vector<MeshPose> poses;
  std::vector<int> owners;
  for (const DrawItem& item : items) {
    poses.push_back({item.mesh.get(), to_affine(compose(X_CW, item.X_WB))});
    owners.push_back(item.owner);
  }
  buffer_.clear(width, height);
  rasterizer_.draw_and_count(poses, owners, static_cast<int>(body_count),
                             {false, static_cast<float>(camera.fx), static_cast<float>(camera.fy),
                              static_cast<float>(camera.cx), static_cast<float>(camera.cy)},
                             buffer_);
  labels.width = width;
  labels.height = height;
  labels.full = buffer_.covered;
  read_samples(owners, body_count, labels);
  labels.triangle.clear();
  if (std::none_of(items.begin(), items.end(), [](const DrawItem& item) { return item.deforms; })) return;
  labels.triangle.assign(buffer_.surface.size(), 0);
  for (std::size_t i = 0; i < buffer_.surface.size(); ++i) {
    if (buffer_.surface[i] != kNoSurface) labels.triangle[i] = VisibilityBuffer::triangle_of(buffer_.surface[i]);
  }
}

/// Depth and owner of each sample, and how many samples each owner has. Neighbours of one item go together.
void Labeller::read_samples(const std::vector<int>& owners, std::size_t body_count, LabelImage& labels) const {
  const std::size_t samples = buffer_.surface.size();
  labels.visible.assign(body_count, 0);
  labels.depth.resize(samples);
  labels.owner.resize(samples);
  depths_of(buffer_.closeness.data(), static_cast<int>(samples), labels.depth.data());
  for (std::size_t first = 0, end = 0; first < samples; first = end) {
    const std::uint32_t item = VisibilityBuffer::item_of(buffer_.surface[first]);
    for (end = first + 1; end < samples && VisibilityBuffer::item_of(buffer_.surface[end]) == item;) ++end;
    const int owner = buffer_.surface[first] == kNoSurface ? -1 : owners[item];
    std::fill(labels.owner.data() + first, labels.owner.data() + end, static_cast<std::int16_t>(owner));
    if (owner >= 0) labels.visible[static_cast<std::size_t>(owner)] += static_cast<int>(end - first);
  }
}

void make_truth(const SceneSpec& scene, const Motion& motion, const LabelledFrame& before, const LabelledFrame& now,
                const LabelledFrame& after, bool flow, FrameTruth& truth) {
  truth.depth = now.labels->depth;
  const std::size_t pixels = truth.depth.size();
  truth.ids.resize(pixels);
  for (std::size_t i = 0; i < pixels; ++i) {
    const int owner = now.labels->owner[i];
    truth.ids[i] = owner < 0 ? 0 : scene.bodies[static_cast<std::size_t>(owner)].info.id;
  }
  if (!flow) return;
  truth.flow_forward.resize(2 * pixels);
  truth.flow_backward.resize(2 * pixels);
  truth.flow_flags.assign(pixels, 0);
  const auto cut = [&](const LabelledFrame& other) {
    return other.world == nullptr || other.world->camera.shot != now.world->camera.shot;
  };
  const auto mark_cut = [&](std::uint8_t bit) {
    for (std::uint8_t& flags : truth.flow_flags) flags |= bit;
  };
  if (cut(after)) {
    mark_cut(kForward.cut);
    std::fill(truth.flow_forward.begin(), truth.flow_forward.end(), 0.0F);
  } else {
    FlowPass(scene, motion, now, after, kForward).run(truth.flow_forward, truth.flow_flags);
  }
  if (cut(before)) {
    mark_cut(kBackward.cut);
    std::fill(truth.flow_backward.begin(), truth.flow_backward.end(), 0.0F);
  } else {
    FlowPass(scene, motion, now, before, kBackward).run(truth.flow_backward, truth.flow_flags);
  }
}

}  // namespace bitemark::sim
