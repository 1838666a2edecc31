#include "model/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/error.h"

namespace bitemark::model {
namespace {

constexpr long kMostProcesses = 65536;
// Below 32768, from where Linux gives ports to outgoing connections.
constexpr long kFirstPort = 16384, kPorts = 16384;

long number(const char* name, const std::string& text, long low, long high) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high)
    throw InputError("the environment", name,
                     fmt::format("is '{}', expected a whole number from {} to {}", text, low, high));
  return value;
}

std::string needed(const Variables& variables, const char* name, const char* because) {
  const auto text = variables(name);
  if (!text || text->empty())
    throw InputError("the environment", name, fmt::format("is not set, expected beside {}", because));
  return *text;
}

int count(const Variables& variables, const char* name, const char* because) {
  return static_cast<int>(number(name, needed(variables, name, because), 1, kMostProcesses));
}

/// A place in [0, size).
int place(const char* name, const std::string& text, int size) {
  return static_cast<int>(number(name, text, 0, size - 1));
}

Launch from_torchrun(const Variables& variables) {
  Launch launch;
  launch.size = count(variables, "WORLD_SIZE", "RANK");
  launch.rank = place("RANK", needed(variables, "RANK", "WORLD_SIZE"), launch.size);
  if (const auto text = variables("LOCAL_WORLD_SIZE"))
    launch.local_size = static_cast<int>(number("LOCAL_WORLD_SIZE", *text, 1, launch.size));
  if (const auto text = variables("LOCAL_RANK")) launch.local_rank = place("LOCAL_RANK", *text, launch.size);
  if (launch.size == 1) return launch;
  launch.host = needed(variables, "MASTER_ADDR", "RANK");
  launch.port = static_cast<std::uint16_t>(number("MASTER_PORT", needed(variables, "MASTER_PORT", "RANK"), 1, 65535));
  // torch.distributed.run keeps the store itself, and one a restart of the processes.
  if (variables("TORCHELASTIC_USE_AGENT_STORE").value_or("") == "True") {
    launch.hosts_store = false;
    launch.store_prefix = "/worker/" + variables("TORCHELASTIC_RESTART_COUNT").value_or("0");
  }
  return launch;
}

Launch from_srun(const Variables& variables) {
  Launch launch;
  const char* tasks = variables("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";
  launch.size = count(variables, tasks, "SLURM_STEP_ID");
  launch.rank = place("SLURM_PROCID", needed(variables, "SLURM_PROCID", "SLURM_STEP_ID"), launch.size);
  if (const auto text = variables("SLURM_LOCALID")) launch.local_rank = place("SLURM_LOCALID", *text, launch.size);
  if (launch.size == 1) return launch;
  if (const auto host = variables("MASTER_ADDR"))
    launch.host = *host;
  else if (const auto nodes = variables("SLURM_STEP_NODELIST"))
    launch.host = first_host(*nodes);
  else
    launch.host = needed(variables, "SLURM_LAUNCH_NODE_IPADDR", "SLURM_STEP_ID");
  if (const auto port = variables("MASTER_PORT")) {
    launch.port = static_cast<std::uint16_t>(number("MASTER_PORT", *port, 1, 65535));
  } else {
    const long job = number("SLURM_JOB_ID", needed(variables, "SLURM_JOB_ID", "SLURM_STEP_ID"), 0, 4294967295L);
    const long step = number("SLURM_STEP_ID", needed(variables, "SLURM_STEP_ID", "SLURM_PROCID"), 0, 4294967295L);
    launch.port = static_cast<std::uint16_t>(kFirstPort + (job * 97 + step) % kPorts);
  }
  return launch;
}

}  // namespace

std::string first_host(const std::string& slurm_list) {
  std::string host;
  for (std::size_t i = 0; i < slurm_list.size() && slurm_list[i] != ','; ++i) {
    if (slurm_list[i] != '[') {
      host += slurm_list[i];
      continue;
    }
    const std::size_t close = slurm_list.find(']', i);
    const std::size_t first_end = std::min(slurm_list.find_first_of(",-]", i), close);
    if (close == std::string::npos || first_end == i + 1)
      throw InputError("the environment", "SLURM_STEP_NODELIST",
                       "is '" + slurm_list + "', expected a list of hosts such as node[03-05]");
    host += slurm_list.substr(i + 1, first_end - i - 1);
    i = close;
  }
  if (host.empty()) throw InputError("the environment", "SLURM_STEP_NODELIST", "names no host");
  return host;
}

Launch launch_from(const Variables& variables) {
  // Inside a batch script, SLURM_NTASKS and SLURM_PROCID are set although nobody has started the other tasks; only srun
  // sets the step.
  if (variables("RANK") || variables("WORLD_SIZE")) return from_torchrun(variables);
  if (variables("SLURM_STEP_ID") && variables("SLURM_PROCID")) return from_srun(variables);
  return {};
}

Launch launch_from_environment() {
  return launch_from([](const char* name) -> std::optional<std::string> {
    const char* text = std::getenv(name);
    return text != nullptr ? std::optional<std::string>(text) : std::nullopt;
  });
}

}  // namespace bitemark::model
