#include "explorer/trace.hpp"

#include <sstream>

namespace aegis::model {
namespace {

const char* name_of(std::memory_order order) {
    switch (order) {
        case std::memory_order_relaxed:
            return "relaxed";
        case std::memory_order_consume:
            return "consume";
        case std::memory_order_acquire:
            return "acquire";
        case std::memory_order_release:
            return "release";
        case std::memory_order_acq_rel:
            return "acq_rel";
        case std::memory_order_seq_cst:
            return "seq_cst";
    }
    return "?";
}

std::string name_of(const LocationName& name) {
    std::string text = name.text;
    if (name.first != LocationName::kNoIndex) {
        text += ' ' + std::to_string(name.first);
    }
    if (name.second != LocationName::kNoIndex) {
        text += '.' + std::to_string(name.second);
    }
    return text;
}

void print_source(std::ostream& out, const TraceEntry& entry) {
    out << " = " << entry.value;
    if (entry.read_from == 0) {
        out << ", the initial value";
    } else {
        out << ", written in step " << entry.read_from;
    }
}

void print_operation(std::ostream& out, const TraceEntry& entry, const std::vector<LocationName>& locations) {
    const Operation& operation = entry.operation;
    const char* order = name_of(operation.order);
    switch (operation.action) {
        case Action::kStart:
            out << "start";
            return;
        case Action::kFence:
            out << "fence(" << order << ")";
            return;
        case Action::kSignal:
            out << "signal event " << operation.object;
            return;
        case Action::kWait:
            out << "wait for event " << operation.object << (entry.value == kTakeSignal ? ": signalled" : ": gave up");
            return;
        case Action::kLock:
            out << "lock mutex " << operation.object;
            return;
        case Action::kUnlock:
            out << "unlock mutex " << operation.object;
            return;
        default:
            break;
    }
    out << name_of(locations[operation.object]) << ": ";
    switch (operation.action) {
        case Action::kLoad:
            out << "load(" << order << ")";
            print_source(out, entry);
            return;
        case Action::kStore:
            out << "store(" << operation.operand << ", " << order << ")";
            return;
        case Action::kExchange:
            out << "exchange(" << operation.operand << ", " << order << ")";
            print_source(out, entry);
            return;
        case Action::kFetchAdd:
            out << "fetch_add(" << operation.operand << ", " << order << ")";
            print_source(out, entry);
            return;
        default:
            out << "compare_exchange(" << operation.expected << " -> " << operation.operand << ", " << order << ")"
                << (entry.wrote ? " succeeds" : " fails");
            print_source(out, entry);
            return;
    }
}

}  // namespace

std::string Trace::print(const std::vector<std::string>& threads, const std::vector<LocationName>& locations) const {
    std::ostringstream out;
    Step step = 0;
    for (const TraceEntry& entry : entries_) {
        ++step;
        if (!entry.is_note && entry.operation.action == Action::kStart) {
            continue;
        }
        const std::string& thread = threads[entry.thread];
        out << "  " << step << '\t' << thread << '\t';
        if (entry.is_note) {
            out << "-- " << entry.note << ' ' << entry.value;
        } else {
            print_operation(out, entry, locations);
            if (entry.weakened) {
                out << "   [weakened]";
            }
        }
        out << '\n';
    }
    return out.str();
}

}  // namespace aegis::model
