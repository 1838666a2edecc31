#include "base/subprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

TEST(RunProcess, GivesExitCodeAndTheLastWordsOfStderr) {
  const auto result = run_process({"sh", "-c", "echo one >&2; echo two >&2; exit 3"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.describe(), "exit code 3: two");
}

TEST(RunProcess, KillsTheWholeGroupWhenTimeIsOver) {
  const TemporaryFolder folder;
  const auto mark = (folder.path() / "alive").string();
  const auto result = run_process({"sh", "-c", "(sleep 1; touch " + mark + ") & sleep 30"}, {0.2, 0, 0});
  EXPECT_TRUE(result.timed_out);
  run_process({"sleep", "1.3"});
  EXPECT_FALSE(fs::exists(mark));
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
