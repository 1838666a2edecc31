// The gated recurrent cell that LibTorch has as one operation for CUDA alone (Cho et al. 2014, with the reset gate
// behind the product, as torch.nn.GRU states it): forward and backward in the device's other operations.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <tuple>

namespace bitemark::pretended {
namespace {

using at::Tensor;

Tensor with_bias(const Tensor& gates, const c10::optional<Tensor>& bias) {
  return bias.has_value() && bias->defined() ? gates + *bias : gates;
}

/// Gates [B, 3 H] in the order reset, update, new; `hx` [B, H]. Gives the next state, and what backward needs.
std::tuple<Tensor, Tensor> cell(const Tensor& input_gates, const Tensor& hidden_gates, const Tensor& hx,
                                const c10::optional<Tensor>& input_bias, const c10::optional<Tensor>& hidden_bias) {
  const auto input = with_bias(input_gates, input_bias).chunk(3, 1);
  const auto hidden = with_bias(hidden_gates, hidden_bias).chunk(3, 1);
  const Tensor reset = at::sigmoid(input[0] + hidden[0]), update = at::sigmoid(input[1] + hidden[1]);
  const Tensor fresh = at::tanh(input[2] + reset * hidden[2]);
  return {fresh + update * (hx - fresh), at::cat({reset, update, fresh, hx, hidden[2]}, 1)};
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> cell_backward(const Tensor& grad, const Tensor& workspace,
                                                                 bool has_bias) {
  const auto kept = workspace.chunk(5, 1);
  const Tensor &reset = kept[0], &update = kept[1], &fresh = kept[2], &hx = kept[3], &hidden = kept[4];
  const Tensor to_fresh = grad * (1 - update) * (1 - fresh * fresh);
  const Tensor to_update = grad * (hx - fresh) * update * (1 - update);
  const Tensor to_reset = to_fresh * hidden * reset * (1 - reset);
  const Tensor to_input = at::cat({to_reset, to_update, to_fresh}, 1);
  const Tensor to_hidden = at::cat({to_reset, to_update, to_fresh * reset}, 1);
  return {to_input, to_hidden, grad * update, has_bias ? to_input.sum(0) : Tensor(),
          has_bias ? to_hidden.sum(0) : Tensor()};
}

TORCH_LIBRARY_IMPL(aten, CUDA, library) {
  library.impl("_thnn_fused_gru_cell", &cell);
  library.impl("_thnn_fused_gru_cell_backward", &cell_backward);
}

}  // namespace
}  // namespace bitemark::pretended
