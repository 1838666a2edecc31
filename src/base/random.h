// Random numbers whose bits depend on nothing but the seed and the path: no std::*_distribution, whose output
// differs between standard libraries.
#pragma once

#include <cstdint>
#include <string_view>

namespace bitemark {

/// PCG32 (O'Neill 2014, XSH-RR 64/32). Two generators with different streams are independent.
class Pcg32 {
 public:
  Pcg32(std::uint64_t seed, std::uint64_t stream);
  std::uint32_t next();
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in {0, ..., n-1}, without modulo bias; n >= 1.
  std::uint32_t below(std::uint32_t n);
  /// Standard normal, Box-Muller; one value a call, the second is discarded so that a call is two draws exactly.
  double normal();

 private:
  std::uint64_t state_ = 0;
  std::uint64_t increment_;
};

/// The stream of one named parameter: adding a parameter to a scenario changes no other parameter's values.
Pcg32 stream_for(std::uint64_t seed, std::string_view path);

/// First 8 bytes (big endian) of SHA-256(text): the seed of a take, of a rollout, of a resample.
std::uint64_t seed_from_text(std::string_view text);

}  // namespace bitemark
