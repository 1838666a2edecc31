#include "model/kernels/kernels.h"

#include <cstdlib>
#include <string_view>

namespace bitemark::model {

extern const Kernels kernels_plain;
#if defined(__x86_64__)
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
#endif

namespace {

const Kernels& best() {
#if defined(__x86_64__)
  const char* pin = std::getenv("ATEN_CPU_CAPABILITY");
  const std::string_view limit = pin == nullptr ? "avx512" : pin;
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && limit == "avx512" && __builtin_cpu_supports("avx512f")) return kernels_avx512;
  if (avx2 && limit != "default") return kernels_avx2;
#endif
  return kernels_plain;
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = best();
  return chosen;
}

}  // namespace bitemark::model
