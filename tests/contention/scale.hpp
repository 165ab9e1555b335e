// How much work a test does: less where a sanitizer makes every access many times slower.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace aegis::test {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr std::uint64_t kSlowdown = 10;
#else
inline constexpr std::uint64_t kSlowdown = 1;
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr std::uint64_t kSlowdown = 10;
#else
inline constexpr std::uint64_t kSlowdown = 1;
#endif

constexpr std::uint64_t scaled(std::uint64_t count) {
    return count / kSlowdown;
}

// The number that the environment gives, or the scaled default: long runs set it.
inline std::uint64_t count_from_environment(const char* name, std::uint64_t otherwise) {
    const char* given = std::getenv(name);
    return given != nullptr ? std::strtoull(given, nullptr, 0) : scaled(otherwise);
}

}  // namespace aegis::test
