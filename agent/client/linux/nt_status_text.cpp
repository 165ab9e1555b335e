#include "agent/client/linux/nt_status_text.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace aegis::client {
namespace {

struct Text {
    std::uint32_t status;
    std::string_view words;
};

constexpr std::array kTexts = {
    Text{0x00000000U, "success"},
    Text{0xC0000002U, "not implemented"},
    Text{0xC0000004U, "a request of another length than expected"},
    Text{0xC0000008U, "no such handle"},
    Text{0xC000000DU, "a value that makes no sense"},
    Text{0xC000000EU, "no such device"},
    Text{0xC0000010U, "no request that the driver knows"},
    Text{0xC0000011U, "it ends too early"},
    Text{0xC0000017U, "no memory"},
    Text{0xC0000022U, "access denied"},
    Text{0xC0000023U, "too little room for the reply"},
    Text{0xC0000024U, "an object of another kind"},
    Text{0xC0000030U, "fields that contradict each other"},
    Text{0xC0000033U, "not a valid name"},
    Text{0xC0000034U, "not found"},
    Text{0xC0000035U, "two of the same name"},
    Text{0xC000003BU, "not a valid path"},
    Text{0xC000003CU, "bytes that belong to nothing"},
    Text{0xC0000043U, "another handle's policy is in force"},
    Text{0xC0000044U, "no room for another one"},
    Text{0xC0000056U, "it is being removed"},
    Text{0xC0000058U, "an unknown revision"},
    Text{0xC0000059U, "another version"},
    Text{0xC000008CU, "parts that do not lie where they say"},
    Text{0xC0000095U, "a number beyond its limit"},
    Text{0xC000009AU, "out of memory, address space or descriptors"},
    Text{0xC00000B5U, "no answer in time"},
    Text{0xC00000BBU, "not supported by this driver"},
    Text{0xC00000C4U, "an answer that makes no sense"},
    Text{0xC00000CEU, "too many clients"},
    Text{0xC0000106U, "a name that is too long"},
    Text{0xC0000120U, "given up when asked to end"},
    Text{0xC0000128U, "the handle is closed"},
    Text{0xC0000183U, "the driver found itself broken"},
    Text{0xC0000184U, "not in this state"},
    Text{0xC0000206U, "a buffer of an impossible size"},
    Text{0xC0000225U, "not found"},
    Text{0xC0000232U, "a value that is none of those allowed"},
    Text{0xC00002B6U, "the driver went away"},
    Text{0xC0000718U, "this handle has that already"},
    Text{0xC000A000U, "it does not begin as it should"},
};

}  // namespace

std::string describe_status(std::uint32_t status) {
    for (const Text& text : kTexts) {
        if (text.status == status) {
            return fmt::format("{} (status 0x{:08X})", text.words, status);
        }
    }
    return fmt::format("status 0x{:08X}", status);
}

std::string_view no_answer_advice() {
    return "is it stopped ('kill -CONT' lets it go on), stuck or overloaded?";
}

}  // namespace aegis::client
