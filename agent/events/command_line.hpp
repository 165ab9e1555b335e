// A command line taken apart into its arguments, as programs of Windows do it.
#pragma once

#include <string_view>

#include "agent/events/lines.hpp"

namespace aegis::agent {

// Calls `visit` with each argument of `command_line`, UTF-8, in order; `scratch` holds an argument meanwhile.
//
// The first one is the program: in quotes up to the next quote, else up to a blank; nothing is an escape there. In the
// others blanks (space, tab) separate unless quotes are open; 2n backslashes and a quote are n backslashes and open or
// close, 2n + 1 and a quote are n and a quote; two quotes while quotes are open are one.
template <class Visit>
void for_each_argument(std::string_view command_line, Lines& scratch, Visit visit);

// One argument off the front of the rest of a command line, which begins with it: appended to `argument`. What follows,
// without the blanks between.
std::string_view take_program(std::string_view rest, Lines& argument);
std::string_view take_argument(std::string_view rest, Lines& argument);

template <class Visit>
void for_each_argument(std::string_view command_line, Lines& scratch, Visit visit) {
    for (bool first = true; !command_line.empty(); first = false) {
        scratch.clear();
        command_line = first ? take_program(command_line, scratch) : take_argument(command_line, scratch);
        visit(std::string_view(scratch.data(), scratch.size()));
    }
}

}  // namespace aegis::agent
