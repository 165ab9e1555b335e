// One call of a driver's entry point, and the state the driver must leave its thread in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "driver/host/executive/sync/thread_state.hpp"

namespace aegis::host {

// The arguments of an entry point, as registers hold them.
using DriverArguments = std::array<std::uint64_t, 4>;

// Runs code that is no part of this program, a driver image's, in its own way, and returns its result; nothing when
// `routine` is not such code. `what` is as for DriverCall. Any thread; nested where a driver's call leads to another.
using ImageRunner = std::optional<std::uint64_t> (*)(const void* routine, std::string_view what,
                                                     const DriverArguments& arguments);

// Whether an address lies in what an image may execute.
using ImageCodeTest = bool (*)(const void* address);

// Before an image's code runs for the first time; for good.
void set_image_runner(ImageRunner runner, ImageCodeTest is_code);

// Of the image that is mapped; false where none is.
bool is_image_code(const void* address);

class DriverCall {
  public:
    // `what` names the entry point in a stop; a literal.
    explicit DriverCall(std::string_view what);
    // Stops when the driver returned at another IRQL, or with a lock, a critical region or an attachment more or
    // less than it was called with.
    ~DriverCall();
    DriverCall(const DriverCall&) = delete;
    DriverCall& operator=(const DriverCall&) = delete;

    // Calls the entry point.
    template <class Result, class... Parameters>
    Result run(Result(NTAPI* routine)(Parameters...), std::type_identity_t<Parameters>... arguments) const {
        static_assert(sizeof...(Parameters) <= std::tuple_size_v<DriverArguments>);
        const auto result =
            run_image(reinterpret_cast<const void*>(routine), DriverArguments{in_register(arguments)...});
        if (!result) {
            return routine(arguments...);
        }
        return static_cast<Result>(*result);
    }

  private:
    template <class Parameter>
    static std::uint64_t in_register(Parameter parameter) {
        if constexpr (std::is_pointer_v<Parameter>) {
            return reinterpret_cast<std::uint64_t>(parameter);
        } else {
            return parameter;
        }
    }

    std::optional<std::uint64_t> run_image(const void* routine, const DriverArguments& arguments) const;

    std::string_view what_;
    KIRQL irql_;
    std::size_t locks_;
    std::size_t attachments_;
    unsigned critical_regions_;
};

}  // namespace aegis::host
