// From a source of process activity to the notify routines of the driver.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "driver/host/executive/executive.hpp"
#include "driver/host/server/process_table.hpp"
#include "driver/host/sources/activity_source.hpp"

namespace aegis::host::server {

// A client's end reaches the host twice, by its pidfd and by the source; the executive tells the driver once. What
// is left to do here is an end that was on its way for so long that its pid belongs to a client by now.
class ActivityNotifier final : public sources::ActivitySink {
  public:
    ActivityNotifier(Executive& executive, ProcessTable& clients, sources::Report report)
        : executive_(executive), clients_(clients), report_(std::move(report)) {}

    void process_started(const sources::ProcessStart& start) override;
    void process_ended(std::uint32_t pid, sources::NtTime time, std::optional<std::int32_t> status) override;
    void thread_started(const sources::ThreadStart& start) override;
    void thread_ended(const sources::ThreadEnd& end) override;
    void image_loaded(const sources::ImageLoaded& image) override;
    void handle_opened(const sources::HandleOpened& handle) override;
    void registry_changed(const sources::RegistryChanged& change) override;
    // To the driver's counters, as the kernel component that it is; what the driver refuses is said in a line.
    void events_lost(std::uint64_t count) override;
    // Has the driver's health say that nothing calls the sensors of what the source does not tell of.
    void tell_what_is_missing(const sources::Tells& told);

  private:
    void no_source(std::uint32_t kind);

    Executive& executive_;
    ProcessTable& clients_;
    sources::Report report_;
};

}  // namespace aegis::host::server
