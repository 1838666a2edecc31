// Byte-pair encoding as CLIP does it: lower case, words by pattern, bytes as printable symbols, "</w>" at a word's end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitemark::model {

class Tokenizer {
 public:
  using Merge = std::pair<std::string, std::string>;

  /// Merges in order of rank. Ids: 256 byte symbols, the same with "</w>", one a merge, start, end.
  explicit Tokenizer(std::vector<Merge> merges);
  /// Learns up to `merge_count` merges from texts; ties go to the pair that sorts first. Same texts, same merges.
  static Tokenizer train(const std::vector<std::string>& texts, std::size_t merge_count);
  /// tokenizer.json {"merges": ["a b", ...]}. Throws InputError.
  static Tokenizer load(const std::filesystem::path& path);
  /// CLIP's published vocabulary: a line of comment, then a merge a line in order of rank, gzipped or not
  /// (bpe_simple_vocab_16e6.txt.gz, merges.txt). As in CLIP, the first 48,894 merges count. Throws InputError.
  static Tokenizer load_merges(const std::filesystem::path& path);
  void save(const std::filesystem::path& path) const;

  std::int64_t size() const { return static_cast<std::int64_t>(symbols_.size()); }
  std::int64_t start() const { return size() - 2; }
  std::int64_t end() const { return size() - 1; }
  const std::vector<Merge>& merges() const { return merges_; }

  /// Without start and end.
  std::vector<std::int64_t> encode(std::string_view text) const;
  /// start, tokens, end, zeros; `length` in all. What does not fit is cut, the end stays.
  std::vector<std::int64_t> encode_padded(std::string_view text, std::int64_t length) const;
  /// The normalised text: lower case, words joined by single spaces.
  std::string decode(const std::vector<std::int64_t>& tokens) const;

 private:
  std::vector<std::string> split_word(const std::string& word) const;
  std::vector<Merge> merges_;
  std::map<Merge, std::size_t> ranks_;
  std::vector<std::string> symbols_;
  std::map<std::string, std::int64_t> ids_;
};

/// The words of a text by CLIP's pattern, lower case. Bytes above 127 count as letters.
std::vector<std::string> words_of(std::string_view text);

}  // namespace bitemark::model
