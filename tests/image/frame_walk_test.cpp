// Each operation of unwind data, as bytes and as what it undoes.

#include "driver/host/image/frame_walk.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

namespace aegis::test {
namespace {

using host::FrameRegisters;
using host::ImageFunction;
using host::UnwindCode;
using host::UnwindInfo;
using host::UnwindOperation;

constexpr std::uint64_t kStack = 0x7000;
constexpr unsigned kRbx = 3;
constexpr unsigned kRbp = 5;
constexpr unsigned kR12 = 12;

// A stack of words 0x100, 0x101, …, from kStack on.
class FrameWalk : public testing::Test {
  protected:
    FrameWalk() {
        for (std::uint64_t index = 0; index < words_.size(); ++index) {
            words_[index] = 0x100 + index;
        }
        registers_.stack_pointer() = kStack;
    }

    std::string leave(const UnwindInfo& unwind, std::uint32_t offset = 0x80) {
        return host::leave_frame(ImageFunction{0x1000, 0x1100, unwind}, offset,
                                 {kStack, std::as_bytes(std::span(words_))}, &registers_);
    }

    static UnwindInfo info(std::vector<UnwindCode> codes) {
        UnwindInfo unwind;
        unwind.codes = std::move(codes);
        return unwind;
    }

    std::array<std::uint64_t, 32> words_{};
    FrameRegisters registers_;
};

TEST_F(FrameWalk, OfNoPrologueIsTheReturnAddress) {
    EXPECT_EQ(leave({}), "");
    EXPECT_EQ(registers_.instruction_pointer, 0x100U);
    EXPECT_EQ(registers_.stack_pointer(), kStack + 8);
}

TEST_F(FrameWalk, UndoesPushesAndAllocations) {
    EXPECT_EQ(leave(info({{8, UnwindOperation::kAllocateSmall, 0, 0x20},
                          {4, UnwindOperation::kPushNonvolatile, kRbx, 0},
                          {2, UnwindOperation::kPushNonvolatile, kR12, 0}})),
              "");
    EXPECT_EQ(registers_.general[kRbx], 0x104U);
    EXPECT_EQ(registers_.general[kR12], 0x105U);
    EXPECT_EQ(registers_.instruction_pointer, 0x106U);
    EXPECT_EQ(registers_.stack_pointer(), kStack + 0x38);
}

// Catches: steps undone that have not been done yet.
TEST_F(FrameWalk, UndoesOnlyWhatThePrologueHasDone) {
    EXPECT_EQ(
        leave(info({{8, UnwindOperation::kAllocateSmall, 0, 0x20}, {2, UnwindOperation::kPushNonvolatile, kRbx, 0}}),
              2),
        "");
    EXPECT_EQ(registers_.general[kRbx], 0x100U);
    EXPECT_EQ(registers_.instruction_pointer, 0x101U);
}

// Catches: saved registers found from the stack pointer instead of the frame; the frame's offset added.
TEST_F(FrameWalk, UndoesAFrameRegisterAndWhatIsSavedInTheFrame) {
    registers_.general[kRbp] = kStack + 0x60;
    UnwindInfo unwind = info({{20, UnwindOperation::kSaveXmm128, 7, 0x20},
                              {16, UnwindOperation::kSaveNonvolatile, kR12, 0x10},
                              {12, UnwindOperation::kSaveNonvolatileFar, kRbx, 0x8},
                              {8, UnwindOperation::kSetFrameRegister, 0, 0},
                              {4, UnwindOperation::kAllocateLarge, 0, 0x40},
                              {1, UnwindOperation::kPushNonvolatile, kRbp, 0}});
    unwind.frame_register = kRbp;
    unwind.frame_offset = 0x20;
    EXPECT_EQ(leave(unwind), "");
    // The frame begins at kStack + 0x40, word 8.
    EXPECT_EQ(registers_.xmm[7], (host::XmmRegister{0x10C, 0x10D}));
    EXPECT_EQ(registers_.general[kR12], 0x10AU);
    EXPECT_EQ(registers_.general[kRbx], 0x109U);
    EXPECT_EQ(registers_.general[kRbp], 0x110U);
    EXPECT_EQ(registers_.instruction_pointer, 0x111U);
    EXPECT_EQ(registers_.stack_pointer(), kStack + 0x90);
}

TEST_F(FrameWalk, SavesWithoutAFrameRegisterAreFromTheStackPointer) {
    EXPECT_EQ(
        leave(info({{8, UnwindOperation::kSaveXmm128Far, 15, 0x10}, {4, UnwindOperation::kAllocateSmall, 0, 0x40}})),
        "");
    EXPECT_EQ(registers_.xmm[15], (host::XmmRegister{0x102, 0x103}));
    EXPECT_EQ(registers_.instruction_pointer, 0x108U);
}

// Catches: the error code taken for the address; a return address popped behind the frame.
TEST_F(FrameWalk, UndoesAMachineFrame) {
    for (const std::uint8_t error_code : {0, 1}) {
        registers_.stack_pointer() = kStack;
        words_[3U + error_code] = kStack + 0xC0;
        EXPECT_EQ(leave(info({{0, UnwindOperation::kPushMachineFrame, error_code, 0}})), "");
        EXPECT_EQ(registers_.instruction_pointer, 0x100U + error_code);
        EXPECT_EQ(registers_.stack_pointer(), kStack + 0xC0);
    }
}

TEST_F(FrameWalk, DoesNotLeaveTheStack) {
    EXPECT_EQ(leave(info({{4, UnwindOperation::kAllocateLarge, 0, 0x100}})), "lead off the stack");
    registers_.stack_pointer() = kStack - 8;
    EXPECT_EQ(leave({}), "lead off the stack");
    registers_.stack_pointer() = kStack + 0x40;
    registers_.general[kRbp] = kStack;
    UnwindInfo unwind = info({{4, UnwindOperation::kSetFrameRegister, 0, 0}});
    unwind.frame_register = kRbp;
    EXPECT_EQ(leave(unwind), "lead down the stack");
}

// Unwind data at address 0x10 of an image of 0x100 bytes.
host::UnwindInfoResult read(std::vector<std::uint8_t> data) {
    std::vector<std::byte> image(0x100);
    std::memcpy(image.data() + 0x10, data.data(), data.size());
    return host::read_unwind_info(image, 0x10);
}

TEST(UnwindInfoBytes, HoldEveryOperation) {
    const host::UnwindInfoResult result = read({0x01, 0x30, 15,   0x25,  // version, prologue, slots, rbp + 0x20
                                                0x2C, 0x01, 0x80, 0x00,  // allocate 0x80 * 8
                                                0x28, 0x11, 0x78, 0x56, 0x34, 0x12,  // allocate 0x12345678
                                                0x24, 0x62,                          // allocate 7 * 8
                                                0x20, 0xC0,                          // push r12
                                                0x1C, 0x03,                          // set the frame register
                                                0x18, 0x34, 0x02, 0x00,              // save rbx at 2 * 8
                                                0x14, 0x65, 0x04, 0x00, 0x01, 0x00,  // save rsi at 0x10004
                                                0x10, 0x78, 0x03, 0x00});            // save xmm7 at 3 * 16
    ASSERT_TRUE(result.info) << result.error;
    const UnwindInfo& info = *result.info;
    EXPECT_EQ(info.frame_register, kRbp);
    EXPECT_EQ(info.frame_offset, 0x20U);
    EXPECT_EQ(info.prologue_bytes, 0x30);
    ASSERT_EQ(info.codes.size(), 8U);
    const std::array<std::uint32_t, 8> amounts{0x400, 0x12345678, 56, 0, 0, 16, 0x10004, 48};
    for (std::size_t index = 0; index < amounts.size(); ++index) {
        EXPECT_EQ(info.codes[index].amount, amounts[index]) << index;
        EXPECT_EQ(info.codes[index].prologue_offset, 0x2C - 4 * index) << index;
    }
    EXPECT_EQ(info.codes[3].which, kR12);
    EXPECT_EQ(info.codes[5].which, kRbx);
    EXPECT_EQ(info.codes[6].operation, UnwindOperation::kSaveNonvolatileFar);
    EXPECT_EQ(info.codes[7].which, 7);
    EXPECT_EQ(read({0x01, 0, 3, 0, 4, 0x79, 0x20, 0, 0, 0}).info->codes[0].amount, 0x20U);
    EXPECT_EQ(read({0x01, 0, 1, 0, 0, 0x1A}).info->codes[0].which, 1);
}

// Catches: codes of the first part alone; offsets that belong to another function's begin.
TEST(UnwindInfoBytes, GoOnInWhatTheyAreChainedTo) {
    const host::UnwindInfoResult result = read({0x21, 4, 1, 0, 4, 0x12, 0, 0,  // allocate 16, chained to:
                                                0,    0, 0, 0, 1, 0,    0, 0,   0x24, 0, 0, 0,  // a row: data at 0x24
                                                0x01, 9, 2, 0, 9, 0x22, 1, 0x30});              // allocate 24, push rbx
    ASSERT_TRUE(result.info) << result.error;
    ASSERT_EQ(result.info->codes.size(), 3U);
    EXPECT_EQ(result.info->codes[0].prologue_offset, 4);
    EXPECT_EQ(result.info->codes[1].prologue_offset, 0);
    EXPECT_EQ(result.info->codes[1].amount, 24U);
    EXPECT_EQ(result.info->codes[2].which, kRbx);
}

TEST(UnwindInfoBytes, ThatMeanNothingAreRefused) {
    EXPECT_EQ(read({0x02, 0, 0, 0}).error, "another version");
    EXPECT_EQ(read({0x01, 0, 1, 0, 0, 0x06}).error, "an operation that does not exist or is cut off");
    EXPECT_EQ(read({0x01, 0, 1, 0, 0, 0x01}).error, "an operation that does not exist or is cut off");
    EXPECT_EQ(read({0x01, 0, 1, 0, 0, 0x2A}).error, "an operation that does not exist or is cut off");
    EXPECT_EQ(read({0x09, 0, 0, 0, 0, 1, 0, 0}).error, "a handler outside the image");
    EXPECT_EQ(read({0x29, 0, 0, 0}).error, "a chain that is cut off or has a handler");
    EXPECT_EQ(read({0x21, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x10, 0, 0, 0}).error, "a chain without an end");
    EXPECT_EQ(host::read_unwind_info({}, 0).error, "another version");
}

}  // namespace
}  // namespace aegis::test
