#include "model/rope.h"

#include <cmath>

namespace bitemark::model {
namespace {

Tensor frequencies(std::int64_t count, double base) {
  return at::exp(at::arange(count, at::kFloat) *
                 (-std::log(base) / static_cast<double>(std::max<std::int64_t>(count, 1))));
}

Tensor centred(std::int64_t count) { return at::arange(count, at::kFloat) - 0.5 * static_cast<double>(count - 1); }

}  // namespace

RopeTable rope_table(const Tensor& times, std::int64_t rows, std::int64_t columns, std::int64_t head_width,
                     const torch::Device& device, std::int64_t registers) {
  const std::int64_t pairs = head_width / 2;
  const std::int64_t space = pairs / 3;
  const auto angles = [&](const Tensor& position, std::int64_t count, double base) {
    return position.to(at::kFloat).unsqueeze(-1) * frequencies(count, base);
  };
  const Tensor by_row = angles(centred(rows), space, 1e2).unsqueeze(1).expand({rows, columns, space});
  const Tensor by_column = angles(centred(columns), space, 1e2).unsqueeze(0).expand({rows, columns, space});
  const Tensor places = at::cat({by_row, by_column}, -1).reshape({rows * columns, 2 * space});
  const Tensor by_place = at::cat({places, at::zeros({registers, 2 * space})});
  const Tensor by_time = angles(times.to(at::kCPU), pairs - 2 * space, 1e4).unsqueeze(-2);
  std::vector<std::int64_t> shape = times.sizes().vec();
  shape.push_back(by_place.size(0));
  shape.push_back(-1);
  // Of every time and every place once, not of each pair of them.
  const auto table = [&](Tensor (*function)(const Tensor&)) {
    const Tensor each = at::cat({function(by_time).expand(shape), function(by_place).expand(shape)}, -1);
    return each.flatten(-3, -2).unsqueeze(-2).to(device);
  };
  return {table(at::cos), table(at::sin)};
}

RopeTable rope_table(const std::vector<std::int64_t>& times, std::int64_t rows, std::int64_t columns,
                     std::int64_t head_width, const torch::Device& device, std::int64_t registers) {
  return rope_table(at::tensor(at::ArrayRef<std::int64_t>(times)), rows, columns, head_width, device, registers);
}

Tensor grid_embedding(std::int64_t rows, std::int64_t columns, std::int64_t width, const torch::Device& device) {
  const std::int64_t quarter = width / 4;
  const Tensor by_row = centred(rows).unsqueeze(-1) * frequencies(quarter, 1e2);
  const Tensor by_column = centred(columns).unsqueeze(-1) * frequencies(quarter, 1e2);
  const Tensor r = at::cat({by_row.sin(), by_row.cos()}, -1).unsqueeze(1).expand({rows, columns, -1});
  const Tensor c = at::cat({by_column.sin(), by_column.cos()}, -1).unsqueeze(0).expand({rows, columns, -1});
  return at::cat({r, c}, -1).reshape({rows * columns, 4 * quarter}).to(device);
}

Tensor level_embedding(const Tensor& level, std::int64_t width) {
  const Tensor angles = level.unsqueeze(-1) * 1000.0 * frequencies(width / 2, 1e4).to(level.device());
  return at::cat({angles.cos(), angles.sin()}, -1);
}

}  // namespace bitemark::model
