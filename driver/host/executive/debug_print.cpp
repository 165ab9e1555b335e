// DbgPrintEx: NT's format strings over the ms_abi argument list.
#include <fmt/format.h>
#include <ntifs.h>

#include <algorithm>
#include <cctype>
#include <cstdarg>
#include <cstdio>
#include <string>
#include <string_view>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/sync/thread_state.hpp"
#include "driver/host/executive/text.hpp"

namespace aegis::host {
namespace {

#if defined(__x86_64__)
using ArgumentList = __builtin_ms_va_list;
#else
using ArgumentList = va_list;
#endif

struct Conversion {
    std::string flags;  // with width and precision, as printf spells them
    bool wide = false;  // w or l before a string
    bool is64 = false;  // ll, I64, I: a plain l is 32 bits on NT
    char kind = '\0';
};

// Reads what follows a '%'; `format` is left after the conversion.
Conversion parse(const char*& format, ArgumentList* arguments) {
    Conversion conversion;
    for (; *format != '\0' && std::string_view("-+ #0123456789.*").find(*format) != std::string_view::npos; ++format) {
        conversion.flags +=
            *format == '*' ? std::to_string(__builtin_va_arg(*arguments, int)) : std::string(1, *format);
    }
    for (; std::string_view("hlwI").find(*format) != std::string_view::npos && *format != '\0'; ++format) {
        if (*format == 'l' && format[1] == 'l') {
            conversion.is64 = true;
            ++format;
        } else if (*format == 'I') {
            conversion.is64 = format[1] != '3';
            format += std::isdigit(static_cast<unsigned char>(format[1])) != 0 ? 2 : 0;
        } else if (*format != 'h') {
            conversion.wide = true;
        }
    }
    conversion.kind = *format == '\0' ? '\0' : *format++;
    return conversion;
}

template <class Value>
std::string print_one(const std::string& specification, Value value) {
    const int length = std::snprintf(nullptr, 0, specification.c_str(), value);
    std::string text(static_cast<std::size_t>(length) + 1, '\0');
    std::snprintf(text.data(), text.size(), specification.c_str(), value);
    text.pop_back();
    return text;
}

std::string print_wide(const std::string& flags, std::u16string_view text) {
    // Counted strings may lie in pageable memory, and NT converts them with pageable code.
    require_irql(PASSIVE_LEVEL, "DbgPrintEx with a wide string");
    return print_one("%" + flags + "s", to_utf8(text).c_str());
}

std::string print_conversion(const Conversion& conversion, ArgumentList* arguments) {
    const std::string prefix = "%" + conversion.flags;
    switch (conversion.kind) {
        case 'd':
        case 'i':
            return conversion.is64 ? print_one(prefix + "lld", __builtin_va_arg(*arguments, long long))
                                   : print_one(prefix + "d", __builtin_va_arg(*arguments, int));
        case 'u':
        case 'x':
        case 'X':
        case 'o':
            return conversion.is64
                       ? print_one(prefix + "ll" + conversion.kind, __builtin_va_arg(*arguments, unsigned long long))
                       : print_one(prefix + conversion.kind, __builtin_va_arg(*arguments, unsigned));
        case 'c':
            return print_one(prefix + "c", __builtin_va_arg(*arguments, int));
        case 'p':
            return fmt::format("{:016X}", reinterpret_cast<std::uintptr_t>(__builtin_va_arg(*arguments, void*)));
        case 's':
            if (conversion.wide) {
                return print_wide(conversion.flags, __builtin_va_arg(*arguments, const char16_t*));
            }
            return print_one(prefix + "s", __builtin_va_arg(*arguments, const char*));
        case 'Z':
            return print_wide(conversion.flags, view(__builtin_va_arg(*arguments, PCUNICODE_STRING)));
        case '%':
            return "%";
        default:
            return fmt::format("%{}?", conversion.flags);
    }
}

std::string print_all(const char* format, ArgumentList* arguments) {
    std::string text;
    while (*format != '\0') {
        if (*format != '%') {
            text += *format++;
            continue;
        }
        ++format;
        const Conversion conversion = parse(format, arguments);
        text += print_conversion(conversion, arguments);
    }
    return text;
}

// NT shows errors of a component that nobody unmasked, and nothing else.
void print_errors(ULONG level, std::string_view line) {
    if (level == DPFLTR_ERROR_LEVEL) {
        std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
    }
}

// As much as NT prints at a time.
constexpr std::size_t kMaximumBytes = 512;

void deliver(ULONG level, std::string_view text) {
    const auto& sink = executive_parts().options.debug_print;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        if (sink) {
            sink(level, line);
        } else {
            print_errors(level, line);
        }
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
}

}  // namespace
}  // namespace aegis::host

extern "C" ULONG NTAPI DbgPrintEx(ULONG, ULONG Level, PCSTR Format, ...) {
    aegis::host::ArgumentList arguments;
#if defined(__x86_64__)
    __builtin_ms_va_start(arguments, Format);
#else
    va_start(arguments, Format);
#endif
    std::string text = aegis::host::print_all(Format, &arguments);
#if defined(__x86_64__)
    __builtin_ms_va_end(arguments);
#else
    va_end(arguments);
#endif
    text.resize(std::min(text.size(), aegis::host::kMaximumBytes));
    aegis::host::deliver(Level, text);
    return STATUS_SUCCESS;
}
