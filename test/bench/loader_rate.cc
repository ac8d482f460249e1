// Does the loader read as fast as the drive can, and at what cost?
//
// Streams a layer file through a ring, over and over in one job, and computes
// nothing: every extent is released as soon as it has arrived. Whoever does so
// looks all the time, as an executor that computes does between its parts: one
// that sleeps has to be woken for every extent, which is no cost of reading.
// The numbers to watch, beside those of fio with the same sizes (streaming.sh):
// 95 % of its rate, and at most 8 CPU-ms a GiB beside the checksums. fio has as
// much memory as it has in flight, and never looks at it. So there are two
// rates between its and ours: of the same engine in a loop, through the memory
// of a ring (plain), and of one that checks each read as it comes (bare).
//
//   bazel run -c opt //test/bench:loader_rate -- FILE.layers RING_BYTES
//       READ_BYTES DEPTH SECONDS
#include <pthread.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "config/check.h"
#include "daemon/rt/loader_cpu.h"
#include "loader/io/open_io_engine.h"
#include "loader/loader.h"
#include "loader/memory/slab.h"
#include "loader/memory/weight_ring.h"
#include "loader/store/crc32c.h"
#include "loader/store/layer_file_reader.h"
#include "loader/weight_stream.h"

namespace layerd {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr double kMiB = 1 << 20;
constexpr double kGiB = 1 << 30;

struct Settings {
  const char* file;
  uint64_t ring_bytes, read_bytes;
  size_t depth;
  Seconds time;
};

double CpuSeconds(clockid_t clock) {
  timespec time{};
  LAYERD_CHECK(clock_gettime(clock, &time) == 0);
  return static_cast<double>(time.tv_sec) +
         1e-9 * static_cast<double>(time.tv_nsec);
}

struct BareRate {
  double mib_s = 0;
  double cpu_ms_per_gib = 0;      // Beside checksums.
  double crc_cpu_ms_per_gib = 0;  // Of bytes that have just come.
};

// What the drive does for anyone: the engine alone, with as many reads in
// flight, round the same memory. Who checks does it with a read as a whole,
// while the next are under way.
BareRate ReadBarely(const LayerFileReader& file, const Settings& settings,
                    bool checks, std::span<std::byte> memory,
                    IoEngine* engine) {
  const uint64_t bytes = settings.read_bytes;
  const size_t slots = memory.size() / bytes;
  LAYERD_CHECK(slots > settings.depth, "the ring is too small");
  const uint64_t laps_bytes = file.file_bytes() / bytes * bytes;
  uint64_t submitted = 0, arrived = 0;
  const auto submit = [&] {
    engine->Submit({.fd = file.fd(),
                    .offset_bytes = submitted * bytes % laps_bytes,
                    .into = memory.subspan(submitted % slots * bytes, bytes),
                    .user_data = submitted % slots});
    ++submitted;
  };
  uint32_t sums = 0;
  double crc_seconds = 0;
  const double cpu_before = CpuSeconds(CLOCK_THREAD_CPUTIME_ID);
  const auto begin = Clock::now();
  while (submitted < settings.depth) submit();
  while (arrived < submitted) {
    ReadCompletion one;
    if (engine->Reap({&one, 1}, /*wait=*/true) == 0) continue;
    if (Clock::now() - begin < settings.time) submit();
    engine->Reap({}, /*wait=*/false);
    ++arrived;
    if (!checks) continue;
    const double before = CpuSeconds(CLOCK_THREAD_CPUTIME_ID);
    sums ^= Crc32c(memory.subspan(one.user_data * bytes, bytes));
    crc_seconds += CpuSeconds(CLOCK_THREAD_CPUTIME_ID) - before;
  }
  LAYERD_CHECK(sums != 1);  // It is used.
  const auto all = static_cast<double>(arrived * bytes);
  const double cpu_seconds = CpuSeconds(CLOCK_THREAD_CPUTIME_ID) - cpu_before;
  return {.mib_s = all / kMiB / Seconds(Clock::now() - begin).count(),
          .cpu_ms_per_gib = 1e3 * (cpu_seconds - crc_seconds) / (all / kGiB),
          .crc_cpu_ms_per_gib = 1e3 * crc_seconds / (all / kGiB)};
}

// Ends when all is read, or after `time`.
void Stream(const StreamRequest& request, Seconds time, Loader* loader,
            WeightStream* stream) {
  loader->Start(stream, request);
  const auto begin = Clock::now();
  for (size_t i = 0; i < request.reads.size(); ++i) {
    while (!stream->Arrived(i)) {
      if (Clock::now() - begin > time) return loader->Stop(stream);
    }
    const auto bytes = stream->Wait(i);
    LAYERD_CHECK(bytes.ok(), std::string(bytes.status().message()));
    stream->Release(i);
  }
  loader->Stop(stream);
}

// All extents, as often as it takes that nobody reads so much in that time.
std::vector<StreamRead> ManyReads(const LayerFileReader& file, Seconds time) {
  const double bytes_max = 16 * kGiB * time.count();
  const size_t extents = file.extents().size();
  const auto laps = static_cast<size_t>(
      1 + bytes_max / static_cast<double>(file.stream().stored_bytes));
  std::vector<StreamRead> reads(laps * extents);
  for (size_t i = 0; i < reads.size(); ++i) {
    reads[i].extent = static_cast<uint32_t>(i % extents);
  }
  return reads;
}

struct LoaderRate {
  double mib_s = 0, cpu_ms_per_gib = 0, read_kib_mean = 0;
};

LoaderRate ReadByLoader(const LayerFileReader& file, const Settings& settings,
                        std::span<std::byte> memory, IoEngine* engine) {
  Loader loader(engine, {.reads_in_flight = settings.depth,
                         .read_bytes_max = settings.read_bytes});
  std::thread thread([&] {
    BecomeLoader(HasCpuForLoader(1));
    loader.Run();
  });
  clockid_t loader_clock;
  LAYERD_CHECK(pthread_getcpuclockid(thread.native_handle(), &loader_clock) ==
               0);
  const std::vector<StreamRead> reads = ManyReads(file, settings.time);
  WeightRing ring(memory);
  WeightStream stream(reads.size());
  const StreamRequest request{.file = &file, .reads = reads, .ring = &ring};
  Stream(request, settings.time / 10, &loader, &stream);
  const Loader::Stats before = loader.stats();
  const double cpu_before = CpuSeconds(loader_clock);
  const auto begin = Clock::now();
  Stream(request, settings.time, &loader, &stream);
  const double seconds = Seconds(Clock::now() - begin).count();
  const double cpu_seconds = CpuSeconds(loader_clock) - cpu_before;
  const auto bytes =
      static_cast<double>(loader.stats().read_bytes - before.read_bytes);
  const auto count = static_cast<double>(loader.stats().reads - before.reads);
  loader.Shutdown();
  thread.join();
  return {bytes / kMiB / seconds, 1e3 * cpu_seconds / (bytes / kGiB),
          bytes / count / 1024};
}

void Measure(const Settings& settings) {
  const auto file = LayerFileReader::Open(settings.file);
  LAYERD_CHECK(file.ok(), std::string(file.status().message()));
  const auto slab = Slab::Allocate(settings.ring_bytes);
  LAYERD_CHECK(slab.ok());
  const std::span<std::byte> memory = (*slab)->memory();
  // As a daemon has it.
  auto choice = OpenIoEngine(
      IoEngineKind::kAuto, settings.depth + LoaderOptions().lookups_in_flight);
  LAYERD_CHECK(choice.ok());
  if (!choice->engine->RegisterMemory(memory).ok()) {
    std::fprintf(stderr, "memory is not registered\n");
  }
  LeaveCpuToLoader();
  BareRate plain, bare;
  std::thread([&] {
    BecomeLoader(HasCpuForLoader(1));
    IoEngine* const engine = choice->engine.get();
    plain = ReadBarely(**file, settings, /*checks=*/false, memory, engine);
    bare = ReadBarely(**file, settings, /*checks=*/true, memory, engine);
  }).join();
  const LoaderRate rate =
      ReadByLoader(**file, settings, memory, choice->engine.get());
  std::printf(
      "{\"mib_s\": %.0f, \"cpu_ms_per_gib\": %.1f, \"crc_cpu_ms_per_gib\": "
      "%.1f, \"read_kib_mean\": %.0f, \"bare_mib_s\": %.0f, "
      "\"plain_mib_s\": %.0f, \"plain_cpu_ms_per_gib\": %.1f}\n",
      rate.mib_s, rate.cpu_ms_per_gib, bare.crc_cpu_ms_per_gib,
      rate.read_kib_mean, bare.mib_s, plain.mib_s, plain.cpu_ms_per_gib);
}

}  // namespace
}  // namespace layerd

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr,
                 "usage: loader_rate FILE.layers RING_BYTES READ_BYTES DEPTH "
                 "SECONDS\n");
    return 2;
  }
  const auto number = [&](int i) {
    return std::strtoull(argv[i], nullptr, 10);
  };
  layerd::Measure({argv[1], number(2), number(3), number(4),
                   layerd::Seconds(std::strtod(argv[5], nullptr))});
}
