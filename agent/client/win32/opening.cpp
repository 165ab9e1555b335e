#include "agent/client/win32/opening.hpp"

#include <thread>

namespace aegis::client {
namespace {

UniqueHandle this_thread() {
    HANDLE thread = nullptr;
    DuplicateHandle(GetCurrentProcess(), GetCurrentThread(), GetCurrentProcess(), &thread, 0, FALSE,
                    DUPLICATE_SAME_ACCESS);
    return UniqueHandle(thread);
}

// Cancels what `opener` waits for in the system, until `opened` is set: the first attempt may come before the wait.
void cancel_until(HANDLE opener, HANDLE opened) {
    constexpr DWORD kTryAgainMs = 50;
    do {
        CancelSynchronousIo(opener);
    } while (WaitForSingleObject(opened, kTryAgainMs) == WAIT_TIMEOUT);
}

}  // namespace

Opened open_overlapped(const std::wstring& path, const Interrupts& interrupts, std::chrono::nanoseconds limit) {
    const UniqueHandle opened(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    const UniqueHandle opener = this_thread();
    if (!opened || !opener) {
        return {UniqueHandle(), GetLastError()};
    }
    DWORD given_up = ERROR_SUCCESS;
    std::jthread watch([&] {
        const DWORD first = interrupts.wait(opened.get(), limit);
        if (first != WAIT_OBJECT_0) {
            given_up = first == WAIT_TIMEOUT ? ERROR_TIMEOUT : ERROR_OPERATION_ABORTED;
            cancel_until(opener.get(), opened.get());
        }
    });
    Opened result;
    result.handle.reset(CreateFileW(path.c_str(), GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                    nullptr, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, nullptr));
    const DWORD error = result.handle ? ERROR_SUCCESS : GetLastError();
    SetEvent(opened.get());
    watch.join();
    result.error = error == ERROR_OPERATION_ABORTED && given_up != ERROR_SUCCESS ? given_up : error;
    return result;
}

}  // namespace aegis::client
