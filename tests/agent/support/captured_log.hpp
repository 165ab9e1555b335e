// What the agent would say on stderr.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "agent/app/log.hpp"

namespace aegis::test {

class CapturedLog final : public agent::Log {
  public:
    explicit CapturedLog(bool quiet = false) : Log("agent", quiet) {}

    std::vector<std::string> lines() const {
        const std::scoped_lock lock(mutex_);
        return lines_;
    }

    // How many lines hold `part`.
    std::size_t count(std::string_view part) const {
        const std::vector<std::string> all = lines();
        return static_cast<std::size_t>(std::count_if(
            all.begin(), all.end(), [part](const std::string& line) { return line.find(part) != std::string::npos; }));
    }

    // False when no line with `part` has come after a generous time.
    bool wait_for(std::string_view part) const {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (count(part) == 0) {
            if (std::chrono::steady_clock::now() > deadline) {
                return false;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return true;
    }

    // Everything, for a failed test's message.
    std::string text() const {
        std::string text;
        for (const std::string& line : lines()) {
            text += line + "\n";
        }
        return text;
    }

  protected:
    void write_line(std::string_view line) override {
        const std::scoped_lock lock(mutex_);
        lines_.emplace_back(line);
    }

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
};

}  // namespace aegis::test
