// The fuzz targets under an ordinary compiler: their seeds, and a fixed number of changes to them. No crash, no
// exception but the sentence that a bad file gets. `cmake --preset fuzz` builds the same functions for libFuzzer.
#include <gtest/gtest.h>

#include "targets.h"

namespace bitemark::fuzz {
namespace {

constexpr int kRounds = 1500;  // some seconds; each round makes up to four changes to one seed

class Fuzz : public testing::TestWithParam<Target> {};

TEST_P(Fuzz, SeedsAndTheirMutations) {
  const std::vector<std::string> seeds = GetParam().seeds();
  ASSERT_FALSE(seeds.empty());
  for (const std::string& seed : seeds) GetParam().run(seed);
  Pcg32 random = stream_for(1, GetParam().name);
  for (int round = 0; round < kRounds; ++round) {
    std::string input = seeds[random.below(static_cast<std::uint32_t>(seeds.size()))];
    for (std::uint32_t changes = 1 + random.below(4); changes > 0; --changes) input = mutate(input, random);
    try {
      GetParam().run(input);
    } catch (const std::exception& error) {
      FAIL() << "round " << round << ": " << error.what() << "\n" << input.substr(0, 4000);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Fuzz, testing::ValuesIn(targets()), [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace bitemark::fuzz
