#include "sim/voxel/terrain.h"

#include <algorithm>
#include <cmath>

namespace bitemark::sim {
namespace {

constexpr int kTreeSquare = 7;  // one tree at most in each square of so many cells
constexpr int kSlope = 9;       // the clearing passes into the hills over so many cells

/// 53 bits of a mixed integer (finaliser of SplitMix64, Steele et al. 2014): noise that depends on nothing but its
/// arguments.
double hash01(std::int64_t x, std::int64_t y, std::uint64_t seed) {
  std::uint64_t h = seed ^ static_cast<std::uint64_t>(x) * 0x9e3779b97f4a7c15ULL ^
                    static_cast<std::uint64_t>(y) * 0xd1b54a32d192ed03ULL;
  h = (h ^ h >> 30U) * 0xbf58476d1ce4e5b9ULL;
  h = (h ^ h >> 27U) * 0x94d049bb133111ebULL;
  return static_cast<double>((h ^ h >> 31U) >> 11U) * 0x1.0p-53;
}

/// Value noise in [-1, 1] with a lattice of 1.
double noise(double x, double y, std::uint64_t seed) {
  const double fx = std::floor(x), fy = std::floor(y);
  const auto i = static_cast<std::int64_t>(fx), j = static_cast<std::int64_t>(fy);
  const double u = x - fx, v = y - fy;
  const double su = u * u * (3 - 2 * u), sv = v * v * (3 - 2 * v);
  const double low = hash01(i, j, seed) + su * (hash01(i + 1, j, seed) - hash01(i, j, seed));
  const double high = hash01(i, j + 1, seed) + su * (hash01(i + 1, j + 1, seed) - hash01(i, j + 1, seed));
  return 2 * (low + sv * (high - low)) - 1;
}

double fractal(double x, double y, std::uint64_t seed) {
  return (noise(x, y, seed) + 0.5 * noise(2 * x, 2 * y, seed + 1) + 0.25 * noise(4 * x, 4 * y, seed + 2)) / 1.75;
}

class Generator {
 public:
  Generator(const TerrainSpec& spec, std::uint64_t seed, std::uint8_t ground, std::uint8_t trees)
      : spec_(spec), seed_(seed), ground_(ground), trees_(trees), grid_(spec.nx, spec.ny, spec.nz) {}

  VoxelGrid run() {
    for (int y = 0; y < spec_.ny; ++y) {
      for (int x = 0; x < spec_.nx; ++x) fill_column(x, y);
    }
    for (int j = 0; j * kTreeSquare < spec_.ny; ++j) {
      for (int i = 0; i * kTreeSquare < spec_.nx; ++i) maybe_plant(i, j);
    }
    return std::move(grid_);
  }

 private:
  double from_start(int x, int y) const { return std::hypot(x - spec_.start_x, y - spec_.start_y); }

  int height_at(int x, int y) const {
    const double hill = spec_.relief * 1.5 * fractal(x / spec_.wavelength, y / spec_.wavelength, seed_);
    const double t = std::clamp((from_start(x, y) - spec_.clearing) / kSlope, 0.0, 1.0);
    const double height = spec_.base + t * t * (3 - 2 * t) * hill;
    return std::clamp(static_cast<int>(std::lround(height)), 2, spec_.nz - 12);
  }

  void fill_column(int x, int y) {
    const int height = height_at(x, y);
    const bool sandy = 0.5 + 0.5 * fractal(x / 11.0 + 100, y / 11.0, seed_ + 17) < spec_.sand + 0.12 &&
                       from_start(x, y) > spec_.clearing;
    for (int z = 0; z < height; ++z) {
      const int depth = height - 1 - z;
      const std::uint8_t kind = depth > 3   ? BlockKinds::kStone
                                : sandy     ? BlockKinds::kSand
                                : depth > 0 ? BlockKinds::kDirt
                                            : BlockKinds::kGrass;
      grid_.set({x, y, z}, kind, ground_);
    }
  }

  void maybe_plant(int i, int j) {
    if (hash01(i, j, seed_ + 101) >= spec_.trees) return;
    const int x = i * kTreeSquare + 1 + static_cast<int>(hash01(i, j, seed_ + 102) * (kTreeSquare - 2));
    const int y = j * kTreeSquare + 1 + static_cast<int>(hash01(i, j, seed_ + 103) * (kTreeSquare - 2));
    if (x >= spec_.nx || y >= spec_.ny || from_start(x, y) < spec_.clearing + 3) return;
    const int ground = grid_.surface(x, y);
    if (ground == 0 || grid_.kind({x, y, ground - 1}) != BlockKinds::kGrass) return;
    const int trunk = 4 + static_cast<int>(hash01(i, j, seed_ + 104) * 3);
    plant(x, y, ground, trunk);
  }

  /// A trunk with two wide layers of leaves and two narrow ones; some corners are missing.
  void plant(int x, int y, int ground, int trunk) {
    for (int layer = 0; layer < 4; ++layer) {
      const int z = ground + trunk - 2 + layer, reach = layer < 2 ? 2 : 1;
      for (int dy = -reach; dy <= reach; ++dy) {
        for (int dx = -reach; dx <= reach; ++dx) {
          const bool corner = std::abs(dx) == reach && std::abs(dy) == reach;
          if (corner && (layer == 3 || hash01(x + dx, y + dy, seed_ + 105 + static_cast<std::uint64_t>(z)) < 0.6))
            continue;
          put({x + dx, y + dy, z}, BlockKinds::kLeaves);
        }
      }
    }
    for (int z = ground; z < ground + trunk; ++z) put({x, y, z}, BlockKinds::kLog);
    grid_.set({x, y, ground - 1}, BlockKinds::kDirt, ground_);
  }

  void put(const Cell& cell, std::uint8_t kind) {
    if (grid_.contains(cell) && (kind == BlockKinds::kLog || !grid_.solid(cell))) grid_.set(cell, kind, trees_);
  }

  const TerrainSpec& spec_;
  std::uint64_t seed_;
  std::uint8_t ground_, trees_;
  VoxelGrid grid_;
};

}  // namespace

VoxelGrid make_terrain(const TerrainSpec& spec, std::uint64_t seed, std::uint8_t ground, std::uint8_t trees) {
  return Generator(spec, seed, ground, trees).run();
}

}  // namespace bitemark::sim
