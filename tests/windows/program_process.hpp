// A program we ship as a person runs it: a process with its output captured.
#pragma once

#include <windows.h>

#include <string>

namespace aegis::windows_test {

struct ProgramResult {
    DWORD exit_code;
    std::string output;  // stdout
    std::string errors;  // stderr
};

class ProgramProcess {
  public:
    // Starts a program that lies beside this one; throws std::system_error when that fails.
    ProgramProcess(const std::string& file_name, const std::string& arguments);
    // Ends a program that still runs.
    ~ProgramProcess();

    ProgramProcess(const ProgramProcess&) = delete;
    ProgramProcess& operator=(const ProgramProcess&) = delete;

    // Waits for its end; a program that does not end within two minutes is ended, with exit code kTimedOut.
    ProgramResult wait();

    static constexpr DWORD kTimedOut = 0xDEAD;

  private:
    std::string output_path_;
    std::string errors_path_;
    HANDLE process_;
};

}  // namespace aegis::windows_test
