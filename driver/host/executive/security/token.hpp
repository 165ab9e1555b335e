// What a process may claim to be: the SIDs an access check compares.
#pragma once

#include <ntifs.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "driver/host/executive/executive.hpp"

namespace aegis::host {

using SidBytes = std::vector<unsigned char>;

SidBytes make_sid(const SID_IDENTIFIER_AUTHORITY& authority, std::initializer_list<ULONG> sub_authorities);
// Bytes of a SID, 0 when it is malformed.
ULONG sid_length(const void* sid);

const SidBytes& everyone_sid();        // S-1-1-0
const SidBytes& local_system_sid();    // S-1-5-18
const SidBytes& administrators_sid();  // S-1-5-32-544
const SidBytes& users_sid();           // S-1-5-32-545

struct Token {
    std::vector<SidBytes> sids;  // the user first, then groups; none: nobody can say
    LUID logon_id = {};
    ULONG session = 0;
    // NT always knows both.
    std::optional<ULONG> integrity = std::nullopt;  // SECURITY_MANDATORY_…_RID
    std::optional<ULONG> elevation = std::nullopt;  // TOKEN_ELEVATION_TYPE

    bool contains(const void* sid) const;
};

// One constant token for each account; PACCESS_TOKEN points to it.
const Token& token_of(Account account);

// The token of a process that a source of activity describes.
std::shared_ptr<const Token> make_token(const ProcessUser& user);

}  // namespace aegis::host
