#include "model/runtime.h"

#include <gtest/gtest.h>

namespace bitemark::model {
namespace {

TEST(Runtime, AnOpenBlasThatDoesNotKnowTheProcessorIsToldWhatItCanDo) {
  EXPECT_EQ(better_core("Prescott", true, true), "SkylakeX");
  EXPECT_EQ(better_core("Prescott", true, false), "Haswell");
  EXPECT_EQ(better_core("Prescott", false, false), "") << "it may be one";
  for (const char* known : {"SkylakeX", "Zen", "Haswell", "Cooperlake", ""})
    EXPECT_EQ(better_core(known, true, true), "");
}

}  // namespace
}  // namespace bitemark::model
