// SeExports: well-known SIDs and privileges.
#include <ntifs.h>

#include "driver/host/executive/security/token.hpp"

namespace aegis::host {
namespace {

PSID pointer(const SidBytes& sid) {
    return const_cast<unsigned char*>(sid.data());
}

// Only the SIDs that this executive's tokens and descriptors know; the others are null, as all are under some
// reimplementations of NT.
SE_EXPORTS make_exports() {
    SE_EXPORTS exports{};
    exports.SeWorldSid = pointer(everyone_sid());
    exports.SeLocalSystemSid = pointer(local_system_sid());
    exports.SeAliasAdminsSid = pointer(administrators_sid());
    exports.SeAliasUsersSid = pointer(users_sid());
    return exports;
}

SE_EXPORTS exported = make_exports();

}  // namespace
}  // namespace aegis::host

extern "C" {
PSE_EXPORTS SeExports = &aegis::host::exported;
}
