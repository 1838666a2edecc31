#include "model/loss_chart.h"

#include <gtest/gtest.h>

#include <regex>

namespace bitemark::model {
namespace {

std::size_t count(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  return static_cast<std::size_t>(std::distance(std::sregex_iterator(text.begin(), text.end(), regex), {}));
}

/// The heights at which the line of this colour is drawn.
std::vector<double> heights(const std::string& chart, const std::string& colour) {
  std::smatch line;
  if (!std::regex_search(chart, line, std::regex("<path d=\"([^\"]*)\"[^>]*stroke=\"" + colour + "\""))) return {};
  const std::string d = line[1];
  const std::regex point("[ML][-0-9.]+,([-0-9.]+)");
  std::vector<double> all;
  for (std::sregex_iterator at(d.begin(), d.end(), point), end; at != end; ++at) all.push_back(std::stod((*at)[1]));
  return all;
}

TEST(LossChart, LinesOfAnotherKindAreNoPoints) {
  const std::string log = "{\"step\":1,\"loss\":1.0}\n{\"step\":2,\"loss\":0.1}\n";
  EXPECT_EQ(loss_chart("5\n{\"step\":\"x\",\"loss\":1}\n{\"step\":3,\"loss\":null}\n[]\n" + log, "dit"),
            loss_chart(log, "dit"));
}

TEST(LossChart, StepsOfOneKindHaveOneMean) {
  const std::string chart = loss_chart("{\"step\":1,\"loss\":1.0}\n{\"step\":2,\"loss\":0.1}\n", "dit");
  EXPECT_EQ(count(chart, "<path"), 2U);
  EXPECT_EQ(count(chart, "unrolled"), 0U);
}

TEST(LossChart, UnrolledStepsHaveAMeanOfTheirOwn) {
  std::string log;
  for (int step = 1; step <= 20; ++step)
    log += step % 2 == 0 ? "{\"step\":" + std::to_string(step) + ",\"loss\":1.0,\"unrolled\":1.0}\n"
                         : "{\"step\":" + std::to_string(step) + ",\"loss\":0.01}\n";
  const std::string chart = loss_chart(log, "dit");
  const auto ordinary = heights(chart, "#1f6feb"), unrolled = heights(chart, "#d9730d");
  ASSERT_EQ(ordinary.size(), 10U);
  ASSERT_EQ(unrolled.size(), 10U);
  for (std::size_t i = 0; i < 10; ++i) {  // each constant: neither is drawn into the other; the ordinary lie below
    EXPECT_EQ(ordinary[i], ordinary[0]);
    EXPECT_EQ(unrolled[i], unrolled[0]);
    EXPECT_GT(ordinary[i], unrolled[i] + 100);
  }
}

TEST(LossChart, LinesThatAreNoneAndAnEmptyLogAreNoHindrance) {
  EXPECT_EQ(count(loss_chart("", "vae"), "</svg>"), 1U);
  EXPECT_EQ(heights(loss_chart("{\"step\":1,\"loss\":1.0}\n{\"step\":2,\"lo", "vae"), "#1f6feb").size(), 1U);
}

}  // namespace
}  // namespace bitemark::model
