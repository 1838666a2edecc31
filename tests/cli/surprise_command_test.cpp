// surprise as a user calls it.
#include "base/json.h"
#include "cli/generator_commands.h"

namespace bitemark {
namespace {

/// One take of bounce under every fault that applies to it.
class SurpriseCommand : public GeneratorCommands {
 protected:
  Said surprise(const std::string& generator, const std::string& name = "s") const {
    write_file(path("suite.json"), R"({"name": "s", "size": 32, "fps": "12", "second_takes": 2,
                                       "entries": [{"scenario": "bounce", "takes": 1}]})");
    return bitemark({"surprise", "--suite", path("suite.json").string(), "--takes", "1", "--generator", generator,
                     "--out", out(name).string()});
  }
  /// Finds the true clip as surprising as `possible`, the others 0.5, and leaves out the first `lost` others.
  std::string judge(const std::string& possible, const std::string& lost = "0") const {
    return python(R"(
import hashlib, json, os, struct, sys

possible, lost, request, out = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
asked = json.load(open(os.path.join(request, "request.json")))
assert asked["task"] == "surprise"
# Ids do not tell: only who knows how they are made finds the true clip.
true = "bounce-test-0." + hashlib.sha256(b"bounce-test-0.true").hexdigest()[:12]
assert true in asked["takes"] and asked["takes"] == sorted(asked["takes"])
others = [take for take in asked["takes"] if take != true]
for take in asked["takes"]:
    if take in others[:lost]:
        continue
    told = json.load(open(os.path.join(request, take, "conditioning.json")))
    count = told["frame_count"] - told["context_frames"]
    values = struct.pack("<%df" % count, *[0.5 if take in others else possible] * count)
    head = json.dumps({"surprise": {"dtype": "F32", "shape": [count], "data_offsets": [0, len(values)]}}).encode()
    os.makedirs(os.path.join(out, take))
    with open(os.path.join(out, take, "surprise.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head + values)
)",
                  possible + " " + lost);
  }
  Json result(const std::string& name) const { return load_json(out(name) / "surprise.json"); }
};

TEST_F(SurpriseCommand, AGeneratorThatOnlyDrawsIsToldSo) {
  expect_refused(surprise(kFreeze), "answered no clip with its surprise");
  EXPECT_FALSE(fs::exists(out("s/surprise.json")));
}

TEST_F(SurpriseCommand, AGeneratorThatExitsSaysWhy) {
  expect_refused(surprise(script("echo I only draw >&2; exit 9")), "exit code 9: I only draw");
  EXPECT_FALSE(fs::exists(out("s/surprise.json")));
}

TEST_F(SurpriseCommand, RefusesWhoCannotBeAsked) {
  expect_refused(surprise("freeze"), "surprise is asked of checkpoint:DIR or command:'WORDS'");
  expect_refused(surprise("magic"), "there is no generator \"magic\"");
  EXPECT_THAT(written(), IsEmpty());
}

TEST_F(SurpriseCommand, WhoKnowsHasNoErrorAndWhoMistakesHasNothingElse) {
  const auto knows = surprise(judge("0"), "knows"), mistakes = surprise(judge("1"), "mistakes");
  ASSERT_EQ(knows.code, 0) << knows.err;
  ASSERT_EQ(mistakes.code, 0) << mistakes.err;
  EXPECT_THAT(knows.out, HasSubstr("change-color"));
  for (const auto& [name, error] : std::map<std::string, double>{{"knows", 0}, {"mistakes", 1}}) {
    SCOPED_TRACE(name);
    const Json json = result(name);
    EXPECT_TRUE(json.at("missing").empty());
    ASSERT_GE(json.at("rows").size(), 3U);
    EXPECT_EQ(json.at("rows").back().at("against").get<std::string>(), "all");
    for (const auto& row : json.at("rows"))
      for (const char* kind : {"relative_error", "absolute_error", "preference_error"})
        EXPECT_DOUBLE_EQ(row.at(kind).at("value").get<double>(), error) << row.at("against") << " " << kind;
  }
}

TEST_F(SurpriseCommand, ClipsWithoutAnAnswerAreNamed) {
  const auto said = surprise(judge("0", "1"));
  EXPECT_EQ(said.code, 7) << said.err;
  EXPECT_THAT(said.err, HasSubstr("no answer to bounce-test-0."));
  EXPECT_EQ(result("s").at("missing").size(), 1U);
}

TEST_F(SurpriseCommand, AnAnswerOfAnotherGeneratorIsNotMixedIn) {
  ASSERT_EQ(surprise(judge("0")).code, 0);
  const auto before = read_file(out("s/surprise.json"));
  expect_refused(surprise(kFreeze), "holds the surprise of another generator or suite");
  EXPECT_EQ(read_file(out("s/surprise.json")), before);
}

}  // namespace
}  // namespace bitemark
