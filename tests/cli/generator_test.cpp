// Foreign generators, good and bad, through the whole program. One scenario, two takes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/program.h"
#include "suite/results.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

using testing::HasSubstr;

class Generators : public testing::Test {
 protected:
  RunReport run(const std::string& generator, int code = 0, std::vector<std::string> more = {}) {
    std::vector<std::string> words{"run",
                                   "--scenario",
                                   "bounce",
                                   "--limit",
                                   "2",
                                   "--fault-takes",
                                   "0",
                                   "--generator",
                                   generator,
                                   "--out",
                                   (folder_.path() / "run").string()};
    words.insert(words.end(), more.begin(), more.end());
    const auto said = bitemark(words);
    EXPECT_EQ(said.code, code) << said.err;
    return load_report(folder_.path() / "run");
  }
  /// A shell script that is the generator; $1 is the request, $2 the place for answers.
  std::string script(const std::string& body) {
    const fs::path path = folder_.path() / "generator.sh";
    write_file(path, body);
    return "command:sh " + path.string();
  }
  static void expect_failed(const RunReport& report, const std::string& reason) {
    for (const auto& one : report.cases) {
      const auto* take = one.of(report.subject);
      ASSERT_NE(take, nullptr);
      EXPECT_THAT(take->failure, HasSubstr(reason));
      EXPECT_FALSE(take->passed());
      for (const auto& [metric, value] : take->plausibility)
        EXPECT_EQ(value, 0) << metric;  // lost is a failure, not a gap
    }
  }
  TemporaryFolder folder_;
};

using SlowGenerators = Generators;

TEST_F(SlowGenerators, TheExampleInNumpyIsTheFreezeBaseline) {
  const auto report =
      run("command:/usr/bin/python3 " + std::string(BITEMARK_SOURCE_DIR) + "/examples/freeze_generator.py");
  for (const auto& one : report.cases) {
    EXPECT_EQ(one.of("command")->failure, "");
    EXPECT_EQ(one.of("command")->rollout_digest, one.of("freeze")->rollout_digest);
  }
}

TEST_F(SlowGenerators, OneThatCrashes) {
  expect_failed(run(script("echo 'CUDA out of memory' >&2; exit 3")), "exit code 3: CUDA out of memory");
}

TEST_F(SlowGenerators, OneThatHangs) {
  expect_failed(run(script("sleep 600"), 0, {"--generator-timeout", "1"}), "did not finish in time");
}

TEST_F(SlowGenerators, OneThatAnswersNothing) { expect_failed(run(script("exit 0")), "gave no answer"); }

TEST_F(SlowGenerators, OneThatAnswersTooFewFrames) {
  const std::string python =
      "import json,os,struct,sys\n"
      "for take in json.load(open(sys.argv[1]+'/request.json'))['takes']:\n"
      "    os.makedirs(sys.argv[2]+'/'+take)\n"
      "    head=json.dumps({'frames':{'dtype':'U8','shape':[3,64,64,3],'data_offsets':[0,36864]}}).encode()\n"
      "    "
      "open(sys.argv[2]+'/'+take+'/rollout.safetensors','wb').write(struct.pack('<Q',len(head))+head+bytes(36864))\n";
  write_file(folder_.path() / "short.py", python);
  expect_failed(run("command:/usr/bin/python3 " + (folder_.path() / "short.py").string()), "has 3 frames, expected 16");
}

TEST_F(SlowGenerators, OneThatAnswersWithATextFile) {
  expect_failed(
      run(script("for t in bounce-test-0 bounce-test-1; do mkdir -p $2/$t; echo hello > $2/$t/rollout.mp4; done")),
      "is not a video");
}

TEST_F(SlowGenerators, OneThatLiesAboutItsShape) {
  expect_failed(run(script("for t in bounce-test-0 bounce-test-1; do mkdir -p $2/$t; "
                           "printf '\\377\\377\\377\\377\\377\\377\\377\\377{}' > $2/$t/rollout.safetensors; done")),
                "claims 18446744073709551615 bytes");
}

TEST_F(SlowGenerators, AKilledRunGoesOnAndGivesTheSameDigest) {
  const auto words = [&](const char* name) {
    return std::vector<std::string>{"run",
                                    "--scenario",
                                    "bounce",
                                    "--scenario",
                                    "cookie-bite",
                                    "--limit",
                                    "3",
                                    "--fault-takes",
                                    "0",
                                    "--generator",
                                    "fault:freeze",
                                    "--out",
                                    (folder_.path() / name).string()};
  };
  ASSERT_EQ(bitemark(words("whole")).code, 0);
  auto killed = words("killed");
  killed.insert(killed.begin(), std::string(BITEMARK_BINARY_DIR) + "/bitemark");
  for (const double seconds : {0.3, 0.7, 1.3})  // SIGKILL at three moments, wherever they fall
    run_process(killed, {seconds, 0, 0}, {}, {},
                {{"BITEMARK_SCENARIOS", std::string(BITEMARK_SOURCE_DIR) + "/scenarios"}});
  ASSERT_EQ(bitemark(words("killed")).code, 0);
  EXPECT_EQ(load_report(folder_.path() / "whole").digest, load_report(folder_.path() / "killed").digest);
  // And a finished run is read, not made again, on one thread as on two.
  const auto again = bitemark(words("killed"), {{"BITEMARK_THREADS", "1"}});
  EXPECT_THAT(again.out, HasSubstr("6 takes (6 of them from before)"));
}

TEST_F(SlowGenerators, ABaselineGateFailsOnlyWhenWorse) {
  const fs::path good = folder_.path() / "good";
  const std::vector<std::string> select{
      "run",     "--scenario", "bounce",        "--scenario", "launch", "--scenario", "behind-the-wall",
      "--limit", "3",          "--fault-takes", "0",          "--out"};
  const auto with = [&](const fs::path& out, std::vector<std::string> more) {
    auto words = select;
    words.push_back(out.string());
    words.insert(words.end(), more.begin(), more.end());
    return bitemark(words);
  };
  ASSERT_EQ(with(good, {"--generator", "fault:duplicate"}).code, 0);
  const auto same = with(folder_.path() / "same", {"--generator", "fault:duplicate", "--baseline", good.string()});
  EXPECT_EQ(same.code, 0) << same.out << same.err;
  EXPECT_THAT(same.out, HasSubstr("PASS"));
  const auto worse = with(folder_.path() / "worse", {"--generator", "fault:freeze", "--baseline", good.string()});
  EXPECT_EQ(worse.code, 1) << worse.out;
  EXPECT_THAT(worse.out, HasSubstr("REGRESSION"));
}

}  // namespace
}  // namespace bitemark
