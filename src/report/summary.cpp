#include <fmt/format.h>

#include "report/report.h"

namespace bitemark {
namespace {

constexpr std::size_t kMarkdownCases = 40;  // a step summary is cut at 1 MiB

std::string cell(const RunReport& report, const std::string& capability, const std::string& generator) {
  const auto row = report.scores.find(capability);
  if (row == report.scores.end()) return "";
  const auto found = row->second.find(generator);
  if (found == row->second.end()) return "-";
  const auto& e = found->second.estimate;
  return fmt::format("{:.2f} [{:.2f}, {:.2f}]", e.mean, e.low, e.high);
}

std::string physics_iq_cell(const RunReport& report, const std::string& generator, const char* name) {
  const auto found = report.physics_iq.find(generator);
  return found == report.physics_iq.end() ? "-" : fmt::format("{:.1f}", found->second.at(name));
}

std::string distribution_cell(const RunReport& report, const std::string& generator) {
  for (const auto& one : report.distributions)
    if (one.generator == generator)
      return fmt::format("{:.2f} +- {:.2f}{}", one.frechet, one.half_width, one.small_sample ? " (too few)" : "");
  return "-";
}

/// The score of caption agreement, where a judge was at hand.
std::string agreement_cell(const RunReport& report, const std::string& generator) {
  for (const auto& one : report.agreements)
    if (one.generator == generator) return fmt::format("{:.2f}", one.score);
  return "-";
}

std::vector<std::string> used_capabilities(const RunReport& report) {
  std::vector<std::string> used;
  for (const auto& capability : capabilities())
    if (report.scores.contains(capability)) used.push_back(capability);
  return used;
}

}  // namespace

std::string text_summary(const RunReport& report) {
  const auto columns = used_capabilities(report);
  std::string text = fmt::format("\n{:<14}", "plausibility");
  for (const auto& capability : columns) text += fmt::format(" {:>19}", capability);
  text += fmt::format(" {:>8} {:>8} {:>15}\n", "PIQ-sim", "captions", report.features);
  for (const auto& generator : report.generators) {
    text += fmt::format("{:<14}", generator);
    for (const auto& capability : columns) text += fmt::format(" {:>19}", cell(report, capability, generator));
    text += fmt::format(" {:>8} {:>8} {:>15}\n", physics_iq_cell(report, generator, "sim"),
                        agreement_cell(report, generator), distribution_cell(report, generator));
  }
  return text + "\n" + verdict_in_words(report, std::nullopt) + "\n";
}

std::string markdown_summary(const RunReport& report, const ReportOptions& options,
                             const std::vector<CaseView>& cases) {
  const auto columns = used_capabilities(report);
  std::string text =
      fmt::format("# Bitemark: {}\n\n{}\n\n", report.suite, verdict_in_words(report, options.comparison));
  if (!columns.empty())
    text +=
        "Plausibility: 1 = as a second take of the same world, 0 = as the best trivial row. 95 % intervals, "
        "clustered by scenario.\n\n";
  text += "| generator |";
  std::string rule = "|---|";
  for (const auto& capability : columns) {
    text += fmt::format(" {} |", capability);
    rule += "---|";
  }
  text += fmt::format(" PIQ original | PIQ verified | PIQ-sim | captions | {} |\n{}---|---|---|---|---|\n",
                      report.features.empty() ? "Frechet" : report.features, rule);
  for (const auto& generator : report.generators) {
    text += fmt::format("| {} |", generator);
    for (const auto& capability : columns) text += fmt::format(" {} |", cell(report, capability, generator));
    for (const char* name : {"original", "verified", "sim"})
      text += fmt::format(" {} |", physics_iq_cell(report, generator, name));
    text += fmt::format(" {} | {} |\n", agreement_cell(report, generator), distribution_cell(report, generator));
  }
  text += "\n## Failing takes\n\n";
  std::size_t listed = 0;
  for (const auto& view : cases) {
    if (view.take->passed() || listed >= kMarkdownCases) continue;
    ++listed;
    const std::string what = !view.take->failure.empty() ? view.take->failure
                             : view.first != nullptr ? fmt::format("frame {}: {}", view.first->frame, view.first->text)
                                                     : "a metric failed";
    text += fmt::format("- `{}`: {}. `bitemark repro {}`\n", view.result->which.id(), what, view.repro);
  }
  if (listed == 0) text += "None.\n";
  if (options.comparison) text += "\n## Comparison\n\n```\n" + describe(*options.comparison) + "```\n";
  text += fmt::format("\nResult digest `{}`, protocol `{}`.\n", report.digest.substr(0, 16), report.protocol);
  return text;
}

std::string junit_xml(const RunReport& report, const std::vector<CaseView>& cases) {
  std::map<std::string, std::vector<const CaseView*>> suites;
  for (const auto& view : cases) suites[view.result->which.scenario].push_back(&view);
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  xml += fmt::format("<testsuites name=\"bitemark {}\">\n", escaped(report.suite));
  for (const auto& [scenario, views] : suites) {
    int failures = 0;
    int errors = 0;
    for (const auto* view : views) {
      failures += view->take->failure.empty() && !view->take->passed() ? 1 : 0;
      errors += view->take->failure.empty() ? 0 : 1;
    }
    xml += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\">\n", escaped(scenario),
                       views.size(), failures, errors);
    for (const auto* view : views) {
      const std::string id = view->result->which.id();
      xml += fmt::format("    <testcase classname=\"{}.{}\" name=\"{}\" file=\"scenarios/{}.json\"",
                         escaped(report.suite), escaped(scenario), escaped(id), escaped(scenario));
      if (view->take->passed()) {
        xml += "/>\n";
        continue;
      }
      const std::string what = !view->take->failure.empty() ? view->take->failure
                               : view->first != nullptr
                                   ? fmt::format("frame {}: {}", view->first->frame, view->first->text)
                                   : "a metric failed";
      const char* element = view->take->failure.empty() ? "failure" : "error";
      const std::string type = view->first == nullptr ? "harness.rollout" : "physics." + view->first->type;
      xml += fmt::format(">\n      <{0} type=\"{1}\" message=\"{2}\">{2}\nbitemark repro {3}</{0}>\n", element,
                         escaped(type), escaped(what), escaped(view->repro));
      if (!view->strip.empty())
        xml += fmt::format("      <system-out>[[ATTACHMENT|{}]]</system-out>\n", escaped(view->strip));
      xml += "    </testcase>\n";
    }
    xml += "  </testsuite>\n";
  }
  return xml + "</testsuites>\n";
}

}  // namespace bitemark
