#include "agent/app/health.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "agent/events/loss.hpp"

namespace aegis::agent {
namespace {

std::string name_of(std::uint32_t kind) {
    switch (kind) {
        case AEGIS_CALLBACK_PROCESS:
            return "process callback";
        case AEGIS_CALLBACK_OWNER_EXIT:
            return "owner-exit callback";
        case AEGIS_CALLBACK_THREAD:
            return "thread callback";
        case AEGIS_CALLBACK_IMAGE:
            return "image callback";
        case AEGIS_CALLBACK_HANDLE:
            return "handle callback";
        case AEGIS_CALLBACK_REGISTRY:
            return "registry callback";
        default:
            return fmt::format("callback of kind {}", kind);
    }
}

// What it means for the one who reads the events.
std::string_view consequence_of(std::uint32_t kind) {
    switch (kind) {
        case AEGIS_CALLBACK_PROCESS:
            return "process starts and ends are not seen";
        case AEGIS_CALLBACK_THREAD:
            return "thread starts and ends are not seen";
        case AEGIS_CALLBACK_IMAGE:
            return "loads of programs, libraries and drivers are not seen";
        case AEGIS_CALLBACK_REGISTRY:
            return "changes of the registry are neither seen nor refused";
        case AEGIS_CALLBACK_HANDLE:
            return "handles to processes and threads are not seen, and nobody is protected";
        case AEGIS_CALLBACK_OWNER_EXIT:
            return "the driver may not notice at once that a consumer has died";
        default:
            return "some events are not seen";
    }
}

const AEGIS_CALLBACK_HEALTH* find(const AEGIS_QUERY_REPLY& reply, std::uint32_t kind) {
    for (const AEGIS_CALLBACK_HEALTH& row : reply.Callbacks) {
        if (row.Kind == kind) {
            return &row;
        }
    }
    return nullptr;
}

}  // namespace

HealthWatch::HealthWatch(Log& log, const AEGIS_QUERY_REPLY& at_open, std::uint64_t own_policy) : log_(&log), last_{} {
    look_at_state(at_open);
    look_at_policy(at_open);
    last_ = at_open;
    last_.PolicyGeneration = own_policy != 0 ? own_policy : at_open.PolicyGeneration;
    for (std::size_t reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        if (at_open.LostBefore[reason] != 0) {
            log_->note(fmt::format("{} events were lost before this agent came: {}", at_open.LostBefore[reason],
                                   describe(static_cast<LossReason>(reason))));
        }
    }
    for (const AEGIS_CALLBACK_HEALTH& row : at_open.Callbacks) {
        if (row.Kind != 0 && row.Registered == 0) {
            log_->warning(fmt::format("the driver runs without its {} (status 0x{:08X}): {}", name_of(row.Kind),
                                      static_cast<std::uint32_t>(row.Status), consequence_of(row.Kind)));
        }
        if (row.Registered != 0 && (row.Flags & AEGIS_CALLBACK_NO_SUBSYSTEMS) != 0) {
            log_->warning(
                fmt::format("the driver's {} is not told of {} of subsystems such as WSL 1; "
                            "it takes Windows 10 1703 or later",
                            name_of(row.Kind), row.Kind == AEGIS_CALLBACK_THREAD ? "threads" : "processes"));
        }
        if (row.Registered != 0 && (row.Flags & AEGIS_CALLBACK_NO_FIRST_THREADS) != 0) {
            log_->warning(
                fmt::format("the driver's {} does not know which thread of a process is the first: "
                            "each looks as if another process had put it there",
                            name_of(row.Kind)));
        }
        if (row.Registered != 0 && (row.Flags & AEGIS_CALLBACK_NO_FOREIGN_IMAGES) != 0) {
            log_->warning(
                fmt::format("the driver's {} is not told of images made for another architecture than the system's; "
                            "it takes Windows 10 1709 or later",
                            name_of(row.Kind)));
        }
    }
}

void HealthWatch::look(const AEGIS_QUERY_REPLY& now) {
    look_at_state(now);
    look_at_callbacks(now);
    look_at_losses(now);
    look_at_policy(now);
    last_ = now;
}

void HealthWatch::look_at_state(const AEGIS_QUERY_REPLY& now) {
    if (now.State == AEGIS_RING_FAILED && !driver_failed()) {
        log_->critical(
            "the driver found itself broken and reports no events any more, it only counts them; "
            "read its debug output for the reason, then reload it");
    }
}

void HealthWatch::look_at_callbacks(const AEGIS_QUERY_REPLY& now) {
    for (const AEGIS_CALLBACK_HEALTH& before : last_.Callbacks) {
        if (before.Kind == 0 || before.Registered == 0) {
            continue;
        }
        const AEGIS_CALLBACK_HEALTH* const after = find(now, before.Kind);
        if (after == nullptr || after->Registered == 0) {
            log_->critical(
                fmt::format("the driver's {} is no longer registered after {} events: {}; "
                            "find out what removed it, then reload the driver",
                            name_of(before.Kind), before.Seen, consequence_of(before.Kind)));
        }
    }
    for (const AEGIS_CALLBACK_HEALTH& after : now.Callbacks) {
        const AEGIS_CALLBACK_HEALTH* const before = find(last_, after.Kind);
        if (after.Kind != 0 && after.Registered != 0 && (before == nullptr || before->Registered == 0)) {
            log_->note(fmt::format("the driver's {} is registered again", name_of(after.Kind)));
        }
    }
}

void HealthWatch::look_at_policy(const AEGIS_QUERY_REPLY& now) {
    if (now.PolicyGeneration == last_.PolicyGeneration) {
        return;
    }
    if (now.PolicyGeneration == 0) {
        log_->note(fmt::format("policy {} has ended with the program that set it: everything is reported again",
                               last_.PolicyGeneration));
    } else {
        log_->warning(
            fmt::format("policy {} of another program decides what is reported and refused, until that program ends; "
                        "--holders names the programs",
                        now.PolicyGeneration));
    }
}

void HealthWatch::look_at_losses(const AEGIS_QUERY_REPLY& now) {
    for (std::size_t reason = 0; reason < AEGIS_LOST_REASONS; ++reason) {
        const std::uint64_t dropped = now.LostBefore[reason] - last_.LostBefore[reason];
        if (dropped != 0) {
            log_->warning(fmt::format("{} events were lost before the ring: {}", dropped,
                                      describe(static_cast<LossReason>(reason))));
        }
    }
}

}  // namespace aegis::agent
