// The one place that knows which collectives LibTorch was built with: Gloo on CPUs, NCCL between accelerators.
#pragma once

#include "model/torch_compat.h"

// LibTorch's CMake package defines USE_C10D_*; the headers of Gloo (libgloo-dev) and NCCL come in packages of their
// own.
#if defined(USE_C10D_GLOO) && __has_include(<gloo/algorithm.h>)
#define BITEMARK_GLOO 1
#endif
#if defined(USE_C10D_NCCL) && __has_include(<nccl.h>)
#define BITEMARK_NCCL 1
#endif

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#if TORCH_VERSION_MAJOR >= 2
#include <torch/csrc/distributed/c10d/Backend.hpp>
#endif
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef BITEMARK_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#endif
#ifdef BITEMARK_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#pragma GCC diagnostic pop

namespace bitemark::model {

#if TORCH_VERSION_MAJOR >= 2
using Collective = c10d::Backend;
#else
using Collective = c10d::ProcessGroup;
#endif

/// With the server that every LibTorch has. 2.x has a second one, of libuv, and would take it; Debian's 2.6 was built
/// without.
template <typename Options = c10d::TCPStoreOptions>
Options store_options() {
  Options options;
  if constexpr (requires { options.useLibUV; }) options.useLibUV = false;
  return options;
}

}  // namespace bitemark::model
