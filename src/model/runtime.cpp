#include "model/runtime.h"

#include <dlfcn.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdlib>

namespace bitemark::model {

namespace {

bool processor_has(bool avx512) {
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  // What OpenBLAS compiles its kernels for a SkylakeX with.
  return avx512 ? avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl")
                : avx2;
#else
  return false;
#endif
}

/// Whether it was missing.
bool set_if_missing(const char* name, const std::string& value) {
  if (value.empty() || std::getenv(name) != nullptr) return false;
  ::setenv(name, value.c_str(), 1);
  return true;
}

}  // namespace

void start_well_set_up(char** argv) {
  const bool patient = set_if_missing("OMP_WAIT_POLICY", "passive");
  const bool known =
      set_if_missing("OPENBLAS_CORETYPE", better_core(blas_core(), processor_has(false), processor_has(true)));
  if (patient || known) ::execv("/proc/self/exe", argv);  // comes back only without /proc; then it is merely slower
}

std::string better_core(const std::string& core, bool has_avx2, bool has_avx512) {
  if (core != "Prescott" || !has_avx2) return "";
  return has_avx512 ? "SkylakeX" : "Haswell";
}

std::string blas_core() {
  using CoreName = char*();
  auto* name = reinterpret_cast<CoreName*>(::dlsym(RTLD_DEFAULT, "openblas_get_corename"));
  return name == nullptr ? "" : name();
}

void keep_large_blocks() {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 25);
  ::mallopt(M_TRIM_THRESHOLD, 2147483647);
}

void share_one_arena() { ::mallopt(M_ARENA_MAX, 1); }

}  // namespace bitemark::model
