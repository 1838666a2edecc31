// The variables of torchrun and srun.
#include "model/launch.h"

#include <gmock/gmock.h>

#include <map>

#include "base/error.h"

namespace bitemark::model {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

using Set = std::map<std::string, std::string>;

Launch launch_with(const Set& set) {
  return launch_from([&](const char* name) -> std::optional<std::string> {
    const auto found = set.find(name);
    return found == set.end() ? std::nullopt : std::optional<std::string>(found->second);
  });
}

const Set kTorchrun{{"RANK", "5"},        {"WORLD_SIZE", "8"},     {"LOCAL_RANK", "1"}, {"LOCAL_WORLD_SIZE", "4"},
                    {"MASTER_ADDR", "a"}, {"MASTER_PORT", "29500"}};
const Set kSrun{
    {"SLURM_JOB_ID", "4711"}, {"SLURM_STEP_ID", "2"}, {"SLURM_STEP_NUM_TASKS", "4"},           {"SLURM_NTASKS", "8"},
    {"SLURM_PROCID", "3"},    {"SLURM_LOCALID", "1"}, {"SLURM_STEP_NODELIST", "gpu[07,09-12]"}};

Set with(Set set, const std::string& name, const std::string& value) {
  set[name] = value;
  return set;
}
Set without(Set set, const std::string& name) {
  set.erase(name);
  return set;
}

TEST(Launch, NothingSetIsOneProcess) {
  EXPECT_EQ(launch_with({}).size, 1);
  EXPECT_TRUE(launch_with({{"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}}).host.empty()) << "a batch script, no srun";
}

TEST(Launch, Torchrun) {
  const Launch launch = launch_with(kTorchrun);
  EXPECT_EQ(launch.rank, 5);
  EXPECT_EQ(launch.size, 8);
  EXPECT_EQ(launch.local_rank, 1);
  EXPECT_EQ(launch.local_size, 4);
  EXPECT_EQ(launch.host, "a");
  EXPECT_EQ(launch.port, 29500);
  EXPECT_TRUE(launch.hosts_store);
  const Launch agent =
      launch_with(with(with(kTorchrun, "TORCHELASTIC_USE_AGENT_STORE", "True"), "TORCHELASTIC_RESTART_COUNT", "3"));
  EXPECT_FALSE(agent.hosts_store);
  EXPECT_EQ(agent.store_prefix, "/worker/3");
}

TEST(Launch, Srun) {
  const Launch launch = launch_with(kSrun);
  EXPECT_EQ(launch.rank, 3);
  EXPECT_EQ(launch.size, 4);
  EXPECT_EQ(launch.local_rank, 1);
  EXPECT_EQ(launch.host, "gpu07");
  EXPECT_EQ(launch_with(with(kSrun, "SLURM_PROCID", "0")).port, launch.port);
  EXPECT_NE(launch_with(with(kSrun, "SLURM_JOB_ID", "4712")).port, launch.port);
  EXPECT_EQ(launch_with(with(with(kSrun, "MASTER_ADDR", "b"), "MASTER_PORT", "7")).host, "b");
  EXPECT_EQ(launch_with(with(kSrun, "MASTER_PORT", "7")).port, 7);
  EXPECT_EQ(launch_with(with(without(kSrun, "SLURM_STEP_NODELIST"), "SLURM_LAUNCH_NODE_IPADDR", "10.0.0.1")).host,
            "10.0.0.1");
}

TEST(Launch, FirstHost) {
  EXPECT_EQ(first_host("single"), "single");
  EXPECT_EQ(first_host("one,two"), "one");
  EXPECT_EQ(first_host("n[003-005,9],m1"), "n003");
  EXPECT_EQ(first_host("rack[2-3]node[1,4]"), "rack2node1");
  EXPECT_EQ(first_host("n[7].cluster"), "n7.cluster");
  for (const char* bad : {"", "n[", "n[]", ",n"}) EXPECT_THROW(first_host(bad), InputError) << bad;
}

TEST(Launch, OddVariablesAreNamed) {
  const auto expect = [](const Set& set, const char* sentence) {
    EXPECT_THAT([&] { launch_with(set); }, ThrowsMessage<InputError>(HasSubstr(sentence)));
  };
  for (const char* name : {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"})
    expect(without(kTorchrun, name), (std::string(name) + ": is not set").c_str());
  expect(with(kTorchrun, "RANK", "8"), "RANK: is '8', expected a whole number from 0 to 7");
  expect(with(kTorchrun, "RANK", "-1"), "RANK: is '-1'");
  expect(with(kTorchrun, "RANK", "1.5"), "RANK: is '1.5'");
  expect(with(kTorchrun, "WORLD_SIZE", "0"), "WORLD_SIZE: is '0'");
  expect(with(kTorchrun, "MASTER_PORT", "http"), "MASTER_PORT: is 'http'");
  expect(with(kTorchrun, "MASTER_PORT", "65536"), "MASTER_PORT: is '65536'");
  expect(with(kTorchrun, "LOCAL_RANK", "x"), "LOCAL_RANK: is 'x'");
  expect(with(kSrun, "SLURM_PROCID", "4"), "SLURM_PROCID: is '4'");
  expect(with(kSrun, "SLURM_STEP_NUM_TASKS", "many"), "SLURM_STEP_NUM_TASKS: is 'many'");
  expect(without(without(kSrun, "SLURM_STEP_NUM_TASKS"), "SLURM_NTASKS"), "SLURM_NTASKS: is not set");
  expect(without(kSrun, "SLURM_JOB_ID"), "SLURM_JOB_ID: is not set");
}

}  // namespace
}  // namespace bitemark::model
