// How a process that computes with networks is set up, before anything else is done.
#pragma once

namespace bitemark::model {

/// OpenMP reads its environment when it is loaded, before main: sets what is missing and starts the program again.
/// Threads that spin while they wait make training ten times slower on a machine that has other work as well.
void start_with_patient_threads(char** argv);

/// Training frees and asks for the same large blocks at every step; giving them back to the system in between costs a
/// fifth of the time in page faults. 32 MiB is the most that glibc allows, and only the arena that all threads share is
/// never given back: with an arena a thread, two threads took 54,000 page faults a second.
void keep_large_blocks();

}  // namespace bitemark::model
