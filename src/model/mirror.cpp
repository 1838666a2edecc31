#include "model/mirror.h"

#include <cctype>

namespace bitemark::model {
namespace {

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

std::string_view mirrored_word(std::string_view word) {
  return word == "left" ? "right" : word == "right" ? "left" : word;
}

}  // namespace

std::string mirrored_caption(std::string_view caption) {
  std::string mirrored;
  for (std::size_t i = 0; i < caption.size();) {
    std::size_t end = i + 1;
    while (is_letter(caption[i]) && end < caption.size() && is_letter(caption[end])) ++end;
    mirrored += mirrored_word(caption.substr(i, end - i));
    i = end;
  }
  return mirrored;
}

void add_mirror_images(ClipBatch& batch) {
  constexpr std::int64_t kAcross = 3;  // of [B, T, H, W, 3]
  const auto twice = [](Tensor& all) { all = at::cat({all, all}); };
  batch.frames = at::cat({batch.frames, batch.frames.flip({kAcross})});
  for (Tensor* all : {&batch.controls, &batch.actions, &batch.played, &batch.shots, &batch.states, &batch.scenario})
    twice(*all);
  for (std::size_t i = 0, said = batch.captions.size(); i < said; ++i)
    batch.captions.push_back(mirrored_caption(batch.captions[i]));
}

}  // namespace bitemark::model
