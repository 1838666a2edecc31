// Attention as one operation with its gradient: on a CPU by our own kernel (float32), elsewhere put together from
// LibTorch's operations. Both forms are public, and the tests hold one against the other.
#pragma once

#include <vector>

#include "model/kernels/kernels.h"
#include "model/torch_compat.h"

namespace bitemark::model {

/// Who sees whom, by blocks of equally many queries.
struct Visibility {
  std::int64_t tokens = 0;          ///< queries in a block
  std::vector<VisibleKeys> blocks;  ///< one a block; or one a block and batch row, [B][blocks]
};

/// softmax(q k^T / sqrt(head)) v over the keys that each query sees. q: [B, N, H, head]; k, v: [B, M, H, head]; the
/// last dimension contiguous -> [B, N, H * head].
Tensor attend_visible(const Tensor& q, const Tensor& k, const Tensor& v, const Visibility& visibility);
Tensor attend_visible_plain(const Tensor& q, const Tensor& k, const Tensor& v, const Visibility& visibility);

/// Keys and values that many queries come to, frame after frame: on a CPU packed once, as the kernel reads them.
class SeenKeys {
 public:
  /// Room for `count` of them, like `example` [B, any, H, head].
  SeenKeys(std::int64_t count, const Tensor& example);
  std::int64_t size() const { return count_; }
  /// k, v: [B, n, H, head] are those from `first` on. Threads may put different ones at the same time.
  void put(const Tensor& k, const Tensor& v, std::int64_t first);
  /// As attend_visible, without gradients. -> [B, N, H * head].
  Tensor attend(const Tensor& q, const Visibility& visibility) const;

 private:
  std::int64_t count_;
  Tensor keys_, values_;  ///< [B, H, head, stride] and [B, H, count, padded]; elsewhere [B, count, H, head]
};

}  // namespace bitemark::model
