// index.html: plain HTML that reads without JavaScript. Styles and the scrubber stand in data/, so that a strict
// content security policy leaves the page whole.
#include <fmt/format.h>

#include <algorithm>

#include "report/report.h"
#include "suite/baselines.h"

namespace bitemark {
namespace {

constexpr double kPlotWidth = 104;

std::string kind_of(const RunReport& report, const std::string& generator) {
  if (generator == report.subject) return "subject";
  if (!is_baseline(generator)) return "other";
  return is_floor(generator) ? "floor" : "ceiling";
}

double x_of(double plausibility) { return 6 + std::clamp(plausibility, 0.0, 1.0) * (kPlotWidth - 12); }

/// A dot with its interval on a line from 0 to 1; the numbers stand beside it as text.
std::string interval_plot(const Estimate& e) {
  return fmt::format(
      "<svg class=\"interval\" width=\"{0}\" height=\"14\" viewBox=\"0 0 {0} 14\" aria-hidden=\"true\">"
      "<line class=\"axis\" x1=\"6\" x2=\"{1:.1f}\" y1=\"7\" y2=\"7\"/>"
      "<line class=\"range\" x1=\"{2:.1f}\" x2=\"{3:.1f}\" y1=\"7\" y2=\"7\"/>"
      "<circle cx=\"{4:.1f}\" cy=\"7\" r=\"4\"/></svg>",
      kPlotWidth, kPlotWidth - 6, x_of(e.low), x_of(e.high), x_of(e.mean));
}

/// Said only where something could not be measured.
std::string coverage_note(const Score& score) {
  return score.coverage > 0.995 ? ""
                                : fmt::format("<br><span class=\"dim\">{:.0f} % measured</span>", 100 * score.coverage);
}

std::string score_cell(const RunReport& report, const std::string& capability, const std::string& generator) {
  const auto& row = report.scores.at(capability);
  const auto found = row.find(generator);
  if (found == row.end()) return "<td class=\"none\">n/a</td>";
  const auto& e = found->second.estimate;
  return fmt::format(
      "<td title=\"{} values of {} scenario{}\">{}<b>{:.2f}</b><br><span class=\"dim\">[{:.2f}, {:.2f}]</span>{}</td>",
      e.count, e.clusters, e.clusters == 1 ? "" : "s", interval_plot(e), e.mean, e.low, e.high,
      coverage_note(found->second));
}

std::string scores_table(const RunReport& report) {
  if (report.scores.empty()) return "";
  std::string html =
      "<section><h2>Capabilities</h2><p>Plausibility: 1 is what a second take of the same world scores, 0 what the "
      "best of "
      "the trivial rows does. Intervals are 95 %, clustered by scenario; with one scenario they speak of its takes "
      "only.</p>"
      "<div class=\"scroll\"><table class=\"scores\"><thead><tr><th scope=\"col\">generator</th>";
  for (const auto& capability : capabilities())
    if (report.scores.contains(capability)) html += "<th scope=\"col\">" + escaped(capability) + "</th>";
  html += "</tr></thead><tbody>";
  for (const auto& generator : report.generators) {
    const std::string kind = kind_of(report, generator);
    html += fmt::format("<tr class=\"{0}\"><th scope=\"row\">{1}<br><span class=\"dim\">{0}</span></th>", kind,
                        escaped(generator));
    for (const auto& capability : capabilities())
      if (report.scores.contains(capability)) html += score_cell(report, capability, generator);
    html += "</tr>";
  }
  return html + "</tbody></table></div></section>\n";
}

std::string distances_table(const RunReport& report) {
  std::string html =
      "<section><h2>Published scores</h2><div class=\"scroll\"><table><thead><tr><th scope=\"col\">generator</th>"
      "<th scope=\"col\">Physics-IQ original</th><th scope=\"col\">Physics-IQ verified</th><th "
      "scope=\"col\">PIQ-sim</th>";
  const std::string space = report.features.empty() ? "Frechet distance" : report.features;
  html += fmt::format(
      "<th scope=\"col\">{}</th><th scope=\"col\">unbiased MMD&#178;</th><th "
      "scope=\"col\">windows</th></tr></thead><tbody>",
      escaped(space));
  for (const auto& generator : report.generators) {
    html += fmt::format("<tr class=\"{}\"><th scope=\"row\">{}</th>", kind_of(report, generator), escaped(generator));
    const auto found = report.physics_iq.find(generator);
    for (const char* name : {"original", "verified", "sim"})
      html += found == report.physics_iq.end() ? "<td>-</td>" : fmt::format("<td>{:.1f}</td>", found->second.at(name));
    const auto one = std::find_if(report.distributions.begin(), report.distributions.end(),
                                  [&](const auto& d) { return d.generator == generator; });
    html += one == report.distributions.end()
                ? "<td>-</td><td>-</td><td>-</td></tr>"
                : fmt::format("<td>{:.3f} &#177; {:.3f}</td><td>{:.4f}</td><td>{}{}</td></tr>", one->frechet,
                              one->half_width, one->mmd2, one->windows,
                              one->small_sample
                                  ? fmt::format(" <b>too small a sample</b> for {} dimensions", one->dimensions)
                                  : "");
  }
  return html + "</tbody></table></div></section>\n";
}

std::string agreement_table(const RunReport& report) {
  if (report.agreements.empty()) return "";
  std::string html = fmt::format(
      "<section><h2>Does it show what its caption says?</h2><p>Cosines of captions and clips, by the towers of {}; the "
      "score is 1 for the truth with its captions and 0 for the truth with those of other takes.</p><div "
      "class=\"scroll\"><table><thead><tr><th scope=\"col\">generator</th><th scope=\"col\">own caption</th><th "
      "scope=\"col\">other captions</th><th scope=\"col\">own one preferred</th><th "
      "scope=\"col\">score</th></tr></thead><tbody>",
      escaped(report.judge));
  for (const auto& one : report.agreements)
    html += fmt::format(
        "<tr class=\"{}\"><th scope=\"row\">{}</th><td>{:.3f} <span class=\"dim\">[{:.3f}, {:.3f}]</span></td>"
        "<td>{:.3f}</td><td>{:.3f}</td><td>{:.2f}</td></tr>",
        kind_of(report, one.generator), escaped(one.generator), one.own.mean, one.own.low, one.own.high, one.other,
        one.preferred, one.score);
  return html + "</tbody></table></div></section>\n";
}

/// The subject's cosine of one take, as a row.
std::string agreement_row(const RunReport& report, const std::string& id) {
  for (const auto& one : report.agreements)
    if (const auto found = one.takes.find(id); one.generator == report.subject && found != one.takes.end())
      return fmt::format("<tr><th scope=\"row\">caption.agreement</th><td>{:.3f}</td><td>higher is better</td></tr>",
                         found->second);
  return "";
}

std::string measurements_of(const RunReport& report, const CaseView& view) {
  const TakeResult& take = *view.take;
  std::string html = "<table class=\"measurements\"><tbody>";
  for (const auto& result : take.metrics) {
    if (result.status != Status::kMeasured)
      html += fmt::format("<tr><th scope=\"row\">{}</th><td colspan=\"2\">{}: {}</td></tr>", escaped(result.metric),
                          result.status == Status::kFailed ? "failed" : "not applicable", escaped(result.reason));
    for (const auto& m : result.measurements)
      html += fmt::format("<tr><th scope=\"row\">{}</th><td>{:.3f} {}</td><td>{}</td></tr>", escaped(m.name), m.value,
                          escaped(m.unit), m.higher_is_better ? "higher is better" : "lower is better");
  }
  return html + agreement_row(report, view.result->which.id()) + "</tbody></table>";
}

std::string violations_of(const TakeResult& take) {
  std::string html;
  if (!take.failure.empty()) html += "<p class=\"wrong\">" + escaped(take.failure) + "</p>";
  std::vector<Violation> all;
  for (const auto& result : take.metrics) all.insert(all.end(), result.violations.begin(), result.violations.end());
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.frame < b.frame; });
  if (all.empty()) return html;
  html += "<ul class=\"violations\">";
  for (const auto& one : all)
    html += fmt::format("<li><b>frame {}</b> {} <span class=\"dim\">{}</span></li>", one.frame, escaped(one.text),
                        escaped(one.type));
  return html + "</ul>";
}

