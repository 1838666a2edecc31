#include "model/packed_linear.h"

#include "model/cpu_floats.h"
#include "model/held.h"
#include "model/mixed_precision.h"

namespace bitemark::model {

std::shared_ptr<const PackedMatrix> PackedRows::of(const Tensor& weight, std::int64_t first, std::int64_t end) {
  const std::lock_guard lock(mutex_);
  if (packed_ != nullptr && from_ == weight.data_ptr() && version_ == weight._version()) return packed_;
  from_ = weight.data_ptr();
  version_ = weight._version();
  const Tensor rows = weight.detach().slice(0, first, end).contiguous();
  const bool transposed = order_ == PackedMatrix::From::kTranspose;
  packed_ = std::make_shared<const PackedMatrix>(rows.data_ptr<float>(), order_, rows.size(transposed ? 1 : 0),
                                                 rows.size(transposed ? 0 : 1));
  return packed_;
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// left's last dimension times `right`, plus the bias (undefined or empty: none). left: contiguous.
Tensor times(const Tensor& left, const PackedMatrix& right, const Tensor& bias) {
  std::vector<std::int64_t> shape = left.sizes().vec();
  const std::int64_t rows = left.numel() / shape.back();
  shape.back() = right.columns();
  Tensor out = at::empty(shape, left.options());
  const bool has_bias = bias.defined() && bias.numel() > 0;
  multiply({left.data_ptr<float>(), rows, right, has_bias ? bias.data_ptr<float>() : nullptr}, out.data_ptr<float>());
  return out;
}

/// A layer's weights for both directions.
struct BothWays {
  std::shared_ptr<const PackedMatrix> forward, back;
};

/// The layer with its gradients. An empty bias is none: this takes no undefined one.
class LinearWithGradients : public torch::autograd::Function<LinearWithGradients> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const BothWays& packed) {
    context->save_for_backward({x, weight});
    context->saved_data["bias"] = bias.numel() > 0;
    context->saved_data["packed"] = held(packed.back);
    return times(x, *packed.forward, bias);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], grad = grads[0].contiguous();
    const std::int64_t outputs = weight.size(0), inputs = weight.size(1), rows = x.numel() / inputs;
    const auto& back = held_in<std::shared_ptr<const PackedMatrix>>(context->saved_data["packed"]);
    const Tensor grad_x = times(grad, *back, {});
    Tensor grad_weight = at::empty(weight.sizes(), weight.options()),
           grad_bias = at::empty({outputs}, weight.options());
    multiply_transposed(grad.data_ptr<float>(), outputs, rows,
                        {x.data_ptr<float>(), PackedMatrix::From::kRows, rows, inputs, back->split()},
                        grad_weight.data_ptr<float>(), grad_bias.data_ptr<float>());
    const bool has_bias = context->saved_data["bias"].toBool();
    return {grad_x, grad_weight, has_bias ? grad_bias : Tensor(), Tensor()};
  }
};

}  // namespace

Tensor PackedLinearImpl::forward(const Tensor& x) {
  const bool ours = is_ours(x) && is_ours(weight);
  if (ours && !c10::GradMode::is_enabled()) return times(x.contiguous(), *packed(), bias);
  if (ours && !MixedPrecision::is_on())
    return LinearWithGradients::apply(x.contiguous(), weight, bias.defined() ? bias : at::empty({0}),
                                      BothWays{packed(), back_.of(weight, 0, weight.size(0))});
  return torch::nn::LinearImpl::forward(x);
}

}  // namespace bitemark::model
