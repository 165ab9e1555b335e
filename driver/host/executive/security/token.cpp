#include "driver/host/executive/security/token.hpp"

#include <algorithm>
#include <cstring>

namespace aegis::host {
namespace {

constexpr SID_IDENTIFIER_AUTHORITY kNtAuthority = {SECURITY_NT_AUTHORITY};
constexpr SID_IDENTIFIER_AUTHORITY kWorldAuthority = {SECURITY_WORLD_SID_AUTHORITY};
constexpr ULONG kAuthenticatedUsersRid = 11;

// An ordinary account of some domain, as an interactive user has.
SidBytes some_user_sid(ULONG relative_id) {
    return make_sid(kNtAuthority, {21, 1004336348, 1177238915, 682003330, relative_id});
}

}  // namespace

SidBytes make_sid(const SID_IDENTIFIER_AUTHORITY& authority, std::initializer_list<ULONG> sub_authorities) {
    SidBytes bytes(FIELD_OFFSET(SID, SubAuthority) + sub_authorities.size() * sizeof(ULONG));
    bytes[0] = SID_REVISION;
    bytes[1] = static_cast<unsigned char>(sub_authorities.size());
    std::memcpy(&bytes[FIELD_OFFSET(SID, IdentifierAuthority)], authority.Value, sizeof(authority.Value));
    std::memcpy(&bytes[FIELD_OFFSET(SID, SubAuthority)], sub_authorities.begin(),
                sub_authorities.size() * sizeof(ULONG));
    return bytes;
}

ULONG sid_length(const void* sid) {
    const auto* bytes = static_cast<const unsigned char*>(sid);
    if (bytes[0] != SID_REVISION || bytes[1] > SID_MAX_SUB_AUTHORITIES) {
        return 0;
    }
    return static_cast<ULONG>(FIELD_OFFSET(SID, SubAuthority)) + bytes[1] * sizeof(ULONG);
}

const SidBytes& everyone_sid() {
    static const SidBytes sid = make_sid(kWorldAuthority, {SECURITY_WORLD_RID});
    return sid;
}

const SidBytes& local_system_sid() {
    static const SidBytes sid = make_sid(kNtAuthority, {SECURITY_LOCAL_SYSTEM_RID});
    return sid;
}

const SidBytes& administrators_sid() {
    static const SidBytes sid = make_sid(kNtAuthority, {SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS});
    return sid;
}

const SidBytes& users_sid() {
    static const SidBytes sid = make_sid(kNtAuthority, {SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_USERS});
    return sid;
}

bool Token::contains(const void* sid) const {
    const ULONG length = sid_length(sid);
    return std::any_of(sids.begin(), sids.end(), [&](const SidBytes& own) {
        return own.size() == length && std::memcmp(own.data(), sid, length) == 0;
    });
}

const Token& token_of(Account account) {
    static const SidBytes authenticated = make_sid(kNtAuthority, {kAuthenticatedUsersRid});
    constexpr ULONG kDefault = 1;
    constexpr ULONG kFull = 2;
    constexpr ULONG kMedium = 0x2000;
    constexpr ULONG kHigh = 0x3000;
    constexpr ULONG kSystem = 0x4000;
    static const Token system{.sids = {local_system_sid(), administrators_sid(), everyone_sid(), authenticated},
                              .logon_id = {0x3E7, 0},
                              .session = 0,
                              .integrity = kSystem,
                              .elevation = kDefault};
    static const Token administrator{
        .sids = {some_user_sid(500), administrators_sid(), users_sid(), everyone_sid(), authenticated},
        .logon_id = {0x1F4C3, 0},
        .session = 1,
        .integrity = kHigh,
        .elevation = kFull};
    static const Token user{.sids = {some_user_sid(1001), users_sid(), everyone_sid(), authenticated},
                            .logon_id = {0x2A517, 0},
                            .session = 1,
                            .integrity = kMedium,
                            .elevation = kDefault};
    switch (account) {
        case Account::kSystem:
            return system;
        case Account::kAdministrator:
            return administrator;
        case Account::kUser:
            break;
    }
    return user;
}

std::shared_ptr<const Token> make_token(const ProcessUser& user) {
    auto token = std::make_shared<Token>();
    token->sids.emplace_back(user.sid.begin(), user.sid.end());
    token->logon_id = {static_cast<ULONG>(user.logon_id), static_cast<LONG>(user.logon_id >> 32)};
    token->session = user.session;
    token->integrity = user.integrity;
    token->elevation = user.elevation;
    return token;
}

}  // namespace aegis::host
