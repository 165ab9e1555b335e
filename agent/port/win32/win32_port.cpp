#include <windows.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <system_error>

#include "agent/app/log.hpp"
#include "agent/client/win32/error_text.hpp"
#include "agent/client/win32/interrupts.hpp"
#include "agent/client/win32/unique_handle.hpp"
#include "agent/client/win32/utf8.hpp"
#include "agent/format/timestamp.hpp"
#include "agent/port/port.hpp"
#include "agent/port/win32/dos_devices.hpp"

namespace aegis::agent {
namespace {

using client::describe_windows_error;
using client::to_utf8;
using client::UniqueHandle;

// What the console's handler, which runs in a thread of its own, may touch. The handle is written before the handler is
// installed and read by it only; the flag says nothing about other memory: relaxed.
HANDLE g_interrupt = nullptr;
std::atomic<bool> g_stop_requested{false};
// Set when main is about to return: Windows ends the process as soon as the handler of a closed console returns.
HANDLE g_finished = nullptr;

BOOL WINAPI on_console_event(DWORD event) {
    g_stop_requested.store(true, std::memory_order_relaxed);
    SetEvent(g_interrupt);
    if (event == CTRL_CLOSE_EVENT || event == CTRL_LOGOFF_EVENT || event == CTRL_SHUTDOWN_EVENT) {
        WaitForSingleObject(g_finished, INFINITE);
    }
    return TRUE;
}

// Little enough that a slow reader's progress shows.
constexpr std::size_t kMostBytesPerWrite = std::size_t{16} << 10U;

UniqueHandle create_manual_reset_event() {
    UniqueHandle event(CreateEventW(nullptr, TRUE, FALSE, nullptr));
    if (!event) {
        throw std::system_error(static_cast<int>(GetLastError()), std::system_category(), "cannot create an event");
    }
    return event;
}

UniqueHandle this_thread() {
    HANDLE thread = nullptr;
    DuplicateHandle(GetCurrentProcess(), GetCurrentThread(), GetCurrentProcess(), &thread, 0, FALSE,
                    DUPLICATE_SAME_ACCESS);
    return UniqueHandle(thread);
}

std::int64_t from_filetime(const FILETIME& time) {
    return static_cast<std::int64_t>(std::uint64_t{time.dwHighDateTime} << 32U | time.dwLowDateTime);
}

FILETIME to_filetime(std::int64_t time) {
    return {static_cast<DWORD>(time), static_cast<DWORD>(static_cast<std::uint64_t>(time) >> 32U)};
}

// Where the next byte of a file goes; -1 for anything else.
LONGLONG position(HANDLE file) {
    LARGE_INTEGER place = {};
    return SetFilePointerEx(file, {}, &place, FILE_CURRENT) ? place.QuadPart : -1;
}

class Win32Port final : public Port {
  public:
    Win32Port();
    ~Win32Port() override;
    Win32Port(const Win32Port&) = delete;
    Win32Port& operator=(const Win32Port&) = delete;

    std::optional<Failure> open_driver(const DeviceChoice& choice, aegis_options options, const Patience& patience,
                                       Log& log, Client& client) override;
    std::optional<Failure> close_driver() override;
    void interrupt_by(std::uint64_t signal) override {
        stop_ = reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(signal));
    }

    WriteResult write_output(std::string_view text) override;
    bool take_back_output(std::size_t bytes) override;
    void abandon_output() override;
    void interrupt() override { SetEvent(interrupt_.get()); }
    InterruptStatus wait_interrupt(Timeout timeout) override;
    bool stop_requested() const override { return g_stop_requested.load(std::memory_order_relaxed); }
    std::int64_t system_time() const override;
    std::int32_t utc_offset(std::int64_t filetime) const override;
    std::string host_name() const override;
    std::unique_ptr<DosPaths> dos_paths() const override { return std::make_unique<DosPaths>(query_dos_prefixes); }
    UserName user_name(std::span<const std::byte> sid) const override;

