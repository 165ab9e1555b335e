#include "channel/session_id.hpp"

namespace aegis::driver {
namespace {

constexpr unsigned kAttempts = 10;
constexpr LONGLONG kPause = LONGLONG{-20} * 10'000;  // 20 ms from now, in 100 ns

}  // namespace

NTSTATUS create_session_id(UUID* session) {
    NTSTATUS status = ExUuidCreate(session);
    for (unsigned attempt = 1; status == STATUS_RETRY && attempt < kAttempts; ++attempt) {
        LARGE_INTEGER pause;
        pause.QuadPart = kPause;
        KeDelayExecutionThread(KernelMode, FALSE, &pause);
        status = ExUuidCreate(session);
    }
    return status;
}

}  // namespace aegis::driver
