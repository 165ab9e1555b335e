// Watches one broadcast reader and keeps the first thing that went wrong.
#pragma once

#include <cstdint>
#include <sstream>
#include <string>

#include "aegis/ring/consumer.hpp"
#include "support/event_recipe.hpp"

namespace aegis::test {

// Every event must be that of the next ticket, every loss must begin there: so order, content and
// delivered + lost == cursor - start hold at every step, not only at the end.
class ReaderAudit {
  public:
    ReaderAudit(const EventRecipe& recipe, ring::Ticket start) : recipe_(recipe), start_(start), next_(start) {}

    // Call with the result of each read.
    template <class Atomics>
    void after_read(const ring::Consumer<Atomics>& consumer, ring::ReadStatus status, const ring::EventBuffer& event) {
        if (status == ring::ReadStatus::kEvent) {
            if (!recipe_.matches(event, next_)) {
                complain(recipe_.describe(event, next_));
            }
            ++next_;
            ++delivered_;
        } else if (status == ring::ReadStatus::kLapped) {
            const ring::Loss loss = consumer.last_loss();
            if (loss.first != next_ || loss.count == 0) {
                complain("loss does not begin at the next ticket, or is empty");
            }
            next_ = loss.first + loss.count;
            lost_ += loss.count;
        }
        if (consumer.cursor() != next_ || consumer.delivered() != delivered_ || consumer.lost() != lost_ ||
            delivered_ + lost_ != next_ - start_) {
            complain("the consumer's counts do not add up");
        }
    }

    // Reads until there is nothing to read; returns how many events came.
    template <class Atomics>
    std::uint64_t drain(ring::Consumer<Atomics>& consumer) {
        ring::EventBuffer event;
        std::uint64_t events = 0;
        for (;;) {
            const ring::ReadStatus status = consumer.read(event);
            after_read(consumer, status, event);
            if (status == ring::ReadStatus::kEmpty) {
                return events;
            }
            events += status == ring::ReadStatus::kEvent ? 1 : 0;
        }
    }

    // Empty while all is well.
    const std::string& complaint() const { return complaint_; }
    std::uint64_t delivered() const { return delivered_; }
    std::uint64_t lost() const { return lost_; }
    ring::Ticket next() const { return next_; }

    void complain(const std::string& what) {
        if (complaint_.empty()) {
            std::ostringstream text;
            text << "at ticket " << next_ << " (delivered " << delivered_ << ", lost " << lost_ << "): " << what;
            complaint_ = text.str();
        }
    }

  private:
    EventRecipe recipe_;
    ring::Ticket start_;
    ring::Ticket next_;
    std::uint64_t delivered_ = 0;
    std::uint64_t lost_ = 0;
    std::string complaint_;
};

}  // namespace aegis::test
