// A session in a thread of its own, so that the test can be driver and user.
#pragma once

#include <string>
#include <thread>
#include <vector>

#include "agent/app/session.hpp"
#include "support/captured_log.hpp"
#include "support/fake_system.hpp"

namespace aegis::test {

class SessionRun {
  public:
    SessionRun(FakeSystem& system, const agent::Options& options)
        : system_(&system),
          log_(options.quiet),
          thread_([this, options] { code_ = agent::run_session(system_->port(), log_, options); }) {}

    ~SessionRun() {
        if (thread_.joinable()) {
            system_->request_stop();
            thread_.join();
        }
    }
    SessionRun(const SessionRun&) = delete;
    SessionRun& operator=(const SessionRun&) = delete;

    // The session ends on its own.
    agent::ExitCode wait() {
        thread_.join();
        return code_;
    }

    agent::ExitCode stop() {
        system_->request_stop();
        return wait();
    }

    const CapturedLog& log() const { return log_; }

    // After the end: the summary line.
    std::string summary() const {
        for (const std::string& line : log_.lines()) {
            if (line.starts_with("summary: ")) {
                return line;
            }
        }
        return {};
    }

  private:
    FakeSystem* system_;
    CapturedLog log_;
    agent::ExitCode code_ = agent::ExitCode::kFinished;
    std::thread thread_;  // last: it uses the others
};

}  // namespace aegis::test
