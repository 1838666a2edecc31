#include "model/packed_linear.h"

#include "model/cpu_floats.h"
#include "model/mixed_precision.h"

namespace bitemark::model {

std::shared_ptr<const PackedMatrix> PackedRows::of(const Tensor& weight, std::int64_t first, std::int64_t end) {
  const std::lock_guard lock(mutex_);
  if (packed_ != nullptr && from_ == weight.data_ptr() && version_ == weight._version()) return packed_;
  from_ = weight.data_ptr();
  version_ = weight._version();
  const Tensor rows = weight.detach().slice(0, first, end).contiguous();
  packed_ = std::make_shared<const PackedMatrix>(rows.data_ptr<float>(), PackedMatrix::From::kTranspose, rows.size(1),
                                                 rows.size(0));
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

/// The layer with its gradients, all three products of split numbers. An empty bias is none: this takes no undefined
/// one.
class SplitLinear : public torch::autograd::Function<SplitLinear> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, const Tensor& bias) {
    context->save_for_backward({x, weight});
    context->saved_data["bias"] = bias.numel() > 0;
    return times(x, {weight.data_ptr<float>(), PackedMatrix::From::kTranspose, weight.size(1), weight.size(0)}, bias);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], grad = grads[0].contiguous();
    const std::int64_t outputs = weight.size(0), inputs = weight.size(1), rows = x.numel() / inputs;
    const Tensor grad_x = times(grad, {weight.data_ptr<float>(), PackedMatrix::From::kRows, outputs, inputs}, {});
    Tensor grad_weight = at::empty_like(weight);
    multiply_transposed(grad.data_ptr<float>(), outputs, rows,
                        {x.data_ptr<float>(), PackedMatrix::From::kRows, rows, inputs}, grad_weight.data_ptr<float>());
    const bool has_bias = context->saved_data["bias"].toBool();
    return {grad_x, grad_weight, has_bias ? grad.view({rows, outputs}).sum(0) : Tensor()};
  }
};

}  // namespace

Tensor PackedLinearImpl::forward(const Tensor& x) {
  const bool ours = is_ours(x) && is_ours(weight);
  if (ours && !c10::GradMode::is_enabled()) return times(x.contiguous(), *packed(), bias);
  if (ours && PackedMatrix::splits(weight.size(1), weight.size(0)) && !MixedPrecision::is_on())
    return SplitLinear::apply(x.contiguous(), weight.contiguous(), bias.defined() ? bias : at::empty({0}));
  return torch::nn::LinearImpl::forward(x);
}

}  // namespace bitemark::model
