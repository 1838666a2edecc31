// bitemark: the simulator and the harness.
#include <fmt/format.h>

#include <cstdio>

#include "base/interrupt.h"
#include "cli/command.h"

namespace {

using bitemark::ExitCode;
using bitemark::cli::Action;
using bitemark::cli::Command;

constexpr Command kCommands[] = {
    {"list", "Scenarios, what they show and how they may be asked for", bitemark::cli::configure_list},
    {"doctor", "What this machine has and lacks", bitemark::cli::configure_doctor},
    {"scenario", "Begin, check or explain a scenario file", bitemark::cli::configure_scenario},
    {"render", "Render one take with its ground truth", bitemark::cli::configure_render},
    {"export", "Write an episode in the layout of other tools", bitemark::cli::configure_export},
    {"dataset", "Write training shards from many takes", bitemark::cli::configure_dataset},
    {"train", "Train a part of the generator (bitemark-model)", bitemark::cli::configure_train},
    {"rollout", "One clip from a generator: continued, from text, backwards, in between, forked",
     bitemark::cli::configure_rollout},
    {"play", "Play in a checkpoint's world, in the terminal or by a script", bitemark::cli::configure_play},
    {"surprise", "Is a model more surprised by impossible clips than by possible ones?",
     bitemark::cli::configure_surprise},
    {"run", "Run a suite: roll out, judge, report", bitemark::cli::configure_run},
    {"score", "Judge one video", bitemark::cli::configure_score},
    {"compare", "Compare two reports take by take", bitemark::cli::configure_compare},
    {"report", "Write the pages of a finished run again", bitemark::cli::configure_report},
    {"repro", "Do one failing case again, bit for bit", bitemark::cli::configure_repro},
    {"calibrate", "Measure where 0 and 1 of plausibility lie", bitemark::cli::configure_calibrate},
    {"faults", "Test the metrics on faults put in on purpose", bitemark::cli::configure_faults},
};

/// The parser would only say that a command is needed.
void check_command(int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  for (const Command& command : kCommands)
    if (std::string(argv[1]) == command.name) return;
  throw bitemark::InputError(fmt::format("there is no command \"{}\"; bitemark --help lists them", argv[1]));
}

ExitCode run(int argc, char** argv) {
  CLI::App app("Simulates physics, renders it as ground truth, and judges video models by it.", "bitemark");
  app.require_subcommand(1);
  std::vector<std::pair<CLI::App*, Action>> actions;
  for (const Command& command : kCommands) {
    CLI::App* subcommand = app.add_subcommand(command.name, command.summary);
    actions.emplace_back(subcommand, command.configure(*subcommand));
  }
  check_command(argc, argv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? ExitCode::kDone : ExitCode::kBadInput;
  }
  for (const auto& [subcommand, action] : actions) {
    if (subcommand->parsed()) return action();
  }
  return ExitCode::kBadInput;
}

ExitCode complain(ExitCode code, const char* what) {
  fmt::print(stderr, "bitemark: {}\n", what);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  bitemark::listen_for_interrupts();
  try {
    return static_cast<int>(run(argc, argv));
  } catch (const bitemark::InputError& error) {
    return static_cast<int>(complain(ExitCode::kBadInput, error.what()));
  } catch (const bitemark::InterruptedError& error) {
    return static_cast<int>(complain(ExitCode::kInterrupted, error.what()));
  } catch (const std::exception& error) {
    return static_cast<int>(complain(ExitCode::kInternal, error.what()));
  }
}
