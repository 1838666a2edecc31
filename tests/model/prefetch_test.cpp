// What a training step is given: the rates of its moment and the data that were drawn for it.
#include "model/prefetch.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "model/recipe.h"

namespace bitemark::model {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

Recipe with_schedule(std::int64_t steps, std::int64_t warmup, std::int64_t decay) {
  Recipe recipe;
  recipe.steps = steps;
  recipe.warmup = warmup;
  recipe.decay = decay;
  return recipe;
}

// Quotients of small whole numbers: the same bits however they are written down.
TEST(RecipeSchedule, RisesStaysAndFallsToZero) {
  const Recipe recipe = with_schedule(100, 10, 20);
  for (int step = 0; step < 10; ++step) EXPECT_EQ(recipe.schedule_at(step), (step + 1) / 10.0) << step;
  for (int step = 10; step <= 80; ++step) EXPECT_EQ(recipe.schedule_at(step), 1.0) << step;
  for (int step = 81; step < 100; ++step) EXPECT_EQ(recipe.schedule_at(step), (100 - step) / 20.0) << step;
  EXPECT_EQ(recipe.schedule_at(100), 0.0);
  EXPECT_EQ(recipe.schedule_at(150), 0.0);
}

TEST(RecipeSchedule, MayLackItsEnds) {
  const Recipe flat = with_schedule(50, 0, 0);
  for (int step = 0; step < 50; ++step) EXPECT_EQ(flat.schedule_at(step), 1.0) << step;
  const Recipe rising = with_schedule(50, 5, 0);
  EXPECT_EQ(rising.schedule_at(0), 0.2);
  EXPECT_EQ(rising.schedule_at(4), 1.0);
  EXPECT_EQ(rising.schedule_at(49), 1.0);
  const Recipe falling = with_schedule(50, 0, 5);
  EXPECT_EQ(falling.schedule_at(0), 1.0);
  EXPECT_EQ(falling.schedule_at(45), 1.0);
  EXPECT_EQ(falling.schedule_at(49), 0.2);
}

TEST(RecipeSchedule, IsTheLowerOfBothWhereTheyOverlap) {
  const Recipe recipe = with_schedule(10, 20, 10);
  for (int step = 0; step < 10; ++step)
    EXPECT_EQ(recipe.schedule_at(step), std::min((step + 1) / 20.0, (10 - step) / 10.0)) << step;
}

using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(60);  // ends a test that would hang; nothing waits so long otherwise

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

/// Its data say what they were made for; `last` is called at the end of each prepare().
class ToyStage : public Stage {
 public:
  explicit ToyStage(std::function<void(const StepPart&)> last = {}) : last_(std::move(last)) {}

  torch::nn::Module& network() override { return network_; }
  StepData prepare(const StepPart& part) const override {
    {
      const std::scoped_lock lock(mutex_);
      prepared_.emplace_back(part.step, part.part);
    }
    StepData data;
    data.random = step_stream(5, part);
    data.window = 100 * part.step + part.part;
    data.latents = normal_noise({3}, noise_key(5, part, 0));
    if (last_) last_(part);
    return data;
  }
  StepLoss loss(const StepPart& /*part*/, StepData& /*data*/) override { return {}; }
  void export_to(const std::filesystem::path& /*checkpoint*/) override {}
  double flop_per_step() const override { return 0; }

  using Places = std::vector<std::pair<std::int64_t, std::int64_t>>;  ///< step, part
  Places prepared() const {
    const std::scoped_lock lock(mutex_);
    return prepared_;
  }

 private:
  torch::nn::Module network_;
  std::function<void(const StepPart&)> last_;
  mutable std::mutex mutex_;
  mutable Places prepared_;
};

void expect_data_of(std::int64_t step, const std::vector<std::int64_t>& parts, const std::vector<StepData>& data) {
  ASSERT_EQ(data.size(), parts.size()) << step;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const StepPart part{step, parts[i]};
    EXPECT_EQ(data[i].window, 100 * step + parts[i]);
    EXPECT_TRUE(at::equal(data[i].latents, normal_noise({3}, noise_key(5, part, 0)))) << step;
    Pcg32 expected = step_stream(5, part), random = data[i].random;
    EXPECT_EQ(random.next(), expected.next()) << step;
  }
}

