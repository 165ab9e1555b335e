#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <variant>

#include "agent/app/holders.hpp"
#include "agent/app/log.hpp"
#include "agent/app/session.hpp"
#include "agent/config/options.hpp"
#include "agent/port/port.hpp"

namespace {

using aegis::agent::ExitCode;

ExitCode run(int argc, const char* const* argv) {
    const aegis::agent::PlatformFacts& platform = aegis::agent::platform_facts();
    const auto parsed = aegis::agent::parse_options(argc, argv, platform);
    if (const auto* exit = std::get_if<aegis::agent::EarlyExit>(&parsed)) {
        std::FILE* const stream = exit->code == ExitCode::kFinished ? stdout : stderr;
        const bool written = std::fputs(exit->text.c_str(), stream) >= 0 && std::fflush(stream) == 0;
        return written ? exit->code : ExitCode::kRuntimeFailure;
    }
    const auto& options = std::get<aegis::agent::Options>(parsed);
    aegis::agent::StderrLog log(platform.program, options.quiet, aegis::agent::write_diagnostic);
    const std::unique_ptr<aegis::agent::Port> port = aegis::agent::make_port();
    return options.list_holders ? aegis::agent::list_holders(*port, log, options)
                                : aegis::agent::run_session(*port, log, options);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return static_cast<int>(run(argc, argv));
    } catch (const std::exception& error) {
        // Out of memory or threads: nothing below main handles these.
        std::fprintf(stderr, "aegis-agent: error: %s\n", error.what());
        return static_cast<int>(ExitCode::kRuntimeFailure);
    }
}
