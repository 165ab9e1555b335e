#include "program_process.hpp"

#include <fstream>
#include <iterator>
#include <system_error>

#include "driver_service.hpp"

namespace aegis::windows_test {
namespace {

constexpr DWORD kPatienceMilliseconds = 120'000;

[[noreturn]] void fail(const std::string& call) {
    throw std::system_error(static_cast<int>(GetLastError()), std::system_category(), call);
}

std::string temporary_path(const char* prefix) {
    char folder[MAX_PATH];
    char path[MAX_PATH];
    if (GetTempPathA(MAX_PATH, folder) == 0 || GetTempFileNameA(folder, prefix, 0, path) == 0) {
        fail("GetTempFileName");
    }
    return path;
}

// A file and not a pipe: a pipe that nobody reads would hold the program up.
HANDLE create_inheritable(const std::string& path) {
    SECURITY_ATTRIBUTES inherit{sizeof(inherit), nullptr, TRUE};
    const HANDLE file = CreateFileA(path.c_str(), GENERIC_WRITE, FILE_SHARE_READ, &inherit, CREATE_ALWAYS,
                                    FILE_ATTRIBUTE_TEMPORARY, nullptr);
    if (file == INVALID_HANDLE_VALUE) {
        fail("CreateFile " + path);
    }
    return file;
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

ProgramProcess::ProgramProcess(const std::string& file_name, const std::string& arguments)
    : output_path_(temporary_path("out")), errors_path_(temporary_path("err")) {
    std::string command = "\"";
    command += sibling(file_name) + "\" " + arguments;
    STARTUPINFOA startup{};
    startup.cb = sizeof(startup);
    startup.dwFlags = STARTF_USESTDHANDLES;
    startup.hStdOutput = create_inheritable(output_path_);
    startup.hStdError = create_inheritable(errors_path_);
    PROCESS_INFORMATION process{};
    const BOOL started =
        CreateProcessA(nullptr, command.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &startup, &process);
    const DWORD error = GetLastError();
    CloseHandle(startup.hStdOutput);
    CloseHandle(startup.hStdError);
    if (!started) {
        SetLastError(error);
        fail("CreateProcess " + command);
    }
    CloseHandle(process.hThread);
    process_ = process.hProcess;
}

ProgramProcess::~ProgramProcess() {
    TerminateProcess(process_, kTimedOut);
    WaitForSingleObject(process_, INFINITE);
    CloseHandle(process_);
    DeleteFileA(output_path_.c_str());
    DeleteFileA(errors_path_.c_str());
}

ProgramResult ProgramProcess::wait() {
    if (WaitForSingleObject(process_, kPatienceMilliseconds) != WAIT_OBJECT_0) {
        TerminateProcess(process_, kTimedOut);
        WaitForSingleObject(process_, INFINITE);
    }
    ProgramResult result{};
    GetExitCodeProcess(process_, &result.exit_code);
    result.output = read_file(output_path_);
    result.errors = read_file(errors_path_);
    return result;
}

}  // namespace aegis::windows_test
