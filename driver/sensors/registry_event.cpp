#include "sensors/registry_event.hpp"

#include "nt/process_id.hpp"
#include "nt/safe_copy.hpp"
#include "sensors/process_key.hpp"

namespace aegis::driver {
namespace {

// A long path of a key leaves so much to the name and to the data, where they need it.
constexpr std::size_t kNameUnitsKept = 160;
constexpr std::size_t kDataUnitsKept = 16;
// What is cut keeps a quarter of what is left as its beginning.
constexpr std::size_t kHeadShare = 4;
static_assert(AEGIS_REGISTRY_TEXT_REPORTED - kNameUnitsKept - kDataUnitsKept > 256, "most paths are whole");

std::size_t least(std::size_t left, std::size_t right) {
    return left < right ? left : right;
}

std::size_t copy_text(const JoinedText& text, std::size_t room, std::uint16_t* to) {
    return copy_cut(text, room / kHeadShare, room, to);
}

std::size_t units_for(std::size_t bytes) {
    return (bytes + sizeof(WCHAR) - 1) / sizeof(WCHAR);
}

// A counted string has no more units than that.
std::uint16_t full_length(std::size_t units) {
    return static_cast<std::uint16_t>(least(units, UINT16_MAX));
}

void add_key(const RegistryCall& call, const JoinedText& key, AEGIS_REGISTRY_PAYLOAD* told) {
    const std::size_t kept =
        least(call.name.length, kNameUnitsKept) + least(units_for(call.data_bytes), kDataUnitsKept);
    const std::size_t units = copy_text(key, AEGIS_REGISTRY_TEXT_REPORTED - kept, told->Text);
    told->KeyLength = static_cast<std::uint16_t>(units);
    told->KeyFullLength = full_length(key.length());
    told->Flags |= units < key.length() ? AEGIS_REGISTRY_KEY_CUT : 0;
}

void add_name(const RegistryCall& call, AEGIS_REGISTRY_PAYLOAD* told) {
    const std::size_t room =
        AEGIS_REGISTRY_TEXT_REPORTED - told->KeyLength - least(units_for(call.data_bytes), kDataUnitsKept);
    const std::size_t units = copy_text(JoinedText(call.name), room, told->Text + told->KeyLength);
    told->NameLength = static_cast<std::uint16_t>(units);
    told->NameFullLength = full_length(call.name.length);
    told->Flags |= units < call.name.length ? AEGIS_REGISTRY_NAME_CUT : 0;
}

void add_data(const RegistryCall& call, AEGIS_REGISTRY_PAYLOAD* told) {
    const std::size_t texts = std::size_t{told->KeyLength} + told->NameLength;
    const std::size_t room = (AEGIS_REGISTRY_TEXT_REPORTED - texts) * sizeof(WCHAR);
    const std::size_t bytes = copy_safely(call.data, least(room, call.data_bytes), told->Text + texts);
    told->DataLength = static_cast<std::uint16_t>(bytes);
    told->DataSize = call.data_bytes;
    told->Flags |= bytes < call.data_bytes ? AEGIS_REGISTRY_DATA_CUT : 0;
}

}  // namespace

void describe_call(const RegistryCall& call, const JoinedText* key, NTSTATUS status, CompactRegistryEvent* event) {
    AEGIS_REGISTRY_PAYLOAD* const told = &event->payload;
    RtlZeroMemory(told, AEGIS_REGISTRY_PAYLOAD_FIXED);
    told->ProcessId = process_id_number(PsGetCurrentProcessId());
    told->ThreadId = process_id_number(PsGetCurrentThreadId());
    const ProcessKey process = process_key(PsGetCurrentProcessId());
    told->ProcessKey = process.value;
    told->Flags = process.is_time ? AEGIS_REGISTRY_KEY_IS_TIME : 0;
    told->ValueType = call.type;
    told->Status = status;
    told->Operation = call.operation;
    if (key != nullptr) {
        add_key(call, *key, told);
    } else {
        told->Flags |= AEGIS_REGISTRY_NO_KEY_NAME;
    }
    add_name(call, told);
    add_data(call, told);
    event->bytes = AEGIS_REGISTRY_PAYLOAD_FIXED + (std::size_t{told->KeyLength} + told->NameLength) * sizeof(WCHAR) +
                   told->DataLength;
}

}  // namespace aegis::driver
