#include "sim/answer.h"

#include <gmock/gmock.h>

#include "sim/scenarios.h"

namespace bitemark {
namespace {

Episode take_of(const char* scenario, int take) {
  RenderOptions options = small_options();
  options.truth = options.visibility = false;
  return render_episode(shipped(scenario), "test", take, options);
}

TEST(Answer, DirectionIsTheCaptionsWord) {
  for (int take = 0; take < 4; ++take) {
    const Episode episode = take_of("moves-left-or-right", take);
    EXPECT_EQ(episode.info.answers[0]["value"], episode.info.parameters["way"]) << take;
  }
}

TEST(Answer, UpperObjectIsAboveInEveryFrame) {
  const Episode episode = take_of("above-below", 1);
  const std::string expected = "the " + episode.info.parameters["color_a"].get<std::string>() + " " +
                               episode.info.parameters["shape_a"].get<std::string>();
  EXPECT_EQ(episode.info.answers[0]["by_frame"].size(), episode.clip.size());
  for (const Json& value : episode.info.answers[0]["by_frame"]) EXPECT_EQ(value, expected);
}

TEST(Answer, CountIsTheCaptionsNumber) {
  const std::map<std::string, int> numbers{{"two", 2}, {"three", 3}, {"four", 4}, {"five", 5}};
  for (int take = 0; take < 6; ++take) {
    const Episode episode = take_of("count", take);
    EXPECT_EQ(episode.info.answers[0]["value"], numbers.at(episode.info.parameters["many"].get<std::string>())) << take;
  }
}

TEST(Answer, ColoursBelongToTheirShapes) {
  const Episode episode = take_of("colour-binding", 0);
  const char* names[] = {"color_a", "color_b", "color_c"};  // ball, cube, cylinder
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(episode.info.answers[i]["value"], episode.info.parameters[names[i]]);
  }
}

TEST(Answer, LowerThrowLandsFirst) {
  const Episode episode = take_of("which-lands-first", 0);
  EXPECT_EQ(episode.info.answers[0]["value"], "the " + episode.info.parameters["color_a"].get<std::string>() + " ball");
}

TEST(Answer, CameraPathIsRecognised) {
  const std::map<std::string, std::string> answers{{"pans left", "pan left"},
                                                   {"pans right", "pan right"},
                                                   {"orbits to the right", "orbit right"},
                                                   {"orbits to the left", "orbit left"},
                                                   {"zooms in", "zoom in"},
                                                   {"zooms out", "zoom out"}};
  for (int take = 0; take < 8; ++take) {
    const Episode episode = take_of("camera-path", take);
    EXPECT_EQ(episode.info.answers[0]["value"], answers.at(episode.info.parameters["path"].get<std::string>())) << take;
  }
  EXPECT_EQ(take_of("dolly", 0).info.answers[0]["value"], "dolly in");
  EXPECT_EQ(take_of("crane", 0).info.answers[0]["value"], "crane up");
  EXPECT_EQ(take_of("pan-left", 0).info.answers[0]["value"], "pan left");
  EXPECT_EQ(take_of("pan-right", 0).info.answers[0]["value"], "pan right");
}

}  // namespace
}  // namespace bitemark