std::string player_of(const RunReport& report, const CaseView& view) {
  if (view.strip.empty())
    return "<p class=\"dim\">The pictures of this take are beyond the size budget of this report; the command below "
           "makes them.</p>";
  const int first = view.first == nullptr ? -1 : view.first->frame;
  return fmt::format(
      "<div class=\"player\" data-strip=\"{0}\" data-frames=\"{1}\" data-width=\"{2}\" data-height=\"{3}\" "
      "data-fps=\"{4}\" data-context=\"{5}\" data-first=\"{6}\">"
      "<div class=\"strip\" tabindex=\"0\" role=\"group\" aria-label=\"all frames\"><img src=\"{0}\" loading=\"lazy\" "
      "alt=\"Film strip of {7}: truth above, rollout below, {1} frames from left to right\"></div></div>",
      escaped(view.strip), view.result->frame_count, report.size.width, report.size.height, report.rate.hz(),
      view.result->context_frames, first, escaped(view.result->which.id()));
}

std::string case_html(const RunReport& report, const CaseView& view) {
  const std::string id = view.result->which.id();
  const std::string plausibility =
      view.take->plausibility.empty() ? "" : fmt::format("; plausibility {:.2f}", view.plausibility);
  return fmt::format(
      "<article class=\"case {}\" id=\"{}\"><h3><a href=\"#{}\">{}</a> <span class=\"badge\">{}</span></h3>"
      "<p class=\"caption\">&ldquo;{}&rdquo; <span class=\"dim\">{} context frames of {}{}</span></p>{}{}"
      "<p><code>bitemark repro {}</code></p><details><summary>Measurements</summary>{}</details></article>\n",
      view.take->passed() ? "passed" : "failed", escaped(id), escaped(id), escaped(id),
      view.take->passed() ? "passes" : "fails", escaped(view.result->caption), view.result->context_frames,
      view.result->frame_count, plausibility, player_of(report, view), violations_of(*view.take), escaped(view.repro),
      measurements_of(report, view));
}

