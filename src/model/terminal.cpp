#include "model/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iterator>

#include "base/error.h"

namespace bitemark::model {
namespace {

void say(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

bool Terminal::is_there() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1; }

Terminal::Terminal() {
  if (::tcgetattr(STDIN_FILENO, &before_) != 0) throw InputError("standard input is not a terminal");
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);  // signals stay
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  say("\x1b[?25l\x1b[2J");
}

Terminal::~Terminal() {
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  say("\x1b[0m\x1b[?25h\n");
}

std::string Terminal::typed() const {
  char buffer[256];
  const ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
  return count > 0 ? std::string(buffer, static_cast<std::size_t>(count)) : std::string();
}

void Terminal::draw(const Frame& frame, const std::string& below) const {
  say("\x1b[H" + half_blocks(frame) + "\x1b[0m\x1b[K" + below);
}

std::string half_blocks(const Frame& frame) {
  std::string text;
  for (int y = 0; y + 1 < frame.height; y += 2) {
    for (int x = 0; x < frame.width; ++x) {
      const auto pixel = [&](int row) {
        return frame.rgb.data() +
               (static_cast<std::size_t>(row) * static_cast<std::size_t>(frame.width) + static_cast<std::size_t>(x)) *
                   3;
      };
      const auto *upper = pixel(y), *lower = pixel(y + 1);
      fmt::format_to(std::back_inserter(text), "\x1b[38;2;{};{};{};48;2;{};{};{}m\u2580", upper[0], upper[1], upper[2],
                     lower[0], lower[1], lower[2]);
    }
    text += "\x1b[0m\n";
  }
  return text;
}

}  // namespace bitemark::model
