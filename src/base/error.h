// Errors that a user can cause, kept apart from broken invariants.
#pragma once

#include <stdexcept>
#include <string>

namespace bitemark {

/// The process exit codes, in the line of pytest's. Documented in docs/command-line.md.
enum class ExitCode : int {
  kDone = 0,
  kWorse = 1,         ///< the named baseline was better
  kInterrupted = 2,   ///< signal, deadline or full disk; the same command resumes
  kInternal = 3,      ///< a bug of ours
  kBadInput = 4,      ///< bad usage or bad input
  kNothing = 5,       ///< the selection is empty
  kInconclusive = 6,  ///< only where asked for
  kIncomplete = 7,    ///< planned cases are missing
};

/// Bad usage or bad input. The message is one sentence: file, place, what was found, what was expected.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  /// `place` is a JSON pointer, a line, a tensor name or empty.
  InputError(const std::string& file, const std::string& place, const std::string& problem);
  const std::string& place() const { return place_; }      ///< empty where none was named
  const std::string& problem() const { return problem_; }  ///< without file and place; empty where none was named

 private:
  std::string place_, problem_;
};

/// The work stopped half-way (signal, deadline, full disk) and can be taken up again.
class InterruptedError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[noreturn]] void fail_check(const char* expression, const char* file, int line, const std::string& values);

}  // namespace bitemark

/// A broken invariant is a bug: throws std::logic_error that names the expression and the place.
#define BITEMARK_CHECK(condition, ...)                                                                  \
  do {                                                                                                  \
    if (!(condition)) ::bitemark::fail_check(#condition, __FILE__, __LINE__, std::string{__VA_ARGS__}); \
  } while (false)
