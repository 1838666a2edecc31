// What people and machines read of a run: report.json is the run's own; here are summary.md, junit.xml and index.html
// with data/. Everything is written by C++ and readable without JavaScript; report.js only adds the scrubber.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "suite/compare.h"
#include "suite/fault_table.h"
#include "suite/run.h"

namespace bitemark {

struct ReportOptions {
  std::size_t media_bytes = std::size_t{20} << 20U;  ///< film strips, worst cases first, until this is spent
  std::vector<FaultRow> faults;                      ///< the metrics' self-test; may be empty
  std::optional<Comparison> comparison;              ///< against the named baseline
};

/// One take of the subject as the pages show it.
struct CaseView {
  const CaseResult* result = nullptr;
  const TakeResult* take = nullptr;
  double plausibility = 0;           ///< mean over its metrics
  const Violation* first = nullptr;  ///< earliest violation
  std::string strip;                 ///< "data/<id>.png", two rows: truth, rollout; empty = beyond the budget
  std::string repro;                 ///< "repro/<id>.case.json"
};

/// Failing takes first, the least plausible of them first; then the others.
std::vector<CaseView> order_cases(const RunReport& report);

/// All files but report.json, into options.out. Atomic each.
void write_reports(const RunOptions& options, const RunReport& report, const ReportOptions& report_options);

/// "nano passes 31 of 76 takes; best in motion (0.71), worst in causality (0.05)".
std::string verdict_in_words(const RunReport& report, const std::optional<Comparison>& comparison);
std::string text_summary(const RunReport& report);  ///< for a terminal
std::string markdown_summary(const RunReport& report, const ReportOptions& options, const std::vector<CaseView>& cases);
std::string junit_xml(const RunReport& report, const std::vector<CaseView>& cases);
std::string html_page(const RunReport& report, const ReportOptions& options, const std::vector<CaseView>& cases);

/// Film strips into out/data and case files into out/repro; fills `strip` and `repro`.
void write_media(const RunOptions& options, const RunReport& report, std::size_t budget, std::vector<CaseView>& cases);

std::string escaped(const std::string& text);  ///< for XML and HTML

}  // namespace bitemark
