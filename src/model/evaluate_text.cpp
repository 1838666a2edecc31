// bitemark-model evaluate-text: zero-shot retrieval between captions and takes that no training saw.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "model/caption_space.h"
#include "model/checkpoint.h"
#include "model/clip_source.h"
#include "model/commands.h"
#include "model/retrieval.h"

namespace bitemark::model {
namespace {

/// Takes and all that is said of them. Every caption of a take is right; what its first caption says is what it means.
struct Gallery {
  std::vector<std::string> scenarios;
  std::vector<std::size_t> scenario_of;       ///< by take
  std::vector<std::string> meaning_of;        ///< by take
  std::vector<std::string> captions;          ///< distinct, sorted
  std::vector<std::string> caption_meanings;  ///< by caption
  std::vector<std::size_t> caption_scenarios;
  Tensor similarity;  ///< cosines, [takes, captions]
  Tensor right;       ///< bool [takes, captions]
  Tensor places;      ///< of the takes, [takes, E]
  Tensor said;        ///< of the captions, [captions, E]
};

Gallery gather(const CaptionSpace& space, const ClipSource& source, std::int64_t takes) {
  Gallery gallery;
  gallery.scenarios = source.scenarios();
  std::map<std::string, std::pair<std::string, std::size_t>> owners;  // caption -> meaning, scenario
  std::vector<Tensor> places;
  std::vector<const std::vector<std::string>*> right;
  for (const auto& window : source.last_windows(takes, 1)) {
    stop_if_interrupted();
    const auto& captions = source.captions_of(window);
    if (captions.empty()) continue;
    const auto scenario = static_cast<std::size_t>(source.load({window}, 1, false).scenario[0].item<std::int64_t>());
    for (const auto& caption : captions) owners.emplace(caption, std::pair{captions.front(), scenario});
    gallery.scenario_of.push_back(scenario);
    gallery.meaning_of.push_back(captions.front());
    right.push_back(&captions);
    places.push_back(space.clip(source.shard_frames(window.shard)[window.row]));
  }
  if (places.empty()) throw InputError("no take of the data has a caption");
  for (const auto& [caption, owner] : owners) {
    gallery.captions.push_back(caption);
    gallery.caption_meanings.push_back(owner.first);
    gallery.caption_scenarios.push_back(owner.second);
  }
  gallery.places = at::stack(places);
  gallery.said = space.captions(gallery.captions);
  gallery.similarity = at::matmul(gallery.places, gallery.said.t());
  gallery.right = at::zeros(gallery.similarity.sizes(), at::kBool);
  for (std::size_t i = 0; i < right.size(); ++i)
    for (const auto& caption : *right[i]) {
      const auto found = std::lower_bound(gallery.captions.begin(), gallery.captions.end(), caption);
      gallery.right[static_cast<std::int64_t>(i)][found - gallery.captions.begin()] = true;
    }
  gallery.right = gallery.right.to(gallery.similarity.device());
  return gallery;
}

/// Which queries are wanted, and what they mean.
struct Chosen {
  std::vector<bool> wanted;
  std::set<std::string> meanings;
  explicit Chosen(const std::vector<std::string>& meanings_of, const std::function<bool(std::size_t)>& want) {
    for (std::size_t i = 0; i < meanings_of.size(); ++i) {
      wanted.push_back(want(i));
      if (wanted.back()) meanings.insert(meanings_of[i]);
    }
  }
};

std::string text_of(const Share& share) {
  return fmt::format("{:.3f} [{:.3f}, {:.3f}] {:.3f}", share.value, share.low, share.high, share.chance);
}
Json json_of(const Share& share) {
  return {{"value", share.value}, {"low", share.low}, {"high", share.high}, {"chance", share.chance}};
}

Json print_row(const std::string& name, const Retrieval& retrieval, const Chosen& chosen) {
  if (chosen.meanings.empty()) return nullptr;
  const RetrievalSummary row = summarise(retrieval, chosen.wanted, chosen.meanings.size());
  fmt::print("{:<32} {:>7} {:>28} {:>28} {:>6.1f} {:>7.1f}\n", name, row.queries, text_of(row.recall1),
             text_of(row.recall5), row.median_rank, row.chance_rank);
  return {{"queries", row.queries},
          {"meanings", chosen.meanings.size()},
          {"recall_at_1", json_of(row.recall1)},
          {"recall_at_5", json_of(row.recall5)},
          {"median_rank", row.median_rank},
          {"chance_rank", row.chance_rank}};
}

/// Each take's nearest scenario, by the mean of all that is said in it (CLIP's ensemble of prompts).
Retrieval named_scenarios(const Gallery& gallery) {
  std::vector<Tensor> prompts;
  for (std::size_t s = 0; s < gallery.scenarios.size(); ++s) {
    std::vector<std::int64_t> rows;
    for (std::size_t c = 0; c < gallery.captions.size(); ++c)
      if (gallery.caption_scenarios[c] == s) rows.push_back(static_cast<std::int64_t>(c));
    const Tensor index = at::tensor(at::ArrayRef<std::int64_t>(rows)).to(gallery.said.device());
    prompts.push_back(unit_length(gallery.said.index_select(0, index).mean(0)));
  }
  const auto takes = static_cast<std::int64_t>(gallery.scenario_of.size());
  Tensor right = at::zeros({takes, static_cast<std::int64_t>(prompts.size())}, at::kBool);
  for (std::int64_t i = 0; i < takes; ++i)
    right[i][static_cast<std::int64_t>(gallery.scenario_of[static_cast<std::size_t>(i)])] = true;
  return retrieve(at::matmul(gallery.places, at::stack(prompts).t()), right.to(gallery.places.device()));
}

Json print_scenarios(const Gallery& gallery, const Retrieval& captions) {
  const Retrieval names = named_scenarios(gallery);
  fmt::print("\n{:<20} {:>6} {:>9}   {:<28} {:<28}\n", "scenario", "takes", "meanings", "caption found first, chance",
             "scenario named, chance");
  Json rows = Json::object();
  const auto row = [&](const std::string& name, const Chosen& chosen) {
    const RetrievalSummary found = summarise(captions, chosen.wanted, chosen.meanings.size());
    const RetrievalSummary named = summarise(names, chosen.wanted, chosen.meanings.size());
    fmt::print("{:<20} {:>6} {:>9}   {:<28} {:<28}\n", name, found.queries, chosen.meanings.size(),
               text_of(found.recall1), text_of(named.recall1));
    rows[name] = {{"takes", found.queries},
                  {"meanings", chosen.meanings.size()},
                  {"recall_at_1", json_of(found.recall1)},
                  {"scenario_named", json_of(named.recall1)}};
  };
  for (std::size_t s = 0; s < gallery.scenarios.size(); ++s)
    row(gallery.scenarios[s], Chosen(gallery.meaning_of, [&](std::size_t i) { return gallery.scenario_of[i] == s; }));
  row("all", Chosen(gallery.meaning_of, [](std::size_t) { return true; }));
  return rows;
}

}  // namespace

void evaluate_text(const EvaluateTextOptions& options) {
  at::set_num_threads(options.threads > 0 ? options.threads : default_threads());
  const torch::NoGradGuard no_grad;
  const Gallery gallery = gather(caption_space(options.checkpoint), ClipSource({options.data}, {}), options.takes);
  const Retrieval takes = retrieve(gallery.similarity.t(), gallery.right.t());
  const Retrieval captions = retrieve(gallery.similarity, gallery.right);
  const auto every = [](std::size_t) { return true; };
  const std::set<std::string> meanings(gallery.meaning_of.begin(), gallery.meaning_of.end());
  Json json = {{"checkpoint_digest", Checkpoint(options.checkpoint).digest()},
               {"takes", gallery.meaning_of.size()},
               {"captions", gallery.captions.size()},
               {"meanings", meanings.size()}};
  fmt::print("{} takes, {} captions that say {} different things\n\n", gallery.meaning_of.size(),
             gallery.captions.size(), meanings.size());
  fmt::print("{:<32} {:>7} {:>28} {:>28} {:>6} {:>7}\n", "", "queries", "recall at 1, chance", "recall at 5, chance",
             "rank", "chance");
  json["caption_to_take"] = print_row("caption -> take", takes, Chosen(gallery.caption_meanings, every));
  json["take_to_caption"] = print_row("take -> caption", captions, Chosen(gallery.meaning_of, every));
  if (!options.train.empty()) {
    const std::vector<std::string> all = ClipSource({options.train}, {}).all_captions();
    const std::set<std::string> known(all.begin(), all.end());
    const auto new_caption = [&](std::size_t i) { return !known.contains(gallery.captions[i]); };
    const auto new_meaning = [&](std::size_t i) { return !known.contains(gallery.meaning_of[i]); };
    const Chosen said(gallery.caption_meanings, new_caption), shown(gallery.meaning_of, new_meaning);
    json["new_caption_to_take"] = print_row("caption -> take, new captions", takes, said);
    json["take_to_new_caption"] = print_row("take -> caption, new captions", captions, shown);
    fmt::print("\nnever said in training: {} captions\n", std::count(said.wanted.begin(), said.wanted.end(), true));
  }
  json["scenarios"] = print_scenarios(gallery, captions);
  if (!options.out.empty()) save_json(options.out, json);
}

}  // namespace bitemark::model
