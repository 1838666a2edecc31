#include "model/retrieval.h"

#include <algorithm>

#include "base/error.h"
#include "base/wilson.h"

namespace bitemark::model {
namespace {

constexpr std::int64_t kFew = 5;

Share share_of(double hits, double chances, std::size_t queries, std::size_t trials) {
  const auto n = static_cast<double>(queries), independent = static_cast<double>(trials);
  const auto [low, high] = wilson_interval(hits / n * independent, independent);
  return {hits / n, low, high, chances / n};
}

double median(std::vector<std::int64_t> ranks) {
  std::sort(ranks.begin(), ranks.end());
  const std::size_t half = ranks.size() / 2;
  const auto upper = static_cast<double>(ranks[half]);
  return ranks.size() % 2 == 1 ? upper : (static_cast<double>(ranks[half - 1]) + upper) / 2;
}

}  // namespace

Retrieval retrieve(const Tensor& similarity, const Tensor& right) {
  constexpr double kNever = 2;  // no cosine reaches it
  const Tensor best = similarity.masked_fill(right.logical_not(), -kNever).amax(1, true);
  // What is not a number counts as found before.
  const Tensor before = (similarity < best).logical_not().logical_and(right.logical_not()).sum(1).to(at::kCPU);
  const Tensor count = right.sum(1).to(at::kCPU);
  Retrieval result;
  result.answers = similarity.size(1);
  for (std::int64_t i = 0; i < similarity.size(0); ++i) {
    result.rank.push_back(1 + before[i].item<std::int64_t>());
    result.right.push_back(count[i].item<std::int64_t>());
  }
  return result;
}

double blind_hit(std::int64_t answers, std::int64_t right, std::int64_t k) {
  double miss = 1;
  for (std::int64_t i = 0; i < std::min(k, answers); ++i)
    miss *= std::max(0.0, static_cast<double>(answers - right - i) / static_cast<double>(answers - i));
  return 1 - miss;
}

RetrievalSummary summarise(const Retrieval& retrieval, const std::vector<bool>& wanted, std::size_t trials) {
  std::vector<std::int64_t> ranks;
  double first = 0, few = 0, chance_first = 0, chance_few = 0, chance_rank = 0;
  for (std::size_t i = 0; i < retrieval.rank.size(); ++i) {
    if (!wanted[i]) continue;
    ranks.push_back(retrieval.rank[i]);
    first += retrieval.rank[i] <= 1 ? 1 : 0;
    few += retrieval.rank[i] <= kFew ? 1 : 0;
    chance_first += blind_hit(retrieval.answers, retrieval.right[i], 1);
    chance_few += blind_hit(retrieval.answers, retrieval.right[i], kFew);
    // The first of r marked ones in a random order of n: (n + 1) / (r + 1).
    chance_rank += static_cast<double>(retrieval.answers + 1) / static_cast<double>(retrieval.right[i] + 1);
  }
  BITEMARK_CHECK(!ranks.empty() && trials > 0, "a summary needs queries");
  RetrievalSummary summary;
  summary.queries = ranks.size();
  summary.recall1 = share_of(first, chance_first, ranks.size(), trials);
  summary.recall5 = share_of(few, chance_few, ranks.size(), trials);
  summary.median_rank = median(ranks);
  summary.chance_rank = chance_rank / static_cast<double>(ranks.size());
  return summary;
}

}  // namespace bitemark::model
