// Which of many answers lies nearest to a query, and how often that is a right one.
#pragma once

#include <cstdint>
#include <vector>

#include "model/torch_compat.h"

namespace bitemark::model {

struct Retrieval {
  std::vector<std::int64_t> rank;   ///< by query: of its best right answer; 1 = nearest, wrong ones as near come first
  std::vector<std::int64_t> right;  ///< by query: how many answers are right
  std::int64_t answers = 0;
};

/// similarity: float [Q, A]; right: bool [Q, A] with at least one right answer a query.
Retrieval retrieve(const Tensor& similarity, const Tensor& right);

/// Chance that one of k answers drawn blindly from `answers` is among the `right` ones.
double blind_hit(std::int64_t answers, std::int64_t right, std::int64_t k);

struct Share {
  double value = 0, low = 0, high = 1;  ///< 95 %, Wilson
  double chance = 0;                    ///< what blind answers would reach
};

struct RetrievalSummary {
  std::size_t queries = 0;
  Share recall1, recall5;
  double median_rank = 0, chance_rank = 0;  ///< chance: the rank of the first right answer in a blind order, mean
};

/// Over the wanted queries, one at least. `trials` is the number of those that are independent, for the intervals:
/// queries that ask the same thing count once.
RetrievalSummary summarise(const Retrieval& retrieval, const std::vector<bool>& wanted, std::size_t trials);

}  // namespace bitemark::model
