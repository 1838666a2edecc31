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

/// One head's share of tokens that lie `row` floats apart.
struct HeadRows {
  float* data = nullptr;
  std::int64_t row = 0;

  float* at(std::int64_t token) const { return data + token * row; }
};

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

  /// The same for one head of the first clip, on the calling thread; float32 on a CPU. Threads may have different ones.
  void put(std::int64_t head, const HeadRows& k, const HeadRows& v, std::int64_t count, std::int64_t first);
  void attend(std::int64_t head, const HeadRows& q, std::int64_t queries, const VisibleKeys& sees,
              const HeadRows& out) const;

 private:
  struct Places {
    float *key, *value;
  };
  Places places(std::int64_t batch, std::int64_t head) const;
  PackedHead packed(std::int64_t batch, std::int64_t head) const;
  void put_into(const Places& to, const HeadRows& k, const HeadRows& v, std::int64_t count, std::int64_t first);

  std::int64_t count_, width_;  ///< keys; of a head
  Tensor keys_, values_;        ///< [B, H, head, stride] and [B, H, count, padded]; elsewhere [B, count, H, head]
};

}  // namespace bitemark::model
