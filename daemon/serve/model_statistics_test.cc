#include "daemon/serve/model_statistics.h"

#include <chrono>

#include "test/catch/catch.h"

namespace layerd {
namespace {

using std::chrono::milliseconds;

inference::ModelStatistics Told(const ModelCounts& counts) {
  inference::ModelStatistics statistics;
  Describe(counts, &statistics);
  return statistics;
}

TEST_CASE("What a success took adds up, and nothing of it counts twice") {
  ModelCounts counts;
  JobStats stats;
  stats.queued = milliseconds(30);  // Since the arrival.
  stats.computing = milliseconds(100);

  counts.Note(/*ok=*/true, stats, /*input=*/milliseconds(20),
              /*total=*/milliseconds(135));

  const inference::ModelStatistics told = Told(counts);
  const inference::InferStatistics& all = told.inference_stats();
  CHECK(all.success().ns() == 135'000'000);
  CHECK(all.compute_input().ns() == 20'000'000);
  CHECK(all.queue().ns() == 10'000'000);
  CHECK(all.compute_infer().ns() == 100'000'000);
  CHECK(all.compute_output().ns() == 5'000'000);
  CHECK(told.inference_count() == 1);
  CHECK(all.fail().count() == 0);
}

// Whoever answers is in the middle of counting.
TEST_CASE("Of requests that are counted just now all counts are the same") {
  ModelCounts counts;
  counts.Note(/*ok=*/true, {}, milliseconds(1), milliseconds(5));
  counts.success.Add(milliseconds(5));
  counts.queue.Add(milliseconds(1));
  counts.input.Add(milliseconds(1));

  const inference::ModelStatistics told = Told(counts);
  const inference::InferStatistics& all = told.inference_stats();
  CHECK(told.inference_count() == 1);
  for (const auto& duration :
       {all.success(), all.queue(), all.compute_input(), all.compute_infer(),
        all.compute_output(), told.batch_stats(0).compute_input(),
        told.batch_stats(0).compute_infer()}) {
    CHECK(duration.count() == 1);
  }
}

}  // namespace
}  // namespace layerd
