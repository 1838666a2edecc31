#include "base/subprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

TEST(RunProcess, GivesExitCodeAndTheLastWordsOfStderr) {
  const auto result = run_process({"sh", "-c", "echo one >&2; echo two >&2; exit 3"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.describe(), "ended with exit code 3: two");
}

TEST(RunProcess, KillsTheWholeGroupWhenTimeIsOver) {
  const TemporaryFolder folder;
  const auto mark = (folder.path() / "alive").string();
  const auto result = run_process({"sh", "-c", "(sleep 1; touch " + mark + ") & sleep 30"}, {0.2, 0, 0});
  EXPECT_TRUE(result.timed_out);
  run_process({"sleep", "1.3"});
  EXPECT_FALSE(fs::exists(mark));
}

TEST(RunProcess, WhoIsKilledLeavesNobodyBehind) {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "pid").string();
  const pid_t parent = ::fork();
  if (parent == 0) {
    run_process({"sh", "-c", "echo $$ > " + file + ".new; mv " + file + ".new " + file + "; exec sleep 600"});
    ::_exit(0);
  }
  const auto within_a_minute = [](const auto& happened) {
    for (int i = 0; i < 6000 && !happened(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return happened();
  };
  ASSERT_TRUE(within_a_minute([&] { return fs::exists(file); }));
  const pid_t child = std::stoi(read_file(file));
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  // Whoever adopts it may leave its name in the table of processes for a while, as that of a zombie.
  EXPECT_TRUE(within_a_minute([&] {
    std::ifstream status("/proc/" + std::to_string(child) + "/stat");
    const std::string line{std::istreambuf_iterator<char>(status), {}};
    return line.empty() || line.find(") Z ") != std::string::npos;
  }));
}

TEST(RunProcess, NamesASignal) { EXPECT_EQ(run_process({"sh", "-c", "kill -9 $$"}).exit_code, 128 + 9); }

TEST(RunProcess, AMissingProgramIsBadInput) { EXPECT_THROW(run_process({"no-such-program-here"}), InputError); }

TEST(RunProcess, WritesStandardOutputToAFile) {
  const TemporaryFolder folder;
  run_process({"sh", "-c", "echo $GREETING"}, {}, folder.path() / "out", {}, {{"GREETING", "hello"}});
  EXPECT_EQ(read_file(folder.path() / "out"), "hello\n");
}

TEST(SplitCommand, UnderstandsQuotes) {
  EXPECT_EQ(split_command("python3  'my model.py' --a=\"b \\\"c\\\"\" d\\ e ''"),
            (std::vector<std::string>{"python3", "my model.py", "--a=b \"c\"", "d e", ""}));
  EXPECT_THROW(split_command("a 'b"), InputError);
}

}  // namespace
}  // namespace bitemark
