// Where this process stands among those that train together, as torchrun or srun say by variables of the environment.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace bitemark::model {

struct Launch {
  int rank = 0;        ///< 0 leads: it alone writes
  int size = 1;        ///< processes in all
  int local_rank = 0;  ///< among those on this machine: the accelerator to use
  int local_size = 1;  ///< processes on this machine
  std::string host;    ///< of rank 0
  std::uint16_t port = 0;
  bool hosts_store = true;   ///< false: torchrun's agent already listens at host:port
  std::string store_prefix;  ///< of the keys, where a store is shared with others
};

using Variables = std::function<std::optional<std::string>(const char* name)>;

/// torchrun: RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT, and LOCAL_RANK, LOCAL_WORLD_SIZE where set. srun:
/// SLURM_STEP_ID with SLURM_PROCID, SLURM_STEP_NUM_TASKS (or SLURM_NTASKS), SLURM_LOCALID; rank 0 is on the first
/// machine of SLURM_STEP_NODELIST, and the port follows from job and step, unless MASTER_ADDR and MASTER_PORT say
/// otherwise. Neither: one process. Throws InputError that names the variable which is missing or wrong.
Launch launch_from(const Variables& variables);
Launch launch_from_environment();

/// "node[03-05,9],other" -> "node03".
std::string first_host(const std::string& slurm_list);

}  // namespace bitemark::model
