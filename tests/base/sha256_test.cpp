#include "base/sha256.h"

#include <gtest/gtest.h>

namespace bitemark {
namespace {

// FIPS 180-4 examples (NIST, "SHA-256 example values").
TEST(Sha256, PublishedExamples) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotDependOnThePieces) {
  const std::string text(1000, 'x');
  for (const std::size_t piece : {1U, 63U, 64U, 65U, 500U}) {
    Sha256 hash;
    for (std::size_t i = 0; i < text.size(); i += piece) hash.update(std::string_view(text).substr(i, piece));
    EXPECT_EQ(hex(hash.finish()), sha256_hex(text)) << piece;
  }
}

// Every length around the blocks' borders, so that the processor's own rounds and the portable ones would both be
// found out. The number is Python's hashlib's, over the same texts.
TEST(Sha256, EveryLengthUpTo299AsHashlib) {
  Sha256 all;
  for (std::size_t n = 0; n < 300; ++n) {
    std::string text(n, '\0');
    for (std::size_t i = 0; i < n; ++i) text[i] = static_cast<char>((i * 7 + n) & 255U);
    all.update(sha256_hex(text));
  }
  EXPECT_EQ(hex(all.finish()), "def85da8f53f8ad58eda585dce61c0d7bfbb3da6924badae49d32d11288c576f");
}

}  // namespace
}  // namespace bitemark
