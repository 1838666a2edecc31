// What rollout, play and surprise are tested with: generators of a few lines, and what their answers are held against.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "cli/program.h"
#include "episode/conditioning.h"
#include "temporary_folder.h"
#include "video/video_file.h"

namespace bitemark {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

inline const std::string kSource = BITEMARK_SOURCE_DIR, kBinaries = BITEMARK_BINARY_DIR;
inline const std::string kNano = "checkpoint:" + kSource + "/checkpoints/nano";
inline const std::string kVoxel = "checkpoint:" + kSource + "/checkpoints/voxel";
inline const std::string kFreeze = "command:/usr/bin/python3 '" + kSource + "/examples/freeze_generator.py'";
constexpr int kFrames = 24;  ///< of a take of bounce: 2 s at 12 Hz
constexpr int kGiven = 8;    ///< of them, where nothing else is said: 0.7 s

using Words = std::vector<std::string>;

inline Words operator+(Words left, const Words& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

/// Exit code 4, one line on stderr that holds these words, and nothing else said.
inline void expect_refused(const Said& said, const std::string& words) {
  EXPECT_EQ(said.code, 4) << said.err;
  EXPECT_THAT(said.err, HasSubstr(words));
  EXPECT_EQ(std::count(said.err.begin(), said.err.end(), '\n'), 1) << said.err;
  EXPECT_TRUE(said.err.starts_with("bitemark")) << said.err;
  EXPECT_EQ(said.out, "");
}

inline void expect_equal(const Frame& frame, const Frame& expected, std::size_t t) {
  EXPECT_TRUE(frame == expected) << "frame " << t;
}

inline void expect_equal(const std::vector<Frame>& frames, const std::vector<Frame>& expected) {
  ASSERT_EQ(frames.size(), expected.size());
  for (std::size_t t = 0; t < frames.size(); ++t) expect_equal(frames[t], expected[t], t);
}

/// The first frame in which two clips differ; their length where none does.
inline std::size_t first_difference(const std::vector<Frame>& a, const std::vector<Frame>& b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

inline void expect_all_different(const std::vector<Frame>& frames) {
  for (std::size_t t = 0; t < frames.size(); ++t)
    for (std::size_t earlier = 0; earlier < t; ++earlier)
      EXPECT_NE(frames[t].rgb, frames[earlier].rgb) << "frame " << t << " repeats frame " << earlier;
}

inline Frame plain(int width, int height, std::uint8_t value) {
  Frame frame(width, height);
  std::fill(frame.rgb.begin(), frame.rgb.end(), value);
  return frame;
}

/// Ten thousand characters of Latin, Cyrillic, Chinese, Arabic, Hebrew, Devanagari, joined emoji and combining accents.
inline std::string long_caption() {
  const std::vector<std::string> letters{"r",  "\u00e9", "e\u0301", "\u0448",     "\u7ea2",     "\u7403",     "\u0643",
                                         "\"", "\u05db", "\u0928",  "\u0940",     "\U0001f3be", "\U0001f468", "\u200d",
                                         " ",  "\\",     "\n",      "\U0001f467", "\u202e",     "a"};
  std::string caption;
  for (std::size_t i = 0; i < 10000; ++i) caption += letters[i * 7 % letters.size()];
  return caption;
}

/// A folder for scripts and truth, and one in it for what the programs write.
class GeneratorCommands : public testing::Test {
 protected:
  void SetUp() override { make_folder(out()); }
  fs::path path(const std::string& name) const { return folder_.path() / name; }
  fs::path out(const std::string& name = "") const { return folder_.path() / "out" / name; }
  /// Everything below `out`, folders too.
  Words written() const {
    Words names;
    for (const auto& entry : fs::recursive_directory_iterator(out()))
      names.push_back(fs::relative(entry.path(), out()).string());
    std::sort(names.begin(), names.end());
    return names;
  }
  static std::vector<Frame> frames(const fs::path& clip) { return read_clip(clip, {12, 1}).frames; }

  /// Pictures of 32 x 32: who generates here does not care.
  Said rollout(const std::string& generator, const Words& words, const std::string& name = "x.mkv") const {
    return bitemark(Words{"rollout", "--generator", generator, "--size", "32", "--out", out(name).string()} + words);
  }
  Said bounce(const std::string& generator, const Words& words = {}, const std::string& name = "x.mkv") const {
    return rollout(generator, Words{"--scenario", "bounce"} + words, name);
  }
  /// The take that bounce() is about, from the command that renders it.
  std::vector<Frame> truth() const {
    const auto said = bitemark({"render", "bounce", "--size", "32", "--out", path("truth").string()});
    EXPECT_EQ(said.code, 0) << said.err;
    return frames(path("truth") / "video.mkv");
  }
  /// A generator of these lines of Python; `more` are its first words.
  std::string python(const std::string& body, const std::string& more = "") const {
    write_file(path("generator.py"), body);
    return "command:/usr/bin/python3 '" + path("generator.py").string() + "' " + more;
  }
  /// The example with another way to make frames: `continue_clip(context, caption, controls, told)`.
  std::string example_with(const std::string& continue_clip, const std::string& more = "") const {
    return python(
        "import sys\n"
        "sys.dont_write_bytecode = True\n"
        "sys.path.insert(0, '" +
            kSource +
            "/examples')\n"
            "import freeze_generator as generator\n"
            "import numpy as np\n" +
            continue_clip +
            "generator.continue_clip = continue_clip\n"
            "generator.main(*sys.argv[-2:])\n",
        more);
  }
  /// `count` frames of 7, `side` pixels a side, whatever was asked for.
  std::string sevens(int count, int side) const {
    return example_with(
        "def continue_clip(context, caption, controls, told):\n"
        "    count, side = int(sys.argv[1]), int(sys.argv[2])\n"
        "    return np.full((count, side, side, 3), 7, np.uint8)\n",
        std::to_string(count) + " " + std::to_string(side));
  }
  /// A shell script; $1 is the request, $2 the place for answers.
  std::string script(const std::string& body) const {
    write_file(path("generator.sh"), body);
    return "command:sh '" + path("generator.sh").string() + "'";
  }
  /// The example, and the request stays in path("request").
  std::string remembering() const {
    return script("cp -r \"$1\" '" + path("request").string() + "'\nexec /usr/bin/python3 '" + kSource +
                  "/examples/freeze_generator.py' \"$1\" \"$2\"\n");
  }

  TemporaryFolder folder_;
};

/// On the processor, where all is the same to the bit.
class ShippedCheckpoint : public GeneratorCommands {
 protected:
  void SetUp() override {
    if (!fs::exists(kBinaries + "/bitemark-model")) GTEST_SKIP() << "built without LibTorch";
    GeneratorCommands::SetUp();
  }
  Said rollout(const std::string& generator, const Words& words, const std::string& name = "x.mkv") const {
    return bitemark(Words{"rollout", "--generator", generator, "--out", out(name).string()} + words,
                    {{"BITEMARK_DEVICE", "cpu"}});
  }
  /// `lines` are standard input.
  Said play(const std::string& lines, const std::string& name, const Words& words = {},
            const std::string& threads = "2") const {
    write_file(path("script"), lines);
    const auto result = run_process(
        Words{"sh", "-c", "input=$1; shift; exec \"$@\" < \"$input\"", "sh", path("script").string(),
              kBinaries + "/bitemark", "play", "--generator", kVoxel, "--out", out(name).string()} +
            words,
        {300, 0, 0}, path("said"), {},
        {{"BITEMARK_SCENARIOS", kSource + "/scenarios"}, {"BITEMARK_DEVICE", "cpu"}, {"BITEMARK_THREADS", threads}});
    return {result.timed_out ? -1 : result.exit_code, read_file(path("said")), result.error_tail};
  }
  /// Frame `t` of a played clip, as a line of a script.
  static std::string line(const Conditioning& take, int t) {
    const auto& names = Actions::names();
    std::ostringstream text;
    text.precision(9);  // enough for any float
    for (std::size_t i = 0; i < names.size(); ++i)
      if (const float value = take.actions.values[static_cast<std::size_t>(t) * names.size() + i]; value != 0)
        text << names[i] << "=" << value << " ";
    return text.str() + "\n";
  }
};

}  // namespace bitemark
