#include "base/json.h"
#include "targets.h"

namespace bitemark::fuzz {
namespace {

std::uint32_t below(Pcg32& random, std::size_t count) { return random.below(static_cast<std::uint32_t>(count)); }

/// Values that readers trip over.
const std::vector<Json>& odd_values() {
  static const std::vector<Json> kValues{nullptr,
                                         true,
                                         0,
                                         -1,
                                         1,
                                         0.5,
                                         1e308,
                                         -1e308,
                                         1e-308,
                                         std::int64_t{-9223372036854775807},
                                         18446744073709551615ULL,
                                         2147483648LL,
                                         65536,
                                         "",
                                         "x",
                                         "pi",
                                         "1/0",
                                         "sqrt(-1)",
                                         "9^9^9",
                                         "{",
                                         "{color}",
                                         "red",
                                         "red_index",
                                         "((((1))))",
                                         "min(1,2)",
                                         "sphere",
                                         "glass",
                                         "cup",
                                         "cloth",
                                         "sdf",
                                         "wedge",
                                         "plane",
                                         "blocks",
                                         Json::array(),
                                         Json::object(),
                                         Json::array({1, 2, 3}),
                                         Json::array({"x", "y", "z"}),
                                         Json::array({1e9, -1e9, 1e9}),
                                         "F32",
                                         "U8",
                                         std::string(2000, 'a'),
                                         std::string("\0\xff", 2)};
  return kValues;
}

/// Every place of the document, in order.
void places(Json& value, std::vector<Json*>& all) {
  all.push_back(&value);
  if (!value.is_structured()) return;
  for (Json& child : value) places(child, all);
}

/// Changes one value: another one, a copy of one from elsewhere, another number, or one less.
void change_json(Json& document, Pcg32& random) {
  std::vector<Json*> all;
  places(document, all);
  Json& here = *all[below(random, all.size())];
  switch (below(random, 5)) {
    case 0:
      here = odd_values()[below(random, odd_values().size())];
      return;
    case 1: {
      const Json copy = *all[below(random, all.size())];
      here = copy;
      return;
    }
    case 2:
      if (here.is_number())
        here = here.get<double>() * std::vector<double>{-1, 0, 10, 1e-3, 1e3, 1e9}[below(random, 6)];
      return;
    case 3:
      if (here.is_structured() && !here.empty()) here.erase(std::next(here.begin(), below(random, here.size())));
      return;
    default:
      if (here.is_array() && !here.empty() && here.size() < 300) {
        const Json copy = here[below(random, here.size())];
        here.push_back(copy);
      }
      if (here.is_object()) here["x" + std::to_string(below(random, 100))] = 1;
  }
}

std::string change_bytes(std::string text, Pcg32& random) {
  const std::size_t at = below(random, text.size() + 1), length = 1 + below(random, 16);
  switch (below(random, 5)) {
    case 0:
      if (at < text.size()) text[at] = static_cast<char>(below(random, 256));
      break;
    case 1:
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ 1 << below(random, 8));
      break;
    case 2:
      text.erase(std::min(at, text.size()), length);
      break;
    case 3:
      text.insert(at, text.substr(below(random, text.size() + 1), length));
      break;
    default:
      text.resize(at);
  }
  return text;
}

}  // namespace

std::string mutate(const std::string& input, Pcg32& random) {
  if (below(random, 4) == 0) return change_bytes(input, random);
  const std::size_t begin = input.find('{'), end = input.rfind('}');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return change_bytes(input, random);
  // A header of safetensors lies in the middle; its length before it stays, so what is lost is padded.
  Json document = Json::parse(input.begin() + static_cast<std::ptrdiff_t>(begin),
                              input.begin() + static_cast<std::ptrdiff_t>(end + 1), nullptr, false);
  if (document.is_discarded()) return change_bytes(input, random);
  change_json(document, random);
  std::string text = document.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (begin > 0 && text.size() < end + 1 - begin) text.resize(end + 1 - begin, ' ');
  return input.substr(0, begin) + text + input.substr(end + 1);
}

}  // namespace bitemark::fuzz
