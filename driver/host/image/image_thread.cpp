#include "driver/host/image/image_thread.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "driver/host/executive/parts.hpp"
#include "driver/host/executive/verifier/verifier.hpp"
#include "driver/host/image/driver_image.hpp"
#include "driver/host/image/kernel_stack.hpp"

// image_thread_x64.S
extern "C" {
std::uint64_t aegis_run_on_stack(const void* routine, const std::uint64_t* arguments, std::byte* top,
                                 aegis::host::PreservedRegisters* before_and_after);
void aegis_run_on_stack_returned();

constinit thread_local std::uint64_t aegis_host_stack = 0;
}

namespace aegis::host {
namespace {

constexpr std::uintptr_t kStackAlignment = 16;
// Below the first frame: the register home of whoever calls the image.
constexpr std::uintptr_t kHomeBytes = 0x20;
constexpr unsigned kMostFrames = 64;

// A call of the image, and what has to be there again when it returns.
struct ImageCall {
    std::string_view what;
    std::byte* top;
    std::array<PreservedRegisters, 2> before_and_after;
    ImageCall* previous;
};

struct ImageThread {
    KernelStack stack;
    ImageCall* image_call = nullptr;          // the innermost
    ExecutiveCall* executive_call = nullptr;  // of the innermost image call; null while the image's own code runs
};

thread_local std::unique_ptr<ImageThread> t_thread;

struct sigaction g_previous_action;

// A fault on the guard is a driver that has used up its stack; any other one is whoever's it was before. A signal
// handler: nothing here allocates.
void on_fault(int number, siginfo_t* info, void*) {
    const ImageThread* thread = t_thread.get();
    if (thread != nullptr && thread->image_call != nullptr && thread->stack.guards(info->si_addr)) {
        const std::string_view what = thread->image_call->what;
        std::array<char, 128> detail{};
        std::snprintf(detail.data(), detail.size(), "double fault: %.*s needs more than %zu bytes of kernel stack",
                      static_cast<int>(what.size()), what.data(), kKernelStackBytes);
        verifier_stop(Bugcheck::kUnexpectedKernelModeTrap, detail.data());
    }
    ::sigaction(number, &g_previous_action, nullptr);
}

ImageThread& image_thread() {
    static std::once_flag handler_set;
    std::call_once(handler_set, [] {
        struct sigaction action {};
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        ::sigaction(SIGSEGV, &action, &g_previous_action);
    });
    if (t_thread == nullptr) {
        t_thread = std::make_unique<ImageThread>();
    }
    return *t_thread;
}

// Inside a call of the executive the stack goes on where the image left it, as on NT.
std::byte* next_frame(const ImageThread& thread) {
    if (thread.executive_call == nullptr) {
        return thread.stack.top();
    }
    return reinterpret_cast<std::byte*>(thread.executive_call->stack_pointer & ~(kStackAlignment - 1));
}

FrameRegisters registers_at(const ExecutiveCall& call) {
    const PreservedRegisters& kept = call.registers;
    FrameRegisters registers;
    registers.general = {0, 0, 0, kept.rbx, call.stack_pointer + sizeof(std::uint64_t), kept.rbp, kept.rsi, kept.rdi};
    registers.general[12] = kept.r12;
    registers.general[13] = kept.r13;
    registers.general[14] = kept.r14;
    registers.general[15] = kept.r15;
    std::copy(kept.xmm6_to_15.begin(), kept.xmm6_to_15.end(), registers.xmm.begin() + 6);
    std::memcpy(&registers.instruction_pointer, reinterpret_cast<const void*>(call.stack_pointer),
                sizeof(std::uint64_t));
    return registers;
}

PreservedRegisters preserved(const FrameRegisters& registers) {
    const auto& general = registers.general;
    PreservedRegisters kept{general[3],  general[5],  general[6],  general[7], general[12],
                            general[13], general[14], general[15], {}};
    std::copy(registers.xmm.begin() + 6, registers.xmm.end(), kept.xmm6_to_15.begin());
    return kept;
}

[[noreturn]] void stop_at_unwind_data(const ImageThread& thread, std::uint32_t function_rva, std::string_view why) {
    verifier_stop(Bugcheck::kKmodeExceptionNotHandled,
                  fmt::format("{} calls the executive, and the unwind data of its function at RVA {:#x} {}",
                              thread.image_call->what, function_rva, why));
}

// Stops unless the unwind data of all functions on the stack lead back to where the image was called.
void require_unwindable(const ImageThread& thread, const ExecutiveCall& call) {
    const ImageCall& outer = *thread.image_call;
    const std::uint64_t begin = call.stack_pointer;
    const auto end = reinterpret_cast<std::uint64_t>(outer.top);
    const StackBytes stack{begin, {reinterpret_cast<const std::byte*>(begin), end - begin}};
    FrameRegisters registers = registers_at(call);
    std::uint32_t callee_rva = 0;
    for (unsigned frames = 0; frames < kMostFrames; ++frames) {
        const std::uint64_t address = registers.instruction_pointer;
        if (address == reinterpret_cast<std::uint64_t>(&aegis_run_on_stack_returned) &&
            registers.stack_pointer() == end - kHomeBytes) {
            if (preserved(registers) != outer.before_and_after[0]) {
                stop_at_unwind_data(thread, callee_rva, "do not say where its caller's registers are");
            }
            return;
        }
        const DriverImage* image = DriverImage::containing(reinterpret_cast<const void*>(address));
        if (image == nullptr) {
            stop_at_unwind_data(thread, callee_rva, "lead to no caller of it");
        }
        const auto rva = static_cast<std::uint32_t>(address - reinterpret_cast<std::uint64_t>(image->bytes().data()));
        const ImageFunction* function = image->functions().find(rva);
        if (function == nullptr) {
            stop_at_unwind_data(thread, rva, "are missing, or those of a function that it called are wrong");
        }
        callee_rva = function->begin_rva;
        const std::string error = leave_frame(*function, rva - function->begin_rva, stack, &registers);
        if (!error.empty()) {
            stop_at_unwind_data(thread, callee_rva, error);
        }
    }
    stop_at_unwind_data(thread, callee_rva, "have no end");
}

}  // namespace

std::optional<std::uint64_t> run_image_code(const void* routine, std::string_view what,
                                            const DriverArguments& arguments) {
    if (DriverImage::containing(routine) == nullptr) {
        return std::nullopt;
    }
    ImageThread& thread = image_thread();
    ImageCall call{what, next_frame(thread), {}, thread.image_call};
    if (const std::optional<unsigned char> poison = executive_parts().poison.stack) {
        std::memset(thread.stack.bottom(), *poison, static_cast<std::size_t>(call.top - thread.stack.bottom()));
    }
    thread.image_call = &call;
    ExecutiveCall* const interrupted = std::exchange(thread.executive_call, nullptr);
    const std::uint64_t result = aegis_run_on_stack(routine, arguments.data(), call.top, call.before_and_after.data());
    thread.executive_call = interrupted;
    thread.image_call = call.previous;
    if (call.before_and_after[0] != call.before_and_after[1]) {
        verifier_stop(Bugcheck::kDriverVerifierDetectedViolation,
                      fmt::format("{} returned with a register changed that it must preserve", what));
    }
    return result;
}

ExecutiveCall* current_executive_call() {
    return t_thread != nullptr ? t_thread->executive_call : nullptr;
}

}  // namespace aegis::host

// Called by image_thread_x64.S, on the thread's own stack.
extern "C" void NTAPI aegis_enter_executive(aegis::host::ExecutiveCall* call) {
    aegis::host::ImageThread& thread = *aegis::host::t_thread;
    call->resume_at = 0;
    call->previous = std::exchange(thread.executive_call, call);
    aegis::host::require_unwindable(thread, *call);
}

extern "C" void NTAPI aegis_leave_executive(aegis::host::ExecutiveCall* call) {
    aegis::host::t_thread->executive_call = call->previous;
}
