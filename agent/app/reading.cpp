#include "agent/app/reading.hpp"

#include <fmt/format.h>

#include <chrono>
#include <span>
#include <stdexcept>

namespace aegis::agent {
namespace {

template <class Struct>
Struct sized() {
    Struct empty = {};
    empty.size = sizeof(empty);
    return empty;
}

aegis_info info_of(const aegis_client* client) {
    auto info = sized<aegis_info>();
    aegis_info_of(client, &info);
    return info;
}

aegis_stats stats_of(const aegis_client* client) {
    auto stats = sized<aegis_stats>();
    aegis_stats_of(client, &stats);
    return stats;
}

}  // namespace

void say_where_it_starts(Log& log, std::uint64_t start) {
    if (start > 1) {
        log.note(fmt::format("starts with event #{}: those before it were overwritten, or are about to be", start));
    }
}

Reading::Reading(const Parts& parts) : parts_(parts) {
    const aegis_info info = info_of(parts.client);
    transport_ = info.transport;
    start_said_.store(!parts.from_oldest || info.start != 0, std::memory_order_relaxed);
    if (parts.from_oldest) {
        say_where_it_starts(*parts.log, info.start);
    }
    while (shares_.size() + 1 < parts.printers->size()) {
        aegis_client* share = nullptr;
        if (aegis_share(parts.client, &share) != AEGIS_OK) {
            throw std::runtime_error(aegis_last_error());
        }
        shares_.emplace_back(share);
    }
}

std::uint64_t Reading::published() const {
    if (transport_ == AEGIS_TRANSPORT_RING) {
        return stats_of(parts_.client).published;
    }
    constexpr auto kGraceMs = std::chrono::milliseconds(kGraceAtTheEnd).count();
    AEGIS_QUERY_REPLY reply;
    const std::int32_t result = aegis_query(parts_.client, &reply, sizeof(reply), kGraceMs);
    if (result == AEGIS_NO_ANSWER || result == AEGIS_INTERRUPTED) {
        leave_unread();
    }
    return result == AEGIS_OK ? reply.Published : 0;
}

void Reading::leave_unread() const {
    if (parts_.control->leave_unread()) {
        parts_.log->error("the driver did not answer any more: events that it holds were not read");
    }
}

std::uint64_t Reading::lag() const {
    return stats_of(parts_.client).lag;
}

void Reading::run(std::size_t worker_index) {
    aegis_client* const client = worker_index == 0 ? parts_.client : shares_[worker_index - 1].get();
    Printer& printer = *(*parts_.printers)[worker_index];
    Worker worker = {.reading = this, .printer = &printer};
    bool reading = true;
    while (reading && !printer.reader_has_left() && !worker.at_limit &&
           parts_.control->limit() != RunControl::kAtOnce && reserve(worker)) {
        bool drained = false;
        const std::int32_t result = visit(client, worker, drained);
        if (result >= 0) {
            note_answer();
            say_late_start();
        }
        reading = !drained && (result >= 0 || go_on(result));
        end_if_output_failed(printer);
    }
    // What the driver has lost until now, without reading on.
    aegis_visit(client, see, &worker, 0, 0);
    printer.flush();
    end_if_output_failed(printer);
    parts_.control->leave();
}

std::int32_t Reading::visit(aegis_client* client, Worker& worker, bool& drained) {
    // Asked before the library is: what was published before an end that comes after the look is still read.
    const bool last_look = parts_.control->ending();
    const std::int32_t result = aegis_visit(client, see, &worker, kItemsPerVisit, 0);
    if (result != 0) {
        return result;
    }
    worker.printer->flush();
    end_if_output_failed(*worker.printer);
    if (last_look || parts_.control->ending()) {
        drained = last_look;
        return result;
    }
    return aegis_visit(client, see, &worker, kItemsPerVisit, AEGIS_FOREVER);
}

std::int32_t Reading::see(void* worker, const aegis_item* item) {
    auto& own = *static_cast<Worker*>(worker);
    return own.reading->print(own, *item) ? 0 : 1;
}

bool Reading::print(Worker& worker, const aegis_item& item) const {
    Printer& printer = *worker.printer;
    if (item.kind == AEGIS_ITEM_LOSS) {
        printer.loss(lost_events(item));
        return true;
    }
    const std::uint64_t limit = parts_.control->limit();
    worker.at_limit = item.sequence >= limit;
    if (item.sequence > limit) {
        return false;
    }
    if (printer.event(item.sequence, {static_cast<const std::byte*>(item.data), item.bytes})) {
        --worker.reserved;
    }
    // Once stdout takes nothing, what is to be read first has to be decided; after that it is counted.
    const bool goes_on = printer.working() || (parts_.control->ending() && !printer.reader_has_left());
    return goes_on && worker.reserved != 0 && !worker.at_limit;
}

bool Reading::reserve(Worker& worker) const {
    if (worker.reserved == 0) {
        worker.reserved = parts_.control->reserve_lines(kLinesAtATime);
    }
    return worker.reserved != 0;
}

bool Reading::go_on(std::int32_t result) {
    switch (result) {
        case AEGIS_INTERRUPTED:
            parts_.control->end_interrupted(aegis_stopping(parts_.client) > 0, published());
            return true;
        case AEGIS_STOPPING:
        case AEGIS_GONE:
            // The library has handed out all there is, and stops the other workers where it has to.
            parts_.control->end_interrupted(true, RunControl::kNoLimit - 2);
            return false;
        case AEGIS_NO_ANSWER:
            return wait_on();
        default:
            fail(result);
            return false;
    }
}

// The driver may be stopped, and go on later: then its answer still comes.
bool Reading::wait_on() {
    const bool interrupted = parts_.port->wait_interrupt(std::chrono::nanoseconds(0)) == InterruptStatus::kInterrupted;
    if (parts_.control->ending() || interrupted) {
        parts_.control->end(EndCause::kStopRequested, RunControl::kAtOnce);
        leave_unread();
        return false;
    }
    if (!unanswered_.exchange(true, std::memory_order_relaxed)) {
        parts_.log->warning(client_failure(AEGIS_NO_ANSWER).message + "; waiting on");
    }
    return true;
}

void Reading::note_answer() {
    if (unanswered_.load(std::memory_order_relaxed) && unanswered_.exchange(false, std::memory_order_relaxed)) {
        parts_.log->note("the driver answers again");
    }
}

void Reading::fail(std::int32_t result) {
    parts_.log->error(client_failure(result).message);
    parts_.control->end(EndCause::kFailed, RunControl::kAtOnce);
}

void Reading::end_if_output_failed(const Printer& printer) {
    if (printer.reader_has_left()) {
        parts_.control->end(EndCause::kOutput, RunControl::kAtOnce);
    } else if (!printer.working() && !parts_.control->ending()) {
        parts_.control->end(EndCause::kOutput, published());
    }
}

void Reading::say_late_start() {
    if (start_said_.load(std::memory_order_relaxed)) {
        return;
    }
    const aegis_info info = info_of(parts_.client);
    if (info.start != 0 && !start_said_.exchange(true, std::memory_order_relaxed)) {
        say_where_it_starts(*parts_.log, info.start);
    }
}

}  // namespace aegis::agent
