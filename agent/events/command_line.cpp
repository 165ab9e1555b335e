#include "agent/events/command_line.hpp"

#include <algorithm>

namespace aegis::agent {
namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

std::string_view skip_blanks(std::string_view text) {
    const auto* const end = std::find_if_not(text.begin(), text.end(), is_blank);
    return text.substr(static_cast<std::size_t>(end - text.begin()));
}

void append_backslashes(std::size_t count, Lines& lines) {
    for (; count != 0; --count) {
        lines.push_back('\\');
    }
}

}  // namespace

std::string_view take_program(std::string_view rest, Lines& argument) {
    if (rest.front() == '"') {
        const std::size_t end = std::min(rest.find('"', 1), rest.size());
        append(argument, rest.substr(1, end - 1));
        return skip_blanks(rest.substr(std::min(end + 1, rest.size())));
    }
    const auto* const blank =
        std::find_if(rest.begin(), rest.end(), [](char c) { return static_cast<unsigned char>(c) <= ' '; });
    const auto length = static_cast<std::size_t>(blank - rest.begin());
    append(argument, rest.substr(0, length));
    return skip_blanks(rest.substr(length));
}

std::string_view take_argument(std::string_view rest, Lines& argument) {
    bool quoted = false;
    std::size_t backslashes = 0;
    std::size_t at = 0;
    for (; at < rest.size() && (quoted || !is_blank(rest[at])); ++at) {
        if (rest[at] == '\\') {
            ++backslashes;
            continue;
        }
        if (rest[at] != '"') {
            append_backslashes(backslashes, argument);
            argument.push_back(rest[at]);
        } else if (backslashes % 2 != 0) {
            append_backslashes(backslashes / 2, argument);
            argument.push_back('"');
        } else {
            append_backslashes(backslashes / 2, argument);
            if (quoted && at + 1 < rest.size() && rest[at + 1] == '"') {
                argument.push_back('"');
                ++at;
            } else {
                quoted = !quoted;
            }
        }
        backslashes = 0;
    }
    append_backslashes(backslashes, argument);
    return skip_blanks(rest.substr(at));
}

}  // namespace aegis::agent
