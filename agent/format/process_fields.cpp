#include "agent/format/process_fields.hpp"

namespace aegis::agent {

void ProcessFields::append(const ProcessName& name, std::int64_t time, Lines& lines) {
    constexpr std::size_t kTextsWanted = kPathText + 1;
    is_known_ = processes_->look_up(name, time, known_, kTextsWanted);
    agent::append(lines, R"("pid":)");
    append_number(lines, name.id);
    append_entity_id(R"(,"entity_id":")", {name.id, name.key != 0 || !is_known_ ? name.key : known_.key}, lines);
    if (is_known_) {
        agent::append(lines, known_.text(kExecutableText));
        agent::append(lines, known_.text(kOriginText));
    }
}

void ProcessFields::append_path(Lines& lines) const {
    if (is_known_) {
        agent::append(lines, R"(,"process":{)");
        agent::append(lines, known_.text(kPathText));
        agent::append(lines, "}");
    }
}

void ProcessFields::append_entity_id(std::string_view field, const ProcessName& name, Lines& lines) const {
    if (name.key == 0) {
        return;
    }
    agent::append(lines, field);
    agent::append(lines, session_);
    agent::append(lines, "-");
    append_number(lines, name.id);
    agent::append(lines, "-");
    append_number(lines, name.key);
    agent::append(lines, "\"");
}

}  // namespace aegis::agent
