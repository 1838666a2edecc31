#include "model/keyboard.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "episode/episode.h"
#include "model/terminal.h"

namespace bitemark::model {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

float value(const ActionRow& row, const std::string& name) {
  const auto& names = Actions::names();
  return row.at(static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin()));
}

TEST(Script, LinesSayHowLongAndWhat) {
  const ScriptLine line = read_script_line("12 forward cameraY=-0.25", "x");
  EXPECT_EQ(line.frames, 12);
  EXPECT_EQ(value(line.actions, "forward"), 1.0F);
  EXPECT_EQ(value(line.actions, "cameraY"), -0.25F);
  EXPECT_EQ(value(line.actions, "jump"), 0.0F);
  EXPECT_EQ(script_of(line.actions), "forward cameraY=-0.25");
  EXPECT_EQ(read_script_line("", "x").frames, 1);
  EXPECT_EQ(script_of(read_script_line("hotbar.3", "x").actions), "hotbar.3");
}

TEST(Script, WhatIsWrittenIsReadBackToTheBit) {
  ActionRow row(Actions::width(), 0.0F);
  row[15] = 0.1F;
  row[16] = -1.0F / 3.0F;
  EXPECT_EQ(read_script_line(script_of(row), "x").actions, row);
}

TEST(Script, BadLinesGetASentence) {
  const auto complaint = [](const std::string& line, const char* what) {
    EXPECT_THAT([&] { read_script_line(line, "standard input, line 3"); },
                ThrowsMessage<InputError>(testing::AllOf(HasSubstr("line 3"), HasSubstr(what))));
  };
  complaint("forwards", "one of: inventory, ESC");
  complaint("cameraX=2", "from -1 to 1");
  complaint("cameraX=nan", "from -1 to 1");
  complaint("0 forward", "from 1 to 65536");
  complaint("1.5 forward", "whole frames");
  complaint("99999999 forward", "from 1 to 65536");
}

TEST(Keyboard, APressCountsForAFewFrames) {
  Keyboard keyboard;
  keyboard.press("w\x1b[C");
  for (int n = 0; n < Keyboard::kHeldFrames; ++n) {
    const ActionRow row = keyboard.next();
    EXPECT_EQ(value(row, "forward"), 1.0F);
    EXPECT_GT(value(row, "cameraY"), 0.0F);
  }
  EXPECT_EQ(keyboard.next(), ActionRow(Actions::width(), 0.0F));
  EXPECT_FALSE(keyboard.wants_to_stop());
}

TEST(Keyboard, UnknownKeysAreNothingAndXEnds) {
  Keyboard keyboard;
  keyboard.press("Z\x1b[Z\xff");
  EXPECT_EQ(keyboard.next(), ActionRow(Actions::width(), 0.0F));
  keyboard.press("x");
  EXPECT_TRUE(keyboard.wants_to_stop());
}

TEST(Terminal, TwoPixelsACell) {
  Frame frame(1, 2);
  frame.rgb = {1, 2, 3, 40, 50, 60};
  EXPECT_EQ(half_blocks(frame), "\x1b[38;2;1;2;3;48;2;40;50;60m\u2580\x1b[0m\n");
}

}  // namespace
}  // namespace bitemark::model
