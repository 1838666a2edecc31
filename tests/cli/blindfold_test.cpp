// scripts/blindfold.py hides what it says and nothing else. The blindfolded generator here is `cp -r`: what it answers
// is the request that it was shown.
#include <gmock/gmock.h>

#include "base/subprocess.h"
#include "episode/conditioning.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

Conditioning take(const std::string& id, const std::string& caption, std::uint8_t shade) {
  Conditioning made;
  made.id = id;
  made.caption = caption;
  made.width = made.height = 16;
  made.frame_count = 3;
  Frame frame(16, 16);
  std::fill(frame.rgb.begin(), frame.rgb.end(), shade);
  made.context = {frame};
  for (std::size_t i = 0; i < 3 * Controls::width(); ++i) made.controls.values.push_back(static_cast<float>(i) + shade);
  return made;
}

class Blindfold : public testing::Test {
 protected:
  void SetUp() override {
    write_request(folder.path() / "request", {take("bounce-test-0", "a ball", 10), take("bounce-test-1", "a ball", 20),
                                              take("launch-test-0", "two balls", 30)});
  }
  /// What a generator is shown of the three takes.
  std::vector<Conditioning> shown(const std::string& what) {
    const auto request = folder.path() / "request", out = folder.path() / what;
    const auto result = run_process({"python3", std::string(BITEMARK_SOURCE_DIR) + "/scripts/blindfold.py", what, "cp",
                                     "-r", request.string(), out.string()},
                                    {60, 0, 0});
    EXPECT_EQ(result.exit_code, 0) << result.error_tail;
    std::vector<Conditioning> takes;
    for (const char* id : {"bounce-test-0", "bounce-test-1", "launch-test-0"})
      takes.push_back(read_conditioning(out, id));
    return takes;
  }
  TemporaryFolder folder;
};

int shade(const Conditioning& take) { return take.context.at(0).rgb.at(0); }

TEST_F(Blindfold, WithActionsHiddenNothingActsAndAllElseIsToldAsBefore) {
  const auto takes = shown("actions");
  const auto names = Controls::names();
  for (std::size_t t = 0; t < takes.size(); ++t) {
    const int own = 10 * static_cast<int>(t + 1);
    EXPECT_EQ(shade(takes[t]), own);
    for (std::size_t i = 0; i < takes[t].controls.values.size(); ++i) {
      const bool acts = std::string(names[i % names.size()]).starts_with("act_");
      EXPECT_EQ(takes[t].controls.values[i], acts ? 0.0F : static_cast<float>(i) + static_cast<float>(own)) << i;
    }
  }
}

TEST_F(Blindfold, ContextsAreSwappedWithinAScenario) {
  const auto takes = shown("contexts");
  EXPECT_EQ(shade(takes[0]), 20);
  EXPECT_EQ(shade(takes[1]), 10);
  EXPECT_EQ(shade(takes[2]), 30) << "there is no other";
  EXPECT_EQ(takes[0].caption, "a ball");
  EXPECT_EQ(takes[0].controls.values[0], 10);
}

TEST_F(Blindfold, CaptionsAreSwappedBetweenScenarios) {
  const auto takes = shown("captions");
  EXPECT_EQ(takes[0].caption, "two balls");
  EXPECT_EQ(takes[1].caption, "two balls");
  EXPECT_EQ(takes[2].caption, "a ball");
  EXPECT_EQ(shade(takes[0]), 10);
}

}  // namespace
}  // namespace bitemark
