// From the words of --source to a running source.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "driver/host/sources/activity_source.hpp"
#include "driver/host/sources/synthetic_source.hpp"

namespace aegis::host::sources {

enum class SourceKind { kAuto, kConnector, kProcfs, kSynthetic };

struct SourceChoice {
    SourceKind kind = SourceKind::kAuto;
    SyntheticOptions synthetic;
    bool threads = true;   // where the source can see them
    bool images = true;    // the same
    bool handles = true;   // the same
    bool registry = true;  // the same
};

// connector | procfs | auto | synthetic:RATE[,count=N], each with [,types=process[+thread][+image][+handle][+registry]]
// RATE is events a second, or 0 or "max" for as fast as possible. Live sources tell of all of them by default, the
// synthetic one when it is asked to. The string is what is wrong with the text, one line.
std::variant<SourceChoice, std::string> parse_source(std::string_view text);

struct StartedSource {
    std::unique_ptr<ActivitySource> source;  // null: none could start
    SourceError error;                       // then: why
};

// Starts the chosen source. kAuto: the connector where it delivers, else procfs, and then `report` gets
// one line that says why and what may be missed. Threads, images and handles come with the connector.
StartedSource start_source(const SourceChoice& choice, ActivitySink& sink, const Report& report);

}  // namespace aegis::host::sources
