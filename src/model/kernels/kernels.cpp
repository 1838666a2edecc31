#include "model/kernels/kernels.h"

#include <cstdlib>
#include <string_view>
#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "model/kernels/split_kernels.h"

namespace bitemark::model {

extern const Kernels kernels_plain;
#if defined(__x86_64__)
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
extern const SplitKernels split_kernels_amx;
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

const SplitKernels* best_split() {
#if defined(__x86_64__) && defined(__linux__)
  if (std::getenv("ATEN_CPU_CAPABILITY") != nullptr) return nullptr;  // all that it knows is older
  if (!__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512bf16")) return nullptr;
  // Compilers do not agree on a name for this one.
  constexpr unsigned kTilesOfBfloat16 = 1U << 22;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0 || (edx & kTilesOfBfloat16) == 0) return nullptr;
  // Tiles are 8 KiB that a thread's state grows by: the system wants to be asked (Linux, x86/xstate.rst). All threads
  // may have them then.
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  if (syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0) return &split_kernels_amx;
#endif
  return nullptr;
}

}  // namespace

const SplitKernels* split_kernels() {
  static const SplitKernels* const chosen = best_split();
  return chosen;
}

const Kernels& kernels() {
  static const Kernels& chosen = best();
  return chosen;
}

}  // namespace bitemark::model
