#include "base/json_position.h"

#include <set>

#include "base/json.h"
#include "base/json_schema.h"

namespace bitemark {

/// Descends through the text as a parser does. The depth is that of parse_json, which refuses more.
class JsonPositions::Scanner {
 public:
  Scanner(const std::string& text, JsonPositions& out) : text_(text), out_(out) { value("", 0); }

 private:
  static constexpr int kMaxDepth = 70;

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void next() { line_ += text_[at_++] == '\n' ? 1 : 0; }
  void skip_space() {
    while (at_ < text_.size() && std::string(" \t\r\n,:").find(text_[at_]) != std::string::npos) next();
  }

  /// The text of a string with its quotes, as it stands in the file.
  std::string string() {
    const std::size_t begin = at_;
    next();
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) next();
      next();
    }
    if (at_ < text_.size()) next();
    return text_.substr(begin, at_ - begin);
  }

  void value(const std::string& pointer, int depth) {
    skip_space();
    out_.lines_[pointer] = line_;
    if (depth > kMaxDepth) {
      at_ = text_.size();
    } else if (peek() == '{') {
      object(pointer, depth);
    } else if (peek() == '[') {
      array(pointer, depth);
    } else if (peek() == '"') {
      string();
    } else {
      while (at_ < text_.size() && std::string(",]} \t\r\n").find(text_[at_]) == std::string::npos) next();
    }
  }

  void object(const std::string& pointer, int depth) {
    std::set<std::string> seen;
    next();
    for (skip_space(); peek() == '"'; skip_space()) {
      const int line = line_;
      const Json key = Json::parse(string(), nullptr, false);
      if (!key.is_string()) break;
      const std::string member = pointer_to(pointer, key.get<std::string>());
      if (!seen.insert(member).second) out_.duplicates_.emplace_back(member, line);
      value(member, depth + 1);
    }
    close('}');
  }

  void array(const std::string& pointer, int depth) {
    next();
    skip_space();
    for (std::size_t i = 0; at_ < text_.size() && peek() != ']' && peek() != '}'; ++i) {
      value(pointer + "/" + std::to_string(i), depth + 1);
      skip_space();
    }
    close(']');
  }

  void close(char bracket) {
    if (peek() == bracket) {
      next();
    } else {
      at_ = text_.size();  // not JSON: nothing behind this place is known
    }
  }

  const std::string& text_;
  JsonPositions& out_;
  std::size_t at_ = 0;
  int line_ = 1;
};

JsonPositions::JsonPositions(const std::string& text) { Scanner(text, *this); }

int JsonPositions::line_of(const std::string& pointer) const {
  for (std::string place = pointer;; place.resize(place.rfind('/'))) {
    const auto found = lines_.find(place);
    if (found != lines_.end()) return found->second;
    if (place.find('/') == std::string::npos) return 1;
  }
}

}  // namespace bitemark
