#include "loader/store/crc32c.h"

#include <sys/mman.h>

#include <random>
#include <string>
#include <vector>

#include "test/catch/catch.h"

namespace layerd {
namespace {

std::span<const std::byte> BytesOf(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// The definition, bit by bit: the reflected polynomial 0x1EDC6F41.
uint32_t Crc32cByBits(std::span<const std::byte> bytes) {
  uint32_t crc = ~0u;
  for (const std::byte byte : bytes) {
    crc ^= static_cast<uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ (crc & 1 ? 0x82F63B78u : 0);
    }
  }
  return ~crc;
}

TEST_CASE("Crc32c gives the values that iSCSI publishes") {
  std::string ascending;
  for (char c = 0; c < 32; ++c) ascending += c;

  CHECK(Crc32c(BytesOf("123456789")) == 0xE3069283u);
  CHECK(Crc32c(BytesOf(std::string(32, '\0'))) == 0x8A9136AAu);
  CHECK(Crc32c(BytesOf(std::string(32, '\xFF'))) == 0x62A8AB43u);
  CHECK(Crc32c(BytesOf(ascending)) == 0x46DD794Eu);
  CHECK(Crc32c({}) == 0);
}

TEST_CASE("Crc32c equals its definition at any length and place") {
  const uint32_t seed = GENERATE(range(0u, 100u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(random() % 5000);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  const size_t skipped_bytes = std::min<size_t>(bytes.size(), random() % 64);
  const auto some = std::span<const std::byte>(bytes).subspan(skipped_bytes);

  CHECK(Crc32c(some) == Crc32cByBits(some));
}

TEST_CASE("Crc32c of two pieces is that of the whole, wherever they meet") {
  const std::string text = "One byte more or less, the sum is the same.";
  const auto bytes = BytesOf(text);

  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    INFO("cut at " << cut);
    CHECK(ExtendCrc32c(Crc32c(bytes.first(cut)), bytes.subspan(cut)) ==
          Crc32c(bytes));
  }
}

// ISA-L counts in int, so one call cannot take this much.
TEST_CASE("Crc32c takes more than 2 GiB") {
  constexpr size_t kBytes = (size_t{2} << 30) + 12345;
  void* memory = mmap(nullptr, kBytes, PROT_READ,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  const std::span zeros(static_cast<const std::byte*>(memory), kBytes);
  uint32_t expected = 0;
  for (size_t done = 0; done < kBytes;) {
    const size_t piece_bytes = std::min<size_t>(100'000'000, kBytes - done);
    expected = ExtendCrc32c(expected, zeros.subspan(done, piece_bytes));
    done += piece_bytes;
  }

  CHECK(Crc32c(zeros) == expected);
  munmap(memory, kBytes);
}

}  // namespace
}  // namespace layerd
