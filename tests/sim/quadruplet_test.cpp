// Quadruplets: what is shared is equal to the bit, and at the splice nothing of the difference is to be seen.
#include "sim/quadruplet.h"

#include <gmock/gmock.h>

#include <map>

#include "base/error.h"
#include "sim/scenarios.h"

namespace bitemark {
namespace {

std::map<std::string, MemorySink> quadruplet_of(const char* scenario, int take, const std::string& kind,
                                                int size = 32) {
  std::map<std::string, MemorySink> members;
  render_quadruplet(shipped(scenario), "test", take, small_options(size), kind,
                    [&](const std::string& member) -> EpisodeSink& { return members[member]; });
  return members;
}

bool same_truth(const FrameTruth& a, const FrameTruth& b) {
  return a.depth == b.depth && a.ids == b.ids && a.flow_forward == b.flow_forward &&
         a.flow_backward == b.flow_backward && a.flow_flags == b.flow_flags;
}

struct Given {
  const char* scenario;
  const char* kind;
};
void PrintTo(const Given& given, std::ostream* out) { *out << given.scenario << " " << given.kind; }

class Quadruplets : public testing::TestWithParam<Given> {};

TEST_P(Quadruplets, ShareTheirPiecesToTheBit) {
  const auto members = quadruplet_of(GetParam().scenario, 0, GetParam().kind);
  ASSERT_EQ(members.size(), 4U);
  const Episode &a = members.at("possible-a").episode, &b = members.at("possible-b").episode;
  const Episode &ab = members.at("impossible-ab").episode, &ba = members.at("impossible-ba").episode;
  const int splice = a.info.quadruplet["splice_frame"].get<int>();
  ASSERT_GT(splice, 0);
  for (int frame = 0; frame < a.info.frame_count; ++frame) {
    const auto f = static_cast<std::size_t>(frame);
    const bool before = frame < splice;
    ASSERT_EQ(ab.clip.frames[f], (before ? a : b).clip.frames[f]) << frame;
    ASSERT_EQ(ba.clip.frames[f], (before ? b : a).clip.frames[f]) << frame;
    ASSERT_TRUE(same_truth(ab.truth[f], (before ? a : b).truth[f])) << frame;
    ASSERT_TRUE(same_truth(ba.truth[f], (before ? b : a).truth[f])) << frame;
  }
  EXPECT_NE(digest_of(a.clip), digest_of(b.clip)) << "there is a difference";
}

TEST_P(Quadruplets, HideTheDifferenceWhereTheyAreSpliced) {
  const auto members = quadruplet_of(GetParam().scenario, 1, GetParam().kind);
  const Episode &a = members.at("possible-a").episode, &b = members.at("possible-b").episode;
  const auto id = a.info.quadruplet["id"].get<std::uint16_t>();
  const int splice = a.info.quadruplet["splice_frame"].get<int>();
  for (const int frame : {splice - 1, splice}) {
    const auto f = static_cast<std::size_t>(frame);
    EXPECT_EQ(a.clip.frames[f], b.clip.frames[f]);
    EXPECT_TRUE(a.truth[f].ids == b.truth[f].ids && a.truth[f].depth == b.truth[f].depth);
    EXPECT_THAT(a.truth[f].ids, testing::Not(testing::Contains(id)));
  }
  const auto seen = [&](const Episode& episode, int from, int to) {
    int most = 0;
    for (int frame = from; frame < to; ++frame) most = std::max(most, episode.state(frame, id).visible_px);
    return most > 0;
  };
  EXPECT_TRUE(seen(a, 0, splice) && seen(a, splice, a.info.frame_count)) << "it goes and comes back";
}

TEST_P(Quadruplets, SayWhichIsImpossibleAndWhy) {
  auto members = quadruplet_of(GetParam().scenario, 2, GetParam().kind);
  const int splice = members.at("possible-a").episode.info.quadruplet["splice_frame"].get<int>();
  const auto id = members.at("possible-a").episode.info.quadruplet["id"].get<std::uint16_t>();
  for (auto& [name, kept] : members) {
    const EpisodeInfo& info = kept.episode.info;
    EXPECT_EQ(info.quadruplet["member"], name);
    EXPECT_EQ(info.quadruplet["possible"], name.starts_with("possible"));
    EXPECT_TRUE(info.caption.empty()) << "a caption would tell";
    EXPECT_EQ(to_json(episode_info_from_json(to_json(info), "memory")), to_json(info));
    if (std::string(GetParam().kind) != "presence") continue;
    const bool before = kept.episode.state(splice - 1, id).alive, after = kept.episode.state(splice, id).alive;
    EXPECT_EQ(before != after, name.starts_with("impossible")) << "the states tell";
  }
}

INSTANTIATE_TEST_SUITE_P(Permanence, Quadruplets,
                         testing::Values(Given{"behind-the-wall", "presence"}, Given{"behind-the-wall", "color"},
                                         Given{"look-away", "presence"}, Given{"look-away", "color"},
                                         Given{"cup-carries-ball", "presence"}),
                         [](const auto& test) {
                           std::string name = std::string(test.param.scenario) + "_" + test.param.kind;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Quadruplet, IsRefusedWhereNothingIsEverHidden) {
  EXPECT_THROW(quadruplet_of("bounce", 0, "presence"), InputError);
  EXPECT_THROW(quadruplet_of("behind-the-wall", 0, "weight"), InputError);
  RenderOptions options = small_options();
  options.fault = "vanish-in-view";
  MemorySink sink;
  EXPECT_THROW(render_quadruplet(shipped("behind-the-wall"), "test", 0, options, "presence",
                                 [&](const std::string&) -> EpisodeSink& { return sink; }),
               InputError);
}

}  // namespace
}  // namespace bitemark
