// LibTorch's TorchScript interface; apart from torch_compat.h because it doubles the time of including it.
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#include <torch/script.h>
#pragma GCC diagnostic pop
