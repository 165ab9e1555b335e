// What the agent says on stderr. Stdout carries events only.
#pragma once

#include <string_view>

namespace aegis::agent {

// Whole lines, from any thread.
class Log {
  public:
    // `program` prefixes messages. `quiet` drops notes and reports; warnings, errors and what was asked for by name
    // always appear.
    Log(std::string_view program, bool quiet) : program_(program), quiet_(quiet) {}
    virtual ~Log() = default;
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    void error(std::string_view message) { write_message("error", message); }
    void critical(std::string_view message) { write_message("CRITICAL", message); }
    void warning(std::string_view message) { write_message("warning", message); }
    void note(std::string_view message) {
        if (!quiet_) {
            write_message("note", message);
        }
    }
    // A line for programs as well as for people, as it is, without a prefix: one that is always written, as the
    // summary, or one that an option of its own asked for.
    void report(std::string_view line) {
        if (!quiet_) {
            write_line(line);
        }
    }
    void report_on_request(std::string_view line) { write_line(line); }

  protected:
    // `line` has no newline.
    virtual void write_line(std::string_view line) = 0;

  private:
    void write_message(std::string_view severity, std::string_view message);

    std::string_view program_;
    bool quiet_;
};

// The standard library's way to stderr, which waits as long as its reader likes.
void write_to_stderr(std::string_view text);

class StderrLog final : public Log {
  public:
    // `write` gets whole lines, newline included, from any thread.
    StderrLog(std::string_view program, bool quiet, void (*write)(std::string_view) = write_to_stderr)
        : Log(program, quiet), write_(write) {}

  protected:
    void write_line(std::string_view line) override;

  private:
    void (*write_)(std::string_view);
};

}  // namespace aegis::agent
