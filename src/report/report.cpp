#include "report/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/files.h"
#include "report/assets.h"

namespace bitemark {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        // XML 1.0 has no place for other control characters.
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
    }
  }
  return out;
}

std::vector<CaseView> order_cases(const RunReport& report) {
  std::vector<CaseView> views;
  for (const auto& one : report.cases) {
    const TakeResult* take = one.of(report.subject);
    if (take == nullptr) continue;
    CaseView view;
    view.result = &one;
    view.take = take;
    for (const auto& [metric, value] : take->plausibility)
      view.plausibility += value / static_cast<double>(take->plausibility.size());
    view.first = first_violation(take->metrics);
    views.push_back(view);
  }
  std::stable_sort(views.begin(), views.end(), [](const CaseView& a, const CaseView& b) {
    if (a.take->passed() != b.take->passed()) return !a.take->passed();
    return a.plausibility < b.plausibility;
  });
  return views;
}

std::string verdict_in_words(const RunReport& report, const std::optional<Comparison>& comparison) {
  if (report.subject.empty()) return "Baselines only: no generator was judged.";
  int passed = 0;
  int all = 0;
  for (const auto& one : report.cases)
    if (const TakeResult* take = one.of(report.subject); take != nullptr) {
      ++all;
      passed += take->passed() ? 1 : 0;
    }
  std::string words =
      fmt::format("{} continues {} of {} takes without breaking the world.", report.subject, passed, all);
  const std::string *best = nullptr, *worst = nullptr;
  double high = -1;
  double low = 2;
  for (const auto& [capability, row] : report.scores) {
    const auto found = row.find(report.subject);
    if (found == row.end()) continue;
    const double mean = found->second.estimate.mean;
    if (mean > high) high = mean, best = &capability;
    if (mean < low) low = mean, worst = &capability;
  }
  if (best != nullptr)
    words += fmt::format(" It is best in {} ({:.2f}) and worst in {} ({:.2f}).", *best, high, *worst, low);
  if (report.scores.empty())
    words += fmt::format(" Without scores: no calibration for these takes (bitemark calibrate --suite {}).",
                         report.suite_file);
  if (comparison) words = fmt::format("{} against {}. {}", text_of(comparison->verdict), comparison->a, words);
  return words;
}

void write_reports(const RunOptions& options, const RunReport& report, const ReportOptions& report_options) {
  auto cases = order_cases(report);
  std::error_code ignored;
  fs::remove_all(options.out / "data", ignored);  // strips of an earlier page
  make_folder(options.out / "data");
  write_media(options, report, report_options.media_bytes, cases);
  write_file(options.out / "data" / "report.css", kReportCss);
  write_file(options.out / "data" / "report.js", kReportJs);
  write_file(options.out / "summary.md", markdown_summary(report, report_options, cases));
  write_file(options.out / "junit.xml", junit_xml(report, cases));
  write_file(options.out / "index.html", html_page(report, report_options, cases));
}

}  // namespace bitemark
