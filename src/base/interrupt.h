// SIGINT and SIGTERM ask politely: work in hand is finished or dropped, results so far are kept.
#pragma once

namespace bitemark {

/// Installs the handlers; call once at the start of main. A second signal ends the process at once.
void listen_for_interrupts();
bool interrupted();
/// Throws InterruptedError once a signal has come. Call between units of work.
void stop_if_interrupted();

}  // namespace bitemark
