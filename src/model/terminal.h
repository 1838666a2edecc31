// A terminal to play in: keys as they are pressed, pictures of half blocks.
#pragma once

#include <termios.h>

#include <string>

#include "episode/clip.h"

namespace bitemark::model {

/// Standard input without lines and echo, standard output without a cursor, until it goes out of scope.
class Terminal {
 public:
  /// Whether standard input and output are one.
  static bool is_there();
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  /// What has been typed since the last call; does not wait.
  std::string typed() const;
  /// From the top left corner of the screen.
  void draw(const Frame& frame, const std::string& below) const;

 private:
  termios before_{};
};

/// Two pixels a character cell in 24-bit colour (ISO 8613-6, SGR 38 and 48): the upper one is the colour of a half
/// block, the lower one that of its ground. An odd last row is left out.
std::string half_blocks(const Frame& frame);

}  // namespace bitemark::model
