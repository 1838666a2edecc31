// Caption agreement through the whole program, by the shipped towers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/safetensors.h"
#include "cli/program.h"
#include "suite/results.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

using testing::HasSubstr;

const std::string kSource = BITEMARK_SOURCE_DIR, kNano = kSource + "/checkpoints/nano";

class SlowAgreement : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(std::string(BITEMARK_BINARY_DIR) + "/bitemark-model")) GTEST_SKIP() << "built without LibTorch";
  }
  /// Two scenarios of several colours, eight takes each.
  std::vector<std::string> words(const std::string& out, const std::string& generator) const {
    return {"run",     "--scenario", "bounce",        "--scenario", "launch",
            "--limit", "8",          "--fault-takes", "0",          "--generator",
            generator, "--judge",    kNano,           "--out",      (folder_.path() / out).string()};
  }
  /// Answers each take with the true continuation of the next one whose caption differs and whose length does not.
  fs::path swapped_answers(const RunReport& report) const {
    const fs::path answers = folder_.path() / "swapped";
    const std::size_t count = report.cases.size();
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t k = 1; k < count; ++k) {
        const CaseResult& mine = report.cases[i];
        const CaseResult& other = report.cases[(i + k) % count];
        if (other.caption == mine.caption ||
            other.frame_count - other.context_frames < mine.frame_count - mine.context_frames)
          continue;
        const SafetensorsFile truth(folder_.path() / "first/clips/oracle" / (other.which.id() + ".safetensors"));
        const auto& frames = truth.at("frames");
        make_folder(answers / mine.which.id());
        save_safetensors(answers / mine.which.id() / "rollout.safetensors",
                         {{"frames", frames.type, frames.shape, frames.data.data()}});
        break;
      }
    return answers;
  }
  static const AgreementResult& row(const RunReport& report, std::string_view generator) {
    for (const auto& one : report.agreements)
      if (one.generator == generator) return one;
    throw std::logic_error("no row " + std::string(generator));
  }
  TemporaryFolder folder_;
};

TEST_F(SlowAgreement, SwappedCaptionsFallToTheFloorAndSecondTakesStayAtTheCeiling) {
  const auto first = bitemark(words("first", "fault:freeze"));
  ASSERT_EQ(first.code, 0) << first.err;
  const fs::path answers = swapped_answers(load_report(folder_.path() / "first"));
  const auto second = bitemark(words("second", "folder:" + answers.string()));
  ASSERT_EQ(second.code, 0) << second.err;
  const RunReport report = load_report(folder_.path() / "second");
  EXPECT_EQ(report.judge, "nano");
  EXPECT_NEAR(row(report, "oracle").score, 1, 1e-9);
  EXPECT_GT(row(report, "oracle").preferred, 0.95);
  EXPECT_GT(row(report, "second-take").score, 0.95);
  // The true clip of another take: 0 is what the truth has with all other captions, of the other scenario too.
  const auto& swapped = row(report, "swapped");
  EXPECT_EQ(swapped.takes.size(), report.cases.size());
  EXPECT_LT(swapped.own.high, row(report, "oracle").own.low);
  EXPECT_LT(swapped.score, 0.5);
  EXPECT_LT(row(report, "noise").score, 0.2);
  EXPECT_THAT(read_file(folder_.path() / "second/index.html"), HasSubstr("Does it show what its caption says?"));
  EXPECT_THAT(read_file(folder_.path() / "second/index.html"), HasSubstr("caption.agreement"));
  EXPECT_THAT(read_file(folder_.path() / "second/summary.md"), HasSubstr("| captions |"));
}

TEST_F(SlowAgreement, AJudgeWithoutImageTowerGetsASentence) {
  const fs::path blind = folder_.path() / "blind";
  make_folder(blind);
  for (const char* file : {"config.json", "text.safetensors", "tokenizer.json"})
    fs::copy_file(fs::path(kNano) / file, blind / file);
  auto all = words("run", "fault:freeze");
  *(std::find(all.begin(), all.end(), "--judge") + 1) = blind.string();
  *(std::find(all.begin(), all.end(), "--limit") + 1) = "2";
  const auto said = bitemark(all);
  EXPECT_EQ(said.code, 4);
  EXPECT_THAT(said.err, HasSubstr("has no image tower (image.safetensors)"));
}

}  // namespace
}  // namespace bitemark
