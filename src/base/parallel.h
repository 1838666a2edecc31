// Work on all cores, with results that do not depend on how many there are.
#pragma once

#include <cstddef>
#include <functional>

namespace bitemark {

/// BITEMARK_THREADS, else the number of cores this process may run on.
int default_threads();

/// Calls work(i) for i in [0, count), each exactly once, on `threads` threads. The first exception is thrown again
/// here after all threads have stopped; remaining indices are skipped.
void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& work);

}  // namespace bitemark
