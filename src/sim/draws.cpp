#include "sim/draws.h"

#include <cctype>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/json_position.h"
#include "sim/rejection.h"
#include "sim/scene.h"
#include "sim/simulate.h"

namespace bitemark {
namespace {

/// "ball is hidden at 0.83 s" and "... at 0.91 s" are one reason.
std::string without_numbers(const std::string& text) {
  std::string kept;
  for (const char c : text) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (digit && !kept.empty() && kept.back() == '#') continue;
    if (c == '.' && !kept.empty() && kept.back() == '#') continue;
    const bool inside_word =
        !kept.empty() && (std::isalpha(static_cast<unsigned char>(kept.back())) || kept.back() == '_');
    kept += digit && !inside_word ? '#' : c;
  }
  return kept;
}

/// Whether a draw of the take is accepted within the attempts that rendering has, too.
bool draw_one(const Scenario& scenario, const std::string& split, int take, DrawReport& report) {
  for (int attempt = 0; attempt < kMaxDraws; ++attempt) {
    stop_if_interrupted();
    const sim::SceneSpec scene = sim::resolve(scenario, split, take, attempt);
    const std::string reason = sim::find_rejection(scenario, scene, sim::simulate(scene));
    if (reason.empty()) return true;
    ++report.rejected;
    ++report.reasons[without_numbers(reason)];
  }
  return false;
}

}  // namespace

DrawReport draw_takes(const Scenario& scenario, const std::string& split, int count) {
  DrawReport report{split, count, 0, 0, {}, {}};
  for (int take = 0; take < count && report.faults.empty(); ++take) {
    try {
      if (!draw_one(scenario, split, take, report)) break;  // the others would take as long
      ++report.accepted;
    } catch (const InputError& error) {
      const int line = JsonPositions(read_file(scenario.file)).line_of(error.place());
      report.faults.push_back({error.place().empty() ? "/" : error.place(), line,
                               "in " + split + " take " + std::to_string(take) + ": " +
                                   (error.problem().empty() ? error.what() : error.problem())});
    }
  }
  return report;
}

}  // namespace bitemark