std::string cases_html(const RunReport& report, const std::vector<CaseView>& cases) {
  if (cases.empty()) return "";
  const auto failing = std::count_if(cases.begin(), cases.end(), [](const auto& view) { return !view.take->passed(); });
  std::string html = fmt::format(
      "<section><h2>Takes: {} failing, {} passing</h2><p>Failing ones first, the least plausible of them first. In "
      "each strip the truth is "
      "above and the rollout below. With JavaScript: drag the slider, or focus it and use the arrow keys.</p>\n",
      failing, static_cast<long>(cases.size()) - failing);
  for (const auto& view : cases) html += case_html(report, view);
  return html + "</section>\n";
}

std::string faults_html(const std::vector<FaultRow>& faults) {
  if (faults.empty()) return "";
  std::string html =
      "<section><h2>Do the metrics see what they are for?</h2><p>Each fault was put into true episodes on purpose. "
      "AUROC: the "
      "chance that the metric finds the broken take worse than a second take of it. A <em>must</em> needs 0.95, a "
      "<em>must not</em> at most 0.65.</p><div class=\"scroll\"><table><thead><tr><th scope=\"col\">fault</th>"
      "<th scope=\"col\">metric</th><th scope=\"col\">AUROC</th><th scope=\"col\">95 % interval</th><th "
      "scope=\"col\">expected</th><th scope=\"col\">takes</th></tr></thead><tbody>";
  for (const auto& row : faults)
    html += fmt::format(
        "<tr{}><th scope=\"row\">{}</th><td>{}</td><td>{:.3f}</td><td>[{:.2f}, "
        "{:.2f}]</td><td>{}{}</td><td>{}</td></tr>",
        row.holds() ? "" : " class=\"broken\"", escaped(row.fault), escaped(row.metric), row.auroc.value, row.auroc.low,
        row.auroc.high, text_of(row.expectation), row.holds() ? "" : " <b>does not hold</b>", row.takes);
  return html + "</tbody></table></div></section>\n";
}

std::string provenance_html(const RunReport& report) {
  std::string html = "<section><h2>Where these numbers come from</h2><table><tbody>";
  const auto row = [&](const std::string& name, const std::string& value) {
    html += fmt::format("<tr><th scope=\"row\">{}</th><td><code>{}</code></td></tr>", escaped(name), escaped(value));
  };
  row("suite", report.suite_file);
  row("picture",
      fmt::format("{} x {} px, {} frames a second", report.size.width, report.size.height, to_text(report.rate)));
  row("result digest", report.digest);
  row("protocol", report.protocol);
  for (const auto& [name, model] : report.models) row("model " + name, model);
  for (const auto& [name, value] : report.environment) row(name, value);
  return html + "</tbody></table></section>\n";
}

}  // namespace

std::string html_page(const RunReport& report, const ReportOptions& options, const std::vector<CaseView>& cases) {
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">"
      "<meta name=\"color-scheme\" content=\"light dark\"><title>Bitemark: {0} on {1}</title><link rel=\"stylesheet\" "
      "href=\"data/report.css\">"
      "<script src=\"data/report.js\" defer></script></head><body><header><p class=\"brand\">Bitemark</p><h1>{0} on "
      "the {1} suite</h1>"
      "<p class=\"verdict\">{2}</p></header><main>\n",
      escaped(report.subject.empty() ? "baselines" : report.subject), escaped(report.suite),
      escaped(verdict_in_words(report, options.comparison)));
  html += scores_table(report);
  if (options.comparison)
    html +=
        "<section><h2>Against the baseline</h2><pre>" + escaped(describe(*options.comparison)) + "</pre></section>\n";
  html += cases_html(report, cases) + agreement_table(report) + distances_table(report) + faults_html(options.faults) +
          provenance_html(report);
  return html + "</main></body></html>\n";
}

}  // namespace bitemark
