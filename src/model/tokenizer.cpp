#include "model/tokenizer.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <sstream>

#include "base/error.h"
#include "base/json.h"

namespace bitemark::model {
namespace {

constexpr std::string_view kWordEnd = "</w>";
/// 49,152 symbols less 256 bytes and the two marks, as CLIP cuts its file.
constexpr std::size_t kClipMerges = 49152 - 256 - 2;

std::string utf8(unsigned code) {
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0U | (code >> 6U)), static_cast<char>(0x80U | (code & 63U))};
}

/// GPT-2's table: printable bytes are themselves, the others move to 256 and up, in CLIP's order of ids.
struct ByteTable {
  std::array<std::string, 256> symbol;
  std::vector<std::string> in_order;
  std::map<std::string, char> byte;

  ByteTable() {
    const auto printable = [](unsigned b) {
      return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || (b >= 174 && b <= 255);
    };
    unsigned moved = 256;
    for (unsigned b = 0; b < 256; ++b)
      if (printable(b)) add(b, b);
    for (unsigned b = 0; b < 256; ++b)
      if (!printable(b)) add(b, moved++);
  }
  void add(unsigned b, unsigned code) {
    symbol[b] = utf8(code);
    in_order.push_back(symbol[b]);
    byte[symbol[b]] = static_cast<char>(b);
  }
};

const ByteTable& byte_table() {
  static const ByteTable table;
  return table;
}

std::vector<std::string> symbols_of(const std::string& word) {
  std::vector<std::string> symbols;
  for (const char c : word) symbols.push_back(byte_table().symbol[static_cast<unsigned char>(c)]);
  if (!symbols.empty()) symbols.back() += kWordEnd;
  return symbols;
}

bool is_space(unsigned char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }
bool is_letter(unsigned char c) { return (c >= 'a' && c <= 'z') || c >= 0x80; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::size_t contraction_at(const std::string& text, std::size_t i) {
  for (const std::string_view suffix : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (text.compare(i, suffix.size(), suffix) == 0) return suffix.size();
  return 0;
}

std::size_t word_length(const std::string& text, std::size_t i) {
  if (const std::size_t length = contraction_at(text, i)) return length;
  const auto at = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
  if (is_digit(at(i))) return 1;
  const auto same = [&](unsigned char c) {
    return is_letter(at(i)) ? is_letter(c) : !is_letter(c) && !is_digit(c) && !is_space(c);
  };
  std::size_t end = i + 1;
  while (end < text.size() && same(at(end))) ++end;
  return end - i;
}

/// Joins every occurrence of the pair, left to right.
void join(std::vector<std::string>& word, const Tokenizer::Merge& merge) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (i + 1 < word.size() && word[i] == merge.first && word[i + 1] == merge.second) {
      out.push_back(word[i] + word[i + 1]);
      ++i;
    } else {
      out.push_back(word[i]);
    }
  }
  word = std::move(out);
}

Tokenizer::Merge merge_of(const std::string& line, const std::string& file, const std::string& where) {
  const std::size_t space = line.find(' ');
  if (space == std::string::npos || space == 0 || space + 1 == line.size())
    throw InputError(file, where, "is not two symbols with a space between");
  return {line.substr(0, space), line.substr(space + 1)};
}

/// Published: 1.3 MB in 262,145 lines. A compressed file may claim anything: reading stops far beyond that.
std::vector<std::string> lines_of_gzip(const std::filesystem::path& path) {
  constexpr std::size_t kMostBytes = std::size_t{64} << 20U;
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw InputError(path.string(), "", "cannot be opened");
  std::string text, piece(1 << 16, '\0');
  for (int count = 1; count > 0;) {
    count = gzread(file.get(), piece.data(), static_cast<unsigned>(piece.size()));
    if (count < 0) throw InputError(path.string(), "", "is no gzip file, or is damaged");
    text.append(piece, 0, static_cast<std::size_t>(count));
    if (text.size() > kMostBytes) throw InputError(path.string(), "", "holds more than 64 MiB of text");
  }
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
  const std::string clean = lower(text);
  std::vector<std::string> words;
  for (std::size_t i = 0; i < clean.size();) {
    if (is_space(static_cast<unsigned char>(clean[i]))) {
      ++i;
      continue;
    }
    const std::size_t length = word_length(clean, i);
    words.push_back(clean.substr(i, length));
    i += length;
  }
  return words;
}

