// What the library says of itself and of its results.
#include <algorithm>
#include <array>
#include <cstddef>

#include "aegis/client.h"
#include "aegis/version.h"
#include "agent/client/last_error.hpp"

namespace aegis::client {
namespace {

constexpr std::size_t kLongestText = 1024;
// Zeroed, and without a destructor: a thread's end costs nothing.
thread_local std::array<char, kLongestText> t_last_error;

constexpr bool continues_character(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

}  // namespace

std::int32_t fail(std::int32_t code, std::string_view text) noexcept {
    std::size_t bytes = std::min(text.size(), kLongestText - 1);
    // A character is whole or not there.
    while (bytes < text.size() && bytes > 0 && continues_character(text[bytes])) {
        --bytes;
    }
    std::copy_n(text.begin(), bytes, t_last_error.begin());
    t_last_error[bytes] = '\0';
    return code;
}

}  // namespace aegis::client

const char* aegis_last_error() noexcept {
    return aegis::client::t_last_error.data();
}

const char* aegis_strerror(std::int32_t result) noexcept {
    switch (result) {
        case AEGIS_INTERRUPTED:
            return "interrupted";
        case AEGIS_STOPPING:
            return "the driver is being stopped";
        case AEGIS_GONE:
            return "the driver went away";
        case AEGIS_NO_ANSWER:
            return "the driver did not answer in time";
        case AEGIS_ERROR_ARGUMENT:
            return "an argument makes no sense";
        case AEGIS_ERROR_NO_DRIVER:
            return "no driver is there";
        case AEGIS_ERROR_ACCESS:
            return "access denied";
        case AEGIS_ERROR_NOT_AEGIS:
            return "the device is no AegisMon";
        case AEGIS_ERROR_NOT_A_HOST:
            return "what listens there is no aegismon-host";
        case AEGIS_ERROR_VERSION:
            return "driver and library are of different releases";
        case AEGIS_ERROR_UNSUPPORTED:
            return "not possible with this client";
        case AEGIS_ERROR_FORKED:
            return "the client belongs to another process";
        case AEGIS_ERROR_RESOURCES:
            return "out of memory, descriptors or threads";
        case AEGIS_ERROR_FAILED:
            return "the driver or the system refused";
        case AEGIS_ERROR_NOT_LOADED:
            return "the host runs without its driver";
        default:
            return result >= 0 ? "no error" : "no result of this library";
    }
}

std::uint32_t aegis_version() noexcept {
    return std::uint32_t{AEGIS_VERSION_MAJOR} << 24U | std::uint32_t{AEGIS_VERSION_MINOR} << 16U |
           std::uint32_t{AEGIS_VERSION_PATCH};
}
