#include "explorer/memory.hpp"

#include <cstdlib>

namespace aegis::model {
namespace {

// Room between two neighbours for writes that are put in later.
constexpr Timestamp kSpacing = 1U << 16U;

bool acquires(std::memory_order order) {
    return order == std::memory_order_acquire || order == std::memory_order_acq_rel ||
           order == std::memory_order_seq_cst;
}

bool releases(std::memory_order order) {
    return order == std::memory_order_release || order == std::memory_order_acq_rel ||
           order == std::memory_order_seq_cst;
}

}  // namespace

void Memory::reset(std::size_t threads) {
    location_count_ = 0;
    threads_.assign(threads, Knowledge{});
    fenced_ = View{};
}

LocationId Memory::add_location(std::uint64_t initial) {
    if (location_count_ == kMaxLocations) {
        std::abort();
    }
    if (location_count_ == locations_.size()) {
        locations_.emplace_back();
    }
    auto& messages = locations_[location_count_];
    messages.clear();
    messages.emplace_back().value = initial;
    return static_cast<LocationId>(location_count_++);
}

std::size_t Memory::first_visible(ThreadId thread, LocationId location) const {
    const Timestamp oldest = threads_[thread].current.at(location);
    const auto& messages = locations_[location];
    std::size_t position = messages.size() - 1;
    while (messages[position].time > oldest) {
        --position;
    }
    return position;
}

std::uint64_t Memory::load(ThreadId thread, LocationId location, std::size_t position, std::memory_order order) {
    const Message& message = locations_[location][position];
    Knowledge& self = threads_[thread];
    self.current.raise(location, message.time);
    self.acquired.raise(location, message.time);
    self.acquired.join(message.view, location_count_);
    if (acquires(order)) {
        self.current.join(message.view, location_count_);
    }
    return message.value;
}

void Memory::store(ThreadId thread, LocationId location, std::size_t position, std::uint64_t value,
                   std::memory_order order, std::uint32_t step) {
    Message& message = insert_after(location, position);
    Knowledge& self = threads_[thread];
    self.current.raise(location, message.time);
    self.acquired.raise(location, message.time);
    message.value = value;
    message.step = step;
    message.thread = thread;
    message.view = releases(order) ? self.current : self.released;
    message.view.raise(location, message.time);
}

void Memory::exchange(ThreadId thread, LocationId location, std::size_t position, std::uint64_t value,
                      std::memory_order order, std::uint32_t step) {
    load(thread, location, position, order);
    store(thread, location, position, value, order, step);
    Message& read = locations_[location][position];
    read.claimed = true;
    // A release sequence goes on through read-modify-writes, whatever their order.
    locations_[location][position + 1].view.join(read.view, location_count_);
}

void Memory::fence(ThreadId thread, std::memory_order order) {
    Knowledge& self = threads_[thread];
    if (acquires(order)) {
        self.current = self.acquired;
    }
    if (order == std::memory_order_seq_cst) {
        self.current.join(fenced_, location_count_);
        self.acquired.join(fenced_, location_count_);
        fenced_ = self.current;
    }
    if (releases(order)) {
        self.released = self.current;
    }
}

void Memory::learn(ThreadId thread, const View& view) {
    threads_[thread].current.join(view, location_count_);
    threads_[thread].acquired.join(view, location_count_);
}

Message& Memory::insert_after(LocationId location, std::size_t position) {
    auto& messages = locations_[location];
    const Timestamp before = messages[position].time;
    Timestamp time = before + kSpacing;
    if (position + 1 < messages.size()) {
        time = before + (messages[position + 1].time - before) / 2;
        if (time == before) {
            std::abort();
        }
    }
    Message& message = *messages.emplace(messages.begin() + static_cast<std::ptrdiff_t>(position) + 1);
    message.time = time;
    return message;
}

}  // namespace aegis::model
