// Every operation of the pretended device is the CPU's, on the same memory: tensors of the device go in as tensors of
// the CPU over their opened pages, and what comes out is given to the device. An operation that is handed a tensor of
// the host beside those of the device is refused, as CUDA's are.
#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include <cstring>
#include <map>

#include "pretended_cuda/memory.h"

namespace bitemark::pretended {
namespace {

using at::Tensor;
using c10::IValue;

void* address_of(const c10::Storage& storage) { return const_cast<void*>(static_cast<const void*>(storage.data())); }

/// A tensor of the shape, strides and type of `like` on `storage`.
Tensor over(const c10::Storage& storage, c10::DispatchKey key, const Tensor& like) {
  Tensor made = at::detail::make_tensor<c10::TensorImpl>(c10::Storage(storage), c10::DispatchKeySet(key), like.dtype());
  made.unsafeGetTensorImpl()->set_storage_offset(like.storage_offset());
  made.unsafeGetTensorImpl()->set_sizes_and_strides(like.sizes(), like.strides());
  if (like.unsafeGetTensorImpl()->is_wrapped_number()) made.unsafeGetTensorImpl()->set_wrapped_number(true);
  return made;
}

/// One call of one operation: what it was given, seen as the CPU sees it.
class Call {
 public:
  /// `may_mix`: a copy between host and device.
  explicit Call(std::string name, bool may_mix = false) : name_(std::move(name)), may_mix_(may_mix) {}

  IValue to_host(const IValue& value) {
    if (value.isTensor()) return to_host(value.toTensor());
    if (value.isDevice()) return value.toDevice().is_cuda() ? IValue(c10::Device(c10::kCPU)) : value;
    if (value.isTensorList()) {
      c10::List<Tensor> all;
      for (const Tensor& one : value.toTensorVector()) all.push_back(to_host(one));
      return all;
    }
    if (value.isList() && value.toListRef().size() > 0 && holds_tensors(value)) {
      c10::List<c10::optional<Tensor>> all;
      for (const IValue& one : value.toListRef())
        all.push_back(one.isTensor() ? c10::optional<Tensor>(to_host(one.toTensor())) : c10::nullopt);
      return all;
    }
    return value;
  }

  IValue to_device(const IValue& value) {
    if (value.isTensor()) return to_device(value.toTensor());
    if (value.isTensorList()) {
      c10::List<Tensor> all;
      for (const Tensor& one : value.toTensorVector()) all.push_back(to_device(one));
      return all;
    }
    return value;
  }

  /// Blocks of all that was given.
  std::vector<void*> blocks() const {
    std::vector<void*> all;
    for (const auto& [host, device] : device_of_) all.push_back(address_of(device));
    return all;
  }

 private:
  static bool holds_tensors(const IValue& list) {
    const auto type = list.type()->expectRef<c10::ListType>().getElementType();
    return type->isSubtypeOf(c10::OptionalType::create(c10::TensorType::get()));
  }

  Tensor to_host(const Tensor& given) {
    if (!given.defined()) return given;
    if (!given.is_cuda()) {
      TORCH_CHECK(may_mix_ || given.dim() == 0, name_, ": expected all tensors on the same device, found one of ",
                  given.sizes(), " on ", given.device());
      return given;
    }
    const c10::Storage& device = given.storage();
    c10::Storage& host = host_of_[device.unsafeGetStorageImpl()];
    if (!host) {
      if (device.nbytes() == 0)  // an answer that has no memory yet: the operation gets it
        host = c10::Storage(c10::Storage::use_byte_size_t(), 0, c10::GetAllocator(c10::kCPU), true);
      else
        host = c10::Storage(c10::Storage::use_byte_size_t(), device.nbytes(),
                            c10::DataPtr(address_of(device), c10::Device(c10::kCPU)), nullptr, false);
      device_of_.emplace(host.unsafeGetStorageImpl(), device);
    }
    Tensor seen = over(host, c10::DispatchKey::CPU, given);
    given_.push_back({given, seen});
    return seen;
  }

  Tensor to_device(const Tensor& made) {
    if (!made.defined()) return made;
    for (const auto& [given, seen] : given_) {
      if (!made.is_same(seen)) continue;
      if (seen.storage().nbytes() > given.storage().nbytes())
        given.unsafeGetTensorImpl()->set_storage_keep_dtype(on_device(seen.storage()));
      if (given.sizes() != seen.sizes() || given.strides() != seen.strides())  // squeeze_ and its like
        given.unsafeGetTensorImpl()->set_sizes_and_strides(seen.sizes(), seen.strides());
      return given;
    }
    if (const auto view = device_of_.find(made.storage().unsafeGetStorageImpl()); view != device_of_.end())
      return over(view->second, c10::DispatchKey::CUDA, made);
    return over(on_device(made.storage()), c10::DispatchKey::CUDA, made);
  }

  static c10::Storage on_device(const c10::Storage& host) {
    c10::Storage device(c10::Storage::use_byte_size_t(), host.nbytes(), &device_memory(), true);
    const Opened opened({address_of(device)});
    if (host.nbytes() > 0) std::memcpy(address_of(device), address_of(host), host.nbytes());
    return device;
  }

  struct Pair {
    Tensor given, seen;
  };
  std::string name_;
  bool may_mix_;
  std::vector<Pair> given_;
  std::map<c10::StorageImpl*, c10::Storage> host_of_, device_of_;
};

void on_host(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const std::size_t arguments = op.schema().arguments().size(), returns = op.schema().returns().size();
  Call call(c10::toString(op.operator_name()));
  std::vector<IValue> given(stack->end() - static_cast<std::ptrdiff_t>(arguments), stack->end());
  stack->resize(stack->size() - arguments);
  for (const IValue& one : given) stack->push_back(call.to_host(one));
  {
    const Opened opened(call.blocks());
    op.callBoxed(stack);
  }
  std::vector<IValue> made(stack->end() - static_cast<std::ptrdiff_t>(returns), stack->end());
  stack->resize(stack->size() - returns);
  for (const IValue& one : made) stack->push_back(call.to_device(one));
}

/// The one way between host and device.
Tensor& copy(Tensor& to, const Tensor& from, bool non_blocking) {
  Call call("aten::copy_", true);
  Tensor host_to = call.to_host(IValue(to)).toTensor();
  const Tensor host_from = call.to_host(IValue(from)).toTensor();
  const Opened opened(call.blocks());
  host_to.copy_(host_from, non_blocking);
  return to;
}

TORCH_LIBRARY_IMPL(_, CUDA, library) { library.fallback(torch::CppFunction::makeFromBoxedFunction<&on_host>()); }

TORCH_LIBRARY_IMPL(aten, CUDA, library) {
  library.impl("copy_", &copy);
  // LibTorch's own choice of an algorithm for a CUDA tensor would be one that only CUDA has.
  for (const char* name : {"convolution", "convolution_backward"})
    library.impl(name, torch::CppFunction::makeFromBoxedFunction<&on_host>());
}

}  // namespace
}  // namespace bitemark::pretended
