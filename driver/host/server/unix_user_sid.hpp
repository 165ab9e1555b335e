// How a user of Unix appears as a user of NT: S-1-22-1 and the number, as Samba has it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace aegis::host::server {

// Revision, number of sub-authorities, authority of six bytes, two sub-authorities.
using UnixUserSid = std::array<unsigned char, 16>;

constexpr UnixUserSid unix_user_sid(std::uint32_t uid) {
    UnixUserSid sid = {1, 2, 0, 0, 0, 0, 0, 22, 1};
    for (std::size_t i = 0; i < sizeof(uid); ++i) {
        sid[12 + i] = static_cast<unsigned char>(uid >> (8 * i));
    }
    return sid;
}

}  // namespace aegis::host::server
