#include "model/runtime.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdlib>

namespace bitemark::model {

void start_with_patient_threads(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  ::setenv("OMP_WAIT_POLICY", "passive", 1);
  ::execv("/proc/self/exe", argv);  // comes back only where there is no /proc; then it is merely slower
}

void keep_large_blocks() {
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_MMAP_THRESHOLD, 1 << 25);
  ::mallopt(M_TRIM_THRESHOLD, 2147483647);
}

}  // namespace bitemark::model
