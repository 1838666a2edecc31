#include "model/diffusion.h"

#include <cmath>
#include <numbers>

namespace bitemark::model {
namespace {

class Flow final : public Diffusion {
 public:
  explicit Flow(double floor) : floor_(floor) {}
  Tensor alpha(const Tensor& level) const override { return level; }
  Tensor sigma(const Tensor& level) const override { return 1.0 - level; }
  Tensor target(const Tensor& x, const Tensor&, const Tensor&) const override { return x; }
  Tensor clean(const Tensor& answer, const Tensor&, const Tensor&) const override { return answer; }
  Tensor weight(const Tensor& level) const override { return level * (1.0 - floor_) + floor_; }

 private:
  double floor_;
};

class Ddpm final : public Diffusion {
 public:
  Tensor alpha(const Tensor& level) const override { return at::sin(level * (std::numbers::pi / 2)); }
  Tensor sigma(const Tensor& level) const override { return at::cos(level * (std::numbers::pi / 2)); }
  Tensor target(const Tensor& x, const Tensor& eps, const Tensor& level) const override {
    return beside(alpha(level), x) * eps - beside(sigma(level), x) * x;
  }
  Tensor clean(const Tensor& answer, const Tensor& z, const Tensor& level) const override {
    return beside(alpha(level), z) * z - beside(sigma(level), z) * answer;
  }
  Tensor weight(const Tensor& level) const override { return at::ones_like(level); }
};

}  // namespace

Tensor beside(const Tensor& level, const Tensor& like) {
  std::vector<std::int64_t> shape = level.sizes().vec();
  shape.resize(static_cast<std::size_t>(like.dim()), 1);
  return level.view(shape);
}

Tensor Diffusion::noised(const Tensor& x, const Tensor& eps, const Tensor& level) const {
  return beside(alpha(level), x) * x + beside(sigma(level), x) * eps;
}

std::unique_ptr<Diffusion> make_flow(double weight_floor) { return std::make_unique<Flow>(weight_floor); }
std::unique_ptr<Diffusion> make_ddpm() { return std::make_unique<Ddpm>(); }
std::unique_ptr<Diffusion> make_diffusion(const DiffusionConfig& config) {
  return config.path == "ddpm" ? make_ddpm() : make_flow(config.weight_floor);
}

Tensor training_levels(std::int64_t count, Pcg32& random) {
  Tensor levels = at::zeros({count});
  float* out = levels.data_ptr<float>();
  for (std::int64_t i = 0; i < count; ++i) {
    const double kind = random.uniform();
    if (kind < 0.6) {
      out[i] = static_cast<float>(1.0 / (1.0 + std::exp(-random.normal())));
    } else if (kind < 0.8) {
      out[i] = static_cast<float>(random.uniform());
    }
  }
  return levels;
}

}  // namespace bitemark::model
