// AegisAgent.exe as a person runs it: a process with its output captured.
#pragma once

#include <windows.h>

#include <string>

namespace aegis::windows_test {

struct AgentResult {
    DWORD exit_code;
    std::string output;  // stdout
    std::string errors;  // stderr
};

class AgentProcess {
  public:
    // Starts the agent that lies beside this program; throws std::system_error when that fails.
    explicit AgentProcess(const std::string& arguments);
    // Ends an agent that still runs.
    ~AgentProcess();

    AgentProcess(const AgentProcess&) = delete;
    AgentProcess& operator=(const AgentProcess&) = delete;

    // Waits for its end; an agent that does not end within a minute is ended, with exit code kTimedOut.
    AgentResult wait();

    static constexpr DWORD kTimedOut = 0xDEAD;

  private:
    std::string output_path_;
    std::string errors_path_;
    HANDLE process_;
};

// Runs the agent to its end.
AgentResult run_agent(const std::string& arguments);

}  // namespace aegis::windows_test
