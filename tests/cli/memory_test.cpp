// Long clips with all their truth: what is resident must not grow with the length.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/program.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

/// The largest that any finished child has been [bytes].
double largest_child() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  return 1024.0 * static_cast<double>(usage.ru_maxrss);
}

TEST(SlowMemory, DoesNotGrowWithTheLengthOfTheClip) {
  const TemporaryFolder folder;
  const auto render = [&](const std::string& seconds) {
    const auto said = bitemark(
        {"render", "wait-60", "--size", "128", "--duration", seconds, "--out", (folder.path() / seconds).string()},
        {{"BITEMARK_THREADS", "2"}});
    EXPECT_EQ(said.code, 0) << said.err;
    return largest_child();
  };
  // Both simulate the scenario's 60 s; the second shows 56 s more of them. Held whole, its truth alone would take
  // 672 frames x 128 x 128 pixels x 23 bytes = 253 MB. What does grow are cameras, states and controls: some KB a
  // frame.
  const double short_clip = render("4"), long_clip = render("60");
  EXPECT_LT(long_clip - short_clip, 20e6) << short_clip / 1e6 << " MB, then " << long_clip / 1e6 << " MB";
}

}  // namespace
}  // namespace bitemark
