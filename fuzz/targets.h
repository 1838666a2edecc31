// What is fuzzed. Each function takes any bytes and returns, or throws what is a bug: everything but InputError, whose
// sentence is the right answer to a bad file.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "base/random.h"

namespace bitemark::fuzz {

/// A scenario file: parser, schema, meaning, expressions, one take resolved.
void scenario(const std::string& input);
/// A safetensors file: header, every view and its bytes.
void safetensors(const std::string& input);
/// A generator's side of the protocol. The first byte chooses between an answer (rollout.safetensors) and a
/// conditioning (16 bits: length of conditioning.json, which comes first; conditioning.safetensors behind it).
void protocol(const std::string& input);

struct Target {
  const char* name;
  void (*run)(const std::string& input);
  std::vector<std::string> (*seeds)();
};
const std::vector<Target>& targets();
/// How a test prints one: without it, as bytes.
inline void PrintTo(const Target& target, std::ostream* out) { *out << target.name; }

/// Good inputs, from the repository's own files where there are any.
std::vector<std::string> scenario_seeds();
std::vector<std::string> safetensors_seeds();
std::vector<std::string> protocol_seeds();

/// One random change that keeps most of the input: a byte, a piece, or (in JSON) a value.
std::string mutate(const std::string& input, Pcg32& random);

}  // namespace bitemark::fuzz