TEST(Prefetch, TakesTheDataOfEachStepAndPreparesNoneTwice) {
  const std::vector<std::int64_t> parts{1, 3};
  const ToyStage stage;
  ToyStage::Places expected;
  {
    Prefetcher prefetcher(stage, parts, 6);
    for (std::int64_t step = 2; step < 6; ++step) {
      expect_data_of(step, parts, prefetcher.take(step));
      for (const auto part : parts) expected.emplace_back(step, part);
    }
  }
  EXPECT_EQ(stage.prepared(), expected) << "in order, and nothing from the end on";
}

TEST(Prefetch, IsOneStepAhead) {
  const ToyStage stage;
  {
    Prefetcher prefetcher(stage, {0}, 6);
    prefetcher.take(0);
  }
  EXPECT_EQ(stage.prepared(), (ToyStage::Places{{0, 0}, {1, 0}}));
}

TEST(Prefetch, TakesAnyStepThatIsAskedFor) {
  const ToyStage stage;
  Prefetcher prefetcher(stage, {0, 1}, 20);
  for (const std::int64_t step : {7, 3, 4, 19, 0, 1}) expect_data_of(step, {0, 1}, prefetcher.take(step));
}

// Step 1 is held up until its gate opens, and nobody asks for it before.
TEST(Prefetch, PreparesTheNextStepMeanwhile) {
  std::promise<void> begun, gate;
  const std::shared_future<void> open = gate.get_future().share();
  std::atomic<bool> gave_up = false;
  const ToyStage stage([&](const StepPart& part) {
    if (part.step != 1) return;
    begun.set_value();
    gave_up = open.wait_for(kPatience) != std::future_status::ready;
  });
  Prefetcher prefetcher(stage, {0}, 2);
  expect_data_of(0, {0}, prefetcher.take(0));
  EXPECT_EQ(begun.get_future().wait_for(kPatience), std::future_status::ready);
  gate.set_value();
  expect_data_of(1, {0}, prefetcher.take(1));
  EXPECT_FALSE(gave_up) << "take(0) waited for step 1";
}

// Bounds by clocks inside and around, which hold however late a thread is woken.
TEST(Prefetch, WaitsAsLongAsPreparingTakes) {
  Clock::time_point first, last;
  const ToyStage stage([&](const StepPart& part) {
    if (part.step != 0) return;
    if (part.part == 0) first = Clock::now();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    last = Clock::now();
  });
  Prefetcher prefetcher(stage, {0, 1}, 2);
  const auto before = Clock::now();
  prefetcher.take(0);
  const double around = seconds(Clock::now() - before);
  EXPECT_GE(seconds(last - first), 0.1) << "two parts of 50 ms";
  EXPECT_GE(prefetcher.waited_s(), seconds(last - first));
  EXPECT_LE(prefetcher.waited_s(), around);
}

// Each step takes 20 ms, and is taken when that is over. One take can be unlucky on a busy machine; of ten the shortest
// counts.
TEST(Prefetch, DoesNotWaitForWhatIsReady) {
  std::array<std::promise<void>, 11> ready;
  const ToyStage stage([&](const StepPart& part) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ready[static_cast<std::size_t>(part.step)].set_value();
  });
  Prefetcher prefetcher(stage, {0}, static_cast<std::int64_t>(ready.size()));
  prefetcher.take(0);
  EXPECT_GE(prefetcher.waited_s(), 0.02);
  double shortest = std::numeric_limits<double>::infinity();
  for (std::size_t step = 1; step < ready.size(); ++step) {
    ASSERT_EQ(ready[step].get_future().wait_for(kPatience), std::future_status::ready) << step;
    prefetcher.take(static_cast<std::int64_t>(step));
    shortest = std::min(shortest, prefetcher.waited_s());
  }
  EXPECT_LT(shortest, 0.01);
}

TEST(Prefetch, PassesOnWhatPreparingThrew) {
  const ToyStage stage([](const StepPart& part) {
    if (part.step == 2) throw InputError("shard", "", "is lost");
  });
  Prefetcher prefetcher(stage, {0}, 4);
  expect_data_of(0, {0}, prefetcher.take(0));
  expect_data_of(1, {0}, prefetcher.take(1));  // step 2 fails meanwhile
  EXPECT_THAT([&] { prefetcher.take(2); }, ThrowsMessage<InputError>(HasSubstr("is lost")));
  Prefetcher other(stage, {0}, 4);
  other.take(1);  // a failure that nobody asks for harms nobody
}

}  // namespace
}  // namespace bitemark::model
