#include "driver/host/image/frame_walk.hpp"

#include <algorithm>

namespace aegis::host {
namespace {

constexpr std::uint64_t kWord = sizeof(std::uint64_t);

class Frame {
  public:
    Frame(const StackBytes& stack, FrameRegisters* registers) : stack_(stack), registers_(registers) {}

    // True when every read lay on the stack.
    bool good() const { return good_; }
    std::uint64_t& stack_pointer() { return registers_->stack_pointer(); }

    template <class T>
    T load(std::uint64_t address) {
        const auto value = ByteReader(stack_.bytes).read<T>(address - stack_.address);
        good_ = good_ && value.has_value();
        return value.value_or(T{});
    }

    std::uint64_t pop() {
        const auto value = load<std::uint64_t>(stack_pointer());
        stack_pointer() += kWord;
        return value;
    }

    // Undoes one step of the prologue. `base` is what saved registers are found from. True after a machine frame, which
    // holds all that is left to know.
    bool undo(const UnwindCode& code, std::uint64_t base, std::uint64_t frame_offset, unsigned frame_register) {
        switch (code.operation) {
            case UnwindOperation::kPushNonvolatile:
                registers_->general[code.which] = pop();
                break;
            case UnwindOperation::kAllocateSmall:
            case UnwindOperation::kAllocateLarge:
                stack_pointer() += code.amount;
                break;
            case UnwindOperation::kSetFrameRegister:
                stack_pointer() = registers_->general[frame_register] - frame_offset;
                break;
            case UnwindOperation::kSaveNonvolatile:
            case UnwindOperation::kSaveNonvolatileFar:
                registers_->general[code.which] = load<std::uint64_t>(base + code.amount);
                break;
            case UnwindOperation::kSaveXmm128:
            case UnwindOperation::kSaveXmm128Far:
                registers_->xmm[code.which] = load<XmmRegister>(base + code.amount);
                break;
            case UnwindOperation::kPushMachineFrame: {
                const std::uint64_t frame = stack_pointer() + code.which * kWord;
                registers_->instruction_pointer = load<std::uint64_t>(frame);
                // Behind the code segment and the flags.
                stack_pointer() = load<std::uint64_t>(frame + 3 * kWord);
                return true;
            }
        }
        return false;
    }

  private:
    const StackBytes& stack_;
    FrameRegisters* registers_;
    bool good_ = true;
};

}  // namespace

std::string leave_frame(const ImageFunction& function, std::uint32_t offset, const StackBytes& stack,
                        FrameRegisters* registers) {
    const UnwindInfo& unwind = function.unwind;
    const auto done = [&](const UnwindCode& code) { return code.prologue_offset <= offset; };
    const bool frame_set = unwind.frame_register != 0 &&
                           std::any_of(unwind.codes.begin(), unwind.codes.end(), [&](const UnwindCode& code) {
                               return code.operation == UnwindOperation::kSetFrameRegister && done(code);
                           });
    const std::uint64_t base =
        frame_set ? registers->general[unwind.frame_register] - unwind.frame_offset : registers->stack_pointer();
    const std::uint64_t before = registers->stack_pointer();
    Frame frame(stack, registers);
    bool interrupted = false;
    for (const UnwindCode& code : unwind.codes) {
        if (done(code) && !interrupted) {
            interrupted = frame.undo(code, base, unwind.frame_offset, unwind.frame_register);
        }
    }
    if (!interrupted) {
        registers->instruction_pointer = frame.pop();
    }
    if (!frame.good()) {
        return "lead off the stack";
    }
    return registers->stack_pointer() > before ? "" : "lead down the stack";
}

}  // namespace aegis::host
