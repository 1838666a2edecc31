// What an operation of our own keeps for its gradient beside tensors.
#pragma once

#include <utility>

#include "model/torch_compat.h"

namespace bitemark::model {

template <typename T>
struct Held final : torch::CustomClassHolder {
  explicit Held(T kept) : value(std::move(kept)) {}
  T value;
};

/// For an AutogradContext's saved_data.
template <typename T>
c10::IValue held(T value) {
  return c10::IValue::make_capsule(c10::make_intrusive<Held<T>>(std::move(value)));
}

/// As it was held; T must be the same. Lives as long as `kept` does.
template <typename T>
const T& held_in(const c10::IValue& kept) {
  return static_cast<const Held<T>&>(*kept.toCapsule()).value;
}

}  // namespace bitemark::model
