#include "base/interrupt.h"

#include <csignal>

#include "base/error.h"

namespace bitemark {
namespace {

volatile std::sig_atomic_t g_signal = 0;

void remember(int signal) {
  g_signal = signal;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void listen_for_interrupts() {
  std::signal(SIGINT, remember);
  std::signal(SIGTERM, remember);
}

bool interrupted() { return g_signal != 0; }

void stop_if_interrupted() {
  if (interrupted()) throw InterruptedError("interrupted; run the same command again");
}

}  // namespace bitemark
