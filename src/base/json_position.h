// Where the members of a JSON text stand: a parser keeps the values and forgets the lines.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace bitemark {

/// Lines count from 1.
class JsonPositions {
 public:
  /// `text` is JSON that parse_json has accepted; of anything else only the part before the mistake is known.
  explicit JsonPositions(const std::string& text);

  /// Of the value at the JSON pointer or, where there is none (a member that is missing), of what it would stand in.
  int line_of(const std::string& pointer) const;
  /// Pointers of members that their object has more than once, and the line of the later one. JSON takes the last.
  const std::vector<std::pair<std::string, int>>& duplicates() const { return duplicates_; }

 private:
  class Scanner;
  std::map<std::string, int> lines_;
  std::vector<std::pair<std::string, int>> duplicates_;
};

}  // namespace bitemark
