#include "model/tokenizer.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "base/files.h"
#include "toys.h"

namespace bitemark::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Words, FollowClipsPattern) {
  EXPECT_THAT(words_of("  The  ball's 12 red-hot,\tisn't it?"),
              ElementsAre("the", "ball", "'s", "1", "2", "red", "-", "hot", ",", "isn", "'t", "it", "?"));
}

TEST(Tokenizer, LearnsTheMostFrequentPairFirst) {
  // "ab" occurs 5 times (twice in abab, three times in ab), "ba" once; with a word's end as part of its last symbol:
  // (a, b</w>) 4 times, (a, b) once, (b, a) once.
  const Tokenizer tokenizer = Tokenizer::train({"abab ab ab ab"}, 2);
  ASSERT_EQ(tokenizer.merges().size(), 2U);
  EXPECT_EQ(tokenizer.merges()[0], (Tokenizer::Merge{"a", "b</w>"}));
  EXPECT_EQ(tokenizer.merges()[1], (Tokenizer::Merge{"a", "b"})) << "ties go to the pair that sorts first";
}

TEST(Tokenizer, IdsAreClips) {
  const Tokenizer tokenizer(std::vector<Tokenizer::Merge>{{"a", "b</w>"}});
  // 256 byte symbols in the order of their printable code points: '!' is 0, 'a' is 64; then with "</w>": 256 + ...
  EXPECT_THAT(tokenizer.encode("a"), ElementsAre(256 + 64));
  EXPECT_THAT(tokenizer.encode("ab"), ElementsAre(512));
  EXPECT_THAT(tokenizer.encode("abb"), ElementsAre(64, 65, 256 + 65)) << "a merge with </w> joins at the end only";
  EXPECT_EQ(tokenizer.size(), 515);
}

TEST(Tokenizer, EarlierMergesGoFirst) {
  const Tokenizer tokenizer(std::vector<Tokenizer::Merge>{{"b", "c</w>"}, {"a", "b"}});
  EXPECT_THAT(tokenizer.encode("abc"), ElementsAre(64, 512));
}

TEST(Tokenizer, TextSurvivesTheWayThereAndBack) {
  const Tokenizer tokenizer = Tokenizer::train({"a blue ball rolls behind a wall", "a red ball falls"}, 50);
  for (const std::string text : {"a blue ball falls", "z\xc3\xbcrich cube , 7 walls !", "unknown words too"})
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  EXPECT_EQ(tokenizer.encode("ball").size(), 1U) << "a frequent word is one token";
}

TEST(Tokenizer, PaddedRowHasStartEndAndZeros) {
  const Tokenizer tokenizer(std::vector<Tokenizer::Merge>{});
  EXPECT_THAT(tokenizer.encode_padded("a", 5), ElementsAre(512, 320, 513, 0, 0));
  EXPECT_THAT(tokenizer.encode_padded("a b c d e f", 4), ElementsAre(512, 320, 321, 513)) << "cut, but ended";
}

TEST(Tokenizer, FileKeepsIt) {
  const auto file = fresh_folder("files") / "tokenizer.json";
  const Tokenizer tokenizer = Tokenizer::train({"one two three two three three"}, 9);
  tokenizer.save(file);
  EXPECT_EQ(Tokenizer::load(file).merges(), tokenizer.merges());
  write_file(file, R"({"merges": ["ab"]})");
  EXPECT_THAT([&] { Tokenizer::load(file); }, testing::ThrowsMessage<InputError>(HasSubstr("/merges/0")));
}

}  // namespace
}  // namespace bitemark::model