  private:
    UniqueHandle interrupt_ = create_manual_reset_event();
    UniqueHandle finished_ = create_manual_reset_event();
    HANDLE stop_ = nullptr;  // the client's
    const HANDLE stdout_ = GetStdHandle(STD_OUTPUT_HANDLE);
    const UINT console_code_page_ = GetConsoleOutputCP();
    // Of a file: where it ended after the last write, when that could not write all. The next one fails, most likely.
    LONGLONG end_of_piece_ = -1;
    std::mutex writer_mutex_;
    UniqueHandle writer_;     // the thread inside WriteFile; guarded by writer_mutex_
    bool abandoned_ = false;  // guarded by writer_mutex_
};

Win32Port::Win32Port() {
    g_interrupt = interrupt_.get();
    g_finished = finished_.get();
    SetConsoleOutputCP(CP_UTF8);
    SetConsoleCtrlHandler(on_console_event, TRUE);
}

Win32Port::~Win32Port() {
    SetConsoleOutputCP(console_code_page_);
    SetEvent(finished_.get());
    SetConsoleCtrlHandler(on_console_event, FALSE);
}

std::optional<Failure> Win32Port::open_driver(const DeviceChoice& choice, aegis_options options,
                                              const Patience& patience, Log& /*log*/, Client& client) {
    options.device = choice.path.empty() ? nullptr : choice.path.c_str();
    options.open_ms = patience.open_ms();
    options.flags |= AEGIS_OPTION_INTERRUPT;
    options.interrupt = reinterpret_cast<std::uintptr_t>(interrupt_.get());
    aegis_client* opened = nullptr;
    const std::int32_t result = aegis_open(&options, &opened);
    client.reset(opened);
    return result == AEGIS_OK ? std::nullopt : std::optional(client_failure(result));
}

std::optional<Failure> Win32Port::close_driver() {
    stop_ = nullptr;
    return std::nullopt;
}

WriteResult Win32Port::write_output(std::string_view text) {
    // Whole lines: a console takes no half of a UTF-8 sequence.
    const std::size_t end = text.rfind('\n', kMostBytesPerWrite);
    if (end != std::string_view::npos) {
        text = text.substr(0, end + 1);
    }
    {
        const std::scoped_lock lock(writer_mutex_);
        if (abandoned_) {
            return {WriteStatus::kAbandoned, 0, {}};
        }
        writer_ = this_thread();
    }
    DWORD written = 0;
    const BOOL done = WriteFile(stdout_, text.data(), static_cast<DWORD>(text.size()), &written, nullptr);
    const DWORD error = done ? ERROR_SUCCESS : GetLastError();
    {
        const std::scoped_lock lock(writer_mutex_);
        writer_.reset();
    }
    if (written != 0 && written < text.size()) {
        end_of_piece_ = position(stdout_);
        return {WriteStatus::kWritten, written, {}};
    }
    switch (error) {
        case ERROR_SUCCESS:
            return {WriteStatus::kWritten, written, {}};
        case ERROR_BROKEN_PIPE:
        case ERROR_NO_DATA:
        case ERROR_PIPE_NOT_CONNECTED:
            return {WriteStatus::kClosed, 0, {}};
        case ERROR_OPERATION_ABORTED:
            return {WriteStatus::kAbandoned, 0, {}};
        default:
            return {WriteStatus::kFailed, 0, describe_windows_error(error)};
    }
}

// Another program may write to the same file: what it wrote since stays.
bool Win32Port::take_back_output(std::size_t bytes) {
    const auto length = static_cast<LONGLONG>(bytes);
    LARGE_INTEGER size = {};
    if (GetFileType(stdout_) != FILE_TYPE_DISK || end_of_piece_ < length || position(stdout_) != end_of_piece_ ||
        !GetFileSizeEx(stdout_, &size) || size.QuadPart != end_of_piece_) {
        return false;
    }
    LARGE_INTEGER end = {};
    end.QuadPart = end_of_piece_ - length;
    if (SetFilePointerEx(stdout_, end, nullptr, FILE_BEGIN) && SetEndOfFile(stdout_)) {
        return true;
    }
    // Whoever shares the handle goes on behind what is there.
    SetFilePointerEx(stdout_, size, nullptr, FILE_BEGIN);
    return false;
}

void Win32Port::abandon_output() {
    const std::scoped_lock lock(writer_mutex_);
    abandoned_ = true;
    if (writer_) {
        CancelSynchronousIo(writer_.get());
    }
}

InterruptStatus Win32Port::wait_interrupt(Timeout timeout) {
    const DWORD result = client::Interrupts({interrupt_.get(), stop_}).wait(nullptr, timeout);
    return result == WAIT_TIMEOUT ? InterruptStatus::kTimeout : InterruptStatus::kInterrupted;
}

std::int64_t Win32Port::system_time() const {
    FILETIME now;
    GetSystemTimePreciseAsFileTime(&now);
    return from_filetime(now);
}

std::int32_t Win32Port::utc_offset(std::int64_t filetime) const {
    const FILETIME time = to_filetime(filetime);
    SYSTEMTIME utc;
    SYSTEMTIME local;
    FILETIME local_time;
    // Both ways through whole milliseconds, so that their difference is exact. The rules are those of that year.
    FILETIME utc_time;
    if (!FileTimeToSystemTime(&time, &utc) || !SystemTimeToTzSpecificLocalTime(nullptr, &utc, &local) ||
        !SystemTimeToFileTime(&utc, &utc_time) || !SystemTimeToFileTime(&local, &local_time)) {
        return 0;
    }
    return static_cast<std::int32_t>((from_filetime(local_time) - from_filetime(utc_time)) / kFileTimePerSecond);
}

std::string Win32Port::host_name() const {
    constexpr DWORD kMostUnits = 256;
    wchar_t name[kMostUnits];
    DWORD units = kMostUnits;
    return GetComputerNameExW(ComputerNameDnsHostname, name, &units) ? to_utf8({name, units}) : "unknown";
}

UserName Win32Port::user_name(std::span<const std::byte> sid) const {
    // Longer names do not exist: an account's has at most 20 units, a domain's at most 255.
    constexpr DWORD kMostUnits = 512;
    wchar_t name[kMostUnits];
    wchar_t domain[kMostUnits];
    DWORD name_units = kMostUnits;
    DWORD domain_units = kMostUnits;
    SID_NAME_USE use = SidTypeUnknown;
    // Aligned as Windows wants it, and whole: it takes the SID's own word for its length.
    alignas(SID) std::array<std::byte, SECURITY_MAX_SID_SIZE> bytes = {};
    std::copy_n(sid.begin(), std::min(sid.size(), bytes.size()), bytes.begin());
    if (!IsValidSid(bytes.data()) || GetLengthSid(bytes.data()) > sid.size() ||
        !LookupAccountSidW(nullptr, bytes.data(), name, &name_units, domain, &domain_units, &use)) {
        return {};
    }
    return {to_utf8({name, name_units}), to_utf8({domain, domain_units})};
}

}  // namespace

std::unique_ptr<Port> make_port() {
    return std::make_unique<Win32Port>();
}

void write_diagnostic(std::string_view line) {
    write_to_stderr(line);
}

const PlatformFacts& platform_facts() {
    static constexpr PlatformFacts kFacts = {
        .program = "AegisAgent",
        .device_help = R"(The driver's device [\\.\AegisMon])",
        .examples = R"(Examples:
  AegisAgent                                    follow process starts and ends until Ctrl-C
  AegisAgent --output ndjson --duration 20      twenty seconds of Elastic Common Schema
  AegisAgent --output ndjson --stats > events.ndjson
                                                into a file, with a progress line a second
  AegisAgent --from now --count 10              the next ten events

Run it in an elevated console, with AegisMon loaded (install.ps1).
Stdout carries events only; everything else goes to stderr.

Exit codes:
  0 finished as asked    1 runtime failure      2 usage
  3 driver absent or access denied              4 protocol mismatch
  5 --fail-on-loss, and something was lost      6 the driver went away
  7 the driver did not answer in time
)",
        .longest_device_path = 32'767,
        .embedded_host = false,
    };
    return kFacts;
}

}  // namespace aegis::agent
