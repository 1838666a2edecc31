// Two processes that train together against one that does all the work.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <sstream>

#include "base/files.h"
#include "child.h"
#include "model/weights.h"
#include "toy_run.h"

namespace bitemark::model {
namespace {

using testing::HasSubstr;

/// A port that nobody listens at just now.
std::string free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(socket);
  return std::to_string(ntohs(address.sin_port));
}

class Processes : public ToyRun {
 protected:
  std::unique_ptr<Child> start(const TrainOptions& options, int rank, int size) const {
    return std::make_unique<Child>(words(options),
                                   std::map<std::string, std::string>{{"RANK", std::to_string(rank)},
                                                                      {"WORLD_SIZE", std::to_string(size)},
                                                                      {"LOCAL_RANK", std::to_string(rank)},
                                                                      {"MASTER_ADDR", "127.0.0.1"},
                                                                      {"MASTER_PORT", port}},
                                   folder / (std::to_string(rank) + ".log"));
  }
  void train_with_two(const TrainOptions& options) {
    port = free_port();
    const auto first = start(options, 0, 2), second = start(options, 1, 2);
    EXPECT_EQ(first->wait(120), 0) << first->error();
    EXPECT_EQ(second->wait(120), 0) << second->error();
  }
  std::string port = free_port();
};

using SlowProcesses = Processes;

std::vector<double> losses_in(const std::filesystem::path& log) {
  std::istringstream lines(read_file(log));
  std::vector<double> losses;
  std::string line;
  while (std::getline(lines, line)) losses.push_back(Json::parse(line).at("loss"));
  return losses;
}

TEST_F(Processes, ComputeTheGradientOfOneProcess) {
  const Json four = {{"batch", 4}, {"parts", 4}};
  const TrainOptions one = options("dit", "one", 1, four), two = options("dit", "two", 1, four);
  train(one);
  train_with_two(two);
  // After one step AdamW's first moment is 0.1 times the gradient.
  const SafetensorsFile expected(one.out / "state.safetensors"), found(two.out / "state.safetensors");
  int compared = 0;
  for (const auto& [name, view] : expected.tensors()) {
    const Tensor a = map_tensor(expected, name).to(at::kDouble), b = map_tensor(found, name).to(at::kDouble);
    EXPECT_LE((a - b).norm().item<double>(), 1e-6 * a.norm().item<double>()) << name;
    if (name.starts_with("first.") && a.norm().item<double>() > 0) ++compared;
  }
  EXPECT_GT(compared, 10);
}

TEST_F(SlowProcesses, FollowTheLossOfOneProcess) {
  const Json four = {{"batch", 4}, {"parts", 4}, {"save_every_s", 60}};
  const TrainOptions one = options("dit", "one", 50, four), two = options("dit", "two", 50, four);
  train(one);
  train_with_two(two);
  const auto expected = losses_in(one.out / "log.jsonl"), found = losses_in(two.out / "log.jsonl");
  ASSERT_EQ(expected.size(), 50U);
  ASSERT_EQ(found.size(), 50U);
  // Sums in another order differ by 1e-7, which AdamW's division by small moments raises here and there.
  for (std::size_t i = 0; i < 50; ++i) EXPECT_NEAR(found[i], expected[i], 1e-3 * expected[i]) << i;
}

TEST_F(SlowProcesses, ARunGoesOnWithAnotherNumberOfThem) {
  // Two parts: a sum of two is the same in either order, so that all bits agree.
  train(options("dit", "one", 6));
  train_with_two(options("dit", "mixed", 2));
  train(options("dit", "mixed", 4));
  train_with_two(options("dit", "mixed", 6));
  expect_same_tensors(folder / "one/state.safetensors", folder / "mixed/state.safetensors");
  EXPECT_EQ(log_without_times(folder / "one/log.jsonl"), log_without_times(folder / "mixed/log.jsonl"));
}

TEST_F(SlowProcesses, EndWhenOneOfThemIsKilled) {
  const TrainOptions o = options("dit", "run", 1000000);
  for (const int killed : {1, 0}) {
    port = free_port();
    const auto first = start(o, 0, 2), second = start(o, 1, 2);
    const std::size_t begun = lines_of(o.out / "log.jsonl");
    ASSERT_TRUE(wait_for_lines(*first, o.out / "log.jsonl", begun + 3)) << first->error() << second->error();
    (killed == 0 ? first : second)->kill();
    Child& left = killed == 0 ? *second : *first;
    EXPECT_EQ(left.wait(60), 2);
    EXPECT_THAT(left.error(), HasSubstr("has lost the others"));
    EXPECT_THAT(left.error(), HasSubstr("start the same command again"));
  }
}

TEST_F(SlowProcesses, DoNotWaitForEverForOneThatNeverCame) {
  TrainOptions o = options("dit", "run", 2);
  o.peer_timeout_s = 2;
  const auto alone = start(o, 0, 2);
  EXPECT_EQ(alone->wait(60), 2);
  EXPECT_THAT(alone->error(), HasSubstr("process 0 of 2 did not meet the others at 127.0.0.1:"));
  EXPECT_FALSE(std::filesystem::exists(o.out));
}

TEST_F(Processes, MoreThanPartsIsBadInput) {
  port = free_port();
  const TrainOptions o = options("dit", "run", 2, {{"parts", 1}});
  const auto first = start(o, 0, 2), second = start(o, 1, 2);
  EXPECT_EQ(first->wait(60), 4);
  EXPECT_THAT(first->error(), HasSubstr("/parts: is 1, expected at least one part a process: 2"));
  EXPECT_NE(second->wait(60), -1);
}

TEST_F(Processes, OddVariablesAreBadInput) {
  const auto odd = start(options("dit", "run", 2), 2, 2);
  EXPECT_EQ(odd->wait(60), 4);
  EXPECT_THAT(odd->error(), HasSubstr("the environment: RANK: is '2', expected a whole number from 0 to 1"));
}

}  // namespace
}  // namespace bitemark::model
