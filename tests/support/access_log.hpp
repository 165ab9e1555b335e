// Writes down the accesses of an operation as lines that read like the protocol: "store slot0.version=3 relaxed".
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "support/hooked_atomics.hpp"

namespace aegis::test {

class AccessLog {
  public:
    // Gives a word the name it has in the log.
    void name(const void* word, std::string name) { names_[word] = std::move(name); }

    std::vector<std::string> of(const std::function<void()>& operation) {
        std::vector<std::string> lines;
        const AccessHook hook([&](const Access& access) { lines.push_back(line(access)); });
        operation();
        return lines;
    }

  private:
    std::string line(const Access& access) const {
        switch (access.op) {
            case Op::kLoad:
                return "load " + name_of(access) + " " + order(access.order);
            case Op::kStore:
                return "store " + assignment(access) + " " + order(access.order);
            case Op::kExchange:
                return "exchange " + assignment(access) + " " + order(access.order);
            case Op::kCompareExchange:
                return "compare-exchange " + assignment(access) + " " + order(access.order) + " " +
                       order(access.failure_order);
            case Op::kFence:
                return std::string("fence ") + order(access.order);
            case Op::kPause:
                return "pause";
        }
        return "?";
    }

    std::string assignment(const Access& access) const {
        return name_of(access) + "=" + (access.value == UINT64_MAX ? "never" : std::to_string(access.value));
    }

    std::string name_of(const Access& access) const {
        const auto found = names_.find(access.word);
        return found == names_.end() ? "unnamed" : found->second;
    }

    static const char* order(std::memory_order order) {
        switch (order) {
            case std::memory_order_relaxed:
                return "relaxed";
            case std::memory_order_acquire:
                return "acquire";
            case std::memory_order_release:
                return "release";
            case std::memory_order_acq_rel:
                return "acq_rel";
            case std::memory_order_seq_cst:
                return "seq_cst";
            default:
                return "other order";
        }
    }

    std::map<const void*, std::string> names_;
};

}  // namespace aegis::test
