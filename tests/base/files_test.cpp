#include "base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/json.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

using testing::HasSubstr;

TEST(WriteFile, ReplacesWholeAndLeavesNothingBeside) {
  const TemporaryFolder folder;
  write_file(folder.path() / "a", "one");
  write_file(folder.path() / "a", "two");
  EXPECT_EQ(read_file(folder.path() / "a"), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(WriteFile, APlaceThatIsNoFolderIsBadInput) { EXPECT_THROW(write_file("/dev/full/x", "a"), InputError); }

TEST(PendingFolder, IsAbsentUntilCommitted) {
  const TemporaryFolder folder;
  const fs::path target = folder.path() / "take";
  {
    const PendingFolder pending(target);
    write_file(pending.path() / "x", "1");
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
  PendingFolder pending(target);
  write_file(pending.path() / "x", "1");
  EXPECT_FALSE(fs::exists(target));
  pending.commit();
  EXPECT_EQ(read_file(target / "x"), "1");
}

TEST(LoadJson, NamesLineAndColumn) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "bad.json";
  write_file(path, "{\n  \"a\": 1,\n  oops\n}\n");
  try {
    load_json(path);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("bad.json: line 3, column 3: is not JSON: syntax error while parsing"));
  }
}

TEST(LoadJson, RefusesDeepNesting) {
  EXPECT_THROW(parse_json(std::string(100000, '['), "deep"), InputError);
  EXPECT_NO_THROW(parse_json(std::string(60, '[') + std::string(60, ']'), "shallow"));
}

TEST(SaveJson, RefusesNotANumber) {
  const TemporaryFolder folder;
  EXPECT_THROW(save_json(folder.path() / "x.json", {{"a", std::nan("")}}), std::logic_error);
  EXPECT_FALSE(fs::exists(folder.path() / "x.json"));
}

}  // namespace
}  // namespace bitemark
