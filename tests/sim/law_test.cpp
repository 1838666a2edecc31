// Which laws a fault breaks and which it keeps, measured on states, events and cameras: scenarios/faults.json, "laws".
#include "sim/laws/law.h"

#include <gmock/gmock.h>

#include <set>

#include "base/error.h"
#include "sim/faults/fault.h"
#include "sim/scenarios.h"
#include "sim/take.h"

namespace bitemark::sim {
namespace {

constexpr int kTakes = 3;

Json fault_table() {
  return load_json(std::filesystem::path(BITEMARK_SOURCE_DIR) / "scenarios" / "faults.json")["faults"];
}

std::set<std::string> laws_of(const Json& fault, const char* key) {
  return fault["laws"].value(key, std::set<std::string>{});
}

struct Applied {
  std::string fault, scenario;
};

std::vector<Applied> all_applied() {
  std::vector<Applied> all;
  const Json table = fault_table();
  for (const auto& [name, entry] : table.items()) {
    for (const char* list : {"scenarios", "staged"}) {
      for (const auto& scenario : entry.value(list, std::vector<std::string>{})) all.push_back({name, scenario});
    }
  }
  return all;
}

class FaultLaws : public testing::TestWithParam<Applied> {};

TEST_P(FaultLaws, BreaksWhatItMustAndKeepsTheRest) {
  const Json entry = fault_table()[GetParam().fault];
  const auto must = laws_of(entry, "must"), may = laws_of(entry, "may");
  const Scenario scenario = shipped(GetParam().scenario);
  for (int take = 10; take < 10 + kTakes; ++take) {
    RenderOptions options = small_options(64);
    const World truth = make_take(scenario, "test", take, options);
    World world = truth;
    options.fault = GetParam().fault;
    apply_fault(scenario, options, world);
    for (const Law& law : all_laws()) {
      const LawVerdict verdict = judge(law, world, truth);
      const auto is = law.residual(world, truth), should = law.residual(truth, truth);
      const auto text = [](const std::optional<double>& x) { return x ? std::to_string(*x) : "nothing"; };
      const std::string said = std::string(law.name) + " in take " + std::to_string(take) + ": " + text(is) +
                               ", in the truth " + text(should);
      if (must.contains(law.name)) {
        EXPECT_EQ(verdict, LawVerdict::kBroken) << said;
      } else if (!may.contains(law.name)) {
        EXPECT_THAT(verdict, testing::AnyOf(LawVerdict::kKept, LawVerdict::kNotMeasurable)) << said;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, FaultLaws, testing::ValuesIn(all_applied()), [](const auto& test) {
  std::string name = test.param.fault + "In" + test.param.scenario;
  name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
  return name;
});

TEST(LawTable, NamesLawsThatThereAreAndEachIsBrokenBySomeFault) {
  std::set<std::string> broken;
  const Json table = fault_table();
  for (const auto& [name, entry] : table.items()) {
    const auto must = laws_of(entry, "must"), may = laws_of(entry, "may");
    EXPECT_FALSE(must.empty()) << name;
    broken.insert(must.begin(), must.end());
    for (const std::string& law : must) {
      EXPECT_NE(find_law(law), nullptr) << name << " names " << law;
      EXPECT_FALSE(may.contains(law)) << name << ": " << law << " cannot be both";
    }
    for (const std::string& law : may) EXPECT_NE(find_law(law), nullptr) << name << " names " << law;
  }
  for (const Law& law : all_laws()) EXPECT_TRUE(broken.contains(law.name)) << law.name;
}

/// A true world keeps every law as closely as the laws' own limits ask of faulty ones.
TEST(Laws, HoldInTrueWorlds) {
  // Exempt: glass and jaws come and go by events; see measures of "permanence".
  for (const char* name : {"bounce", "launch", "left-right", "behind-the-wall", "which-lands-first", "button-lamp",
                           "brush-stroke", "elastic-unequal", "two-cameras", "orbit", "cookie-bite"}) {
    for (int take = 0; take < 2; ++take) {
      const World truth = make_take(shipped(name), "test", take, small_options(64));
      for (const Law& law : all_laws()) {
        if (std::string(law.name) == "permanence" && !truth.scene.bites.empty()) continue;
        const auto residual = law.residual(truth, truth);
        if (residual) {
          EXPECT_LE(*residual, law.clear) << law.name << " in " << name << " take " << take;
        }
      }
    }
  }
}

}  // namespace
}  // namespace bitemark::sim