Tokenizer::Tokenizer(std::vector<Merge> merges) : merges_(std::move(merges)) {
  symbols_ = byte_table().in_order;
  for (const auto& symbol : byte_table().in_order) symbols_.push_back(symbol + std::string(kWordEnd));
  for (std::size_t i = 0; i < merges_.size(); ++i) {
    ranks_[merges_[i]] = i;
    symbols_.push_back(merges_[i].first + merges_[i].second);
  }
  symbols_.emplace_back("<|startoftext|>");
  symbols_.emplace_back("<|endoftext|>");
  for (std::size_t i = 0; i < symbols_.size(); ++i) ids_.emplace(symbols_[i], static_cast<std::int64_t>(i));
}

Tokenizer Tokenizer::train(const std::vector<std::string>& texts, std::size_t merge_count) {
  std::map<std::string, std::int64_t> counts;
  for (const auto& text : texts)
    for (const auto& word : words_of(text)) ++counts[word];
  std::vector<std::pair<std::vector<std::string>, std::int64_t>> words;
  for (const auto& [word, count] : counts) words.emplace_back(symbols_of(word), count);
  std::vector<Merge> merges;
  while (merges.size() < merge_count) {
    std::map<Merge, std::int64_t> pairs;
    for (const auto& [word, count] : words)
      for (std::size_t i = 0; i + 1 < word.size(); ++i) pairs[{word[i], word[i + 1]}] += count;
    if (pairs.empty()) break;
    const auto best =
        std::max_element(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    merges.push_back(best->first);
    for (auto& [word, count] : words) join(word, merges.back());
  }
  return Tokenizer(std::move(merges));
}

Tokenizer Tokenizer::load(const std::filesystem::path& path) {
  const auto lines = json_member<std::vector<std::string>>(load_json(path), "merges", path.string());
  std::vector<Merge> merges;
  for (std::size_t i = 0; i < lines.size(); ++i)
    merges.push_back(merge_of(lines[i], path.string(), "/merges/" + std::to_string(i)));
  return Tokenizer(std::move(merges));
}

Tokenizer Tokenizer::load_merges(const std::filesystem::path& path) {
  const std::vector<std::string> lines = lines_of_gzip(path);
  std::vector<Merge> merges;
  for (std::size_t i = 1; i < lines.size() && merges.size() < kClipMerges && !lines[i].empty(); ++i)
    merges.push_back(merge_of(lines[i], path.string(), "line " + std::to_string(i + 1)));
  if (merges.empty())
    throw InputError(path.string(), "line 2", "is missing, expected two symbols with a space between");
  return Tokenizer(std::move(merges));
}

void Tokenizer::save(const std::filesystem::path& path) const {
  Json lines = Json::array();
  for (const auto& [first, second] : merges_) lines.push_back(first + " " + second);
  save_json(path, {{"merges", lines}});
}

std::vector<std::string> Tokenizer::split_word(const std::string& word) const {
  std::vector<std::string> symbols = symbols_of(word);
  while (symbols.size() > 1) {
    std::size_t best = std::numeric_limits<std::size_t>::max();
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i)
      if (const auto found = ranks_.find({symbols[i], symbols[i + 1]}); found != ranks_.end())
        best = std::min(best, found->second);
    if (best == std::numeric_limits<std::size_t>::max()) break;
    join(symbols, merges_[best]);
  }
  return symbols;
}

std::vector<std::int64_t> Tokenizer::encode(std::string_view text) const {
  std::vector<std::int64_t> tokens;
  for (const auto& word : words_of(text))
    for (const auto& symbol : split_word(word)) tokens.push_back(ids_.at(symbol));
  return tokens;
}

std::vector<std::int64_t> Tokenizer::encode_padded(std::string_view text, std::int64_t length) const {
  std::vector<std::int64_t> tokens = encode(text);
  tokens.resize(std::min(tokens.size(), static_cast<std::size_t>(length - 2)));
  tokens.insert(tokens.begin(), start());
  tokens.push_back(end());
  tokens.resize(static_cast<std::size_t>(length), 0);
  return tokens;
}

std::string Tokenizer::decode(const std::vector<std::int64_t>& tokens) const {
  std::string text;
  for (const auto token : tokens) {
    if (token >= start() || token < 0) continue;
    std::string symbol = symbols_[static_cast<std::size_t>(token)];
    const bool last = symbol.ends_with(kWordEnd);
    if (last) symbol.resize(symbol.size() - kWordEnd.size());
    for (std::size_t i = 0; i < symbol.size();) {
      const std::size_t length = (static_cast<unsigned char>(symbol[i]) & 0x80U) != 0 ? 2 : 1;
      const auto found = byte_table().byte.find(symbol.substr(i, length));
      text += found == byte_table().byte.end() ? symbol.substr(i, length) : std::string(1, found->second);
      i += length;
    }
    if (last) text += ' ';
  }
  if (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace bitemark::model
