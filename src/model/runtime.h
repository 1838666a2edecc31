// How a process that computes with networks is set up, before anything else is done.
#pragma once

#include <string>

namespace bitemark::model {

/// OpenMP and OpenBLAS read their environment when they are loaded, before main: sets what is missing and starts the
/// program again. Threads that spin while they wait make training ten times slower on a machine that has other work as
/// well; an OpenBLAS that does not know the processor is told what it can do.
void start_well_set_up(char** argv);

/// What OPENBLAS_CORETYPE should say where OpenBLAS has chosen `core` by itself; empty: nothing. OpenBLAS takes a
/// processor that is newer than itself for a Prescott, of 2004: Debian 12's does so with Xeons of 2023, whose matrix
/// products then have 39 GFLOP/s instead of 259.
std::string better_core(const std::string& core, bool has_avx2, bool has_avx512);
/// The one that OpenBLAS has chosen; empty for another library.
std::string blas_core();

/// Large blocks are kept for the next time instead of given back to the system. 32 MiB is the most that glibc allows.
void keep_large_blocks();

/// Training frees and asks for the same large blocks at every step. Only the arena that all threads share is never
/// given back: with an arena a thread, two threads took 54,000 page faults a second, a fifth of the time. To be called
/// before there are other threads. Rollouts ask for many small blocks, and there threads would wait for each other.
void share_one_arena();

}  // namespace bitemark::model
