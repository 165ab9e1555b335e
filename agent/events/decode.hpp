// From the bytes of one event to what they mean, or to the reason why they mean nothing.
//
// Works on the reader's private copy only. Accepts both forms of the contract: compact, where a payload ends after
// what it uses, and full, where the whole struct is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "aegis/event.h"

namespace aegis::agent {

// The part of AEGIS_IMAGE_PAYLOAD before its path.
struct ImageFields {
    std::uint32_t process_id;
    std::uint32_t loader_process_id;
    std::uint64_t process_key;
    std::uint64_t base;
    std::uint64_t size;
    std::uint8_t signature_level;
    std::uint8_t signature_type;
    std::uint8_t addressing_mode;
    std::uint8_t flags;  // AEGIS_IMAGE_…; bits that this release does not know may be set
    std::uint16_t path_length;
    std::uint16_t path_full_length;
    std::uint32_t thread_id;
};

// The part of AEGIS_PROCESS_DETAILS_PAYLOAD before its text.
struct DetailsFields {
    std::uint32_t process_id;
    std::uint32_t session_id;
    std::uint64_t process_key;
    std::uint64_t parent_key;
    std::uint64_t creator_key;
    std::uint64_t logon_id;
    std::int64_t creation_time;
    std::uint32_t creating_thread_id;
    std::uint32_t integrity_level;
    std::int32_t exit_status;
    std::uint32_t flags;  // AEGIS_DETAILS_…; bits that this release does not know may be set
    std::uint8_t kind;
    std::uint8_t part;
    std::uint8_t parts;
    std::uint8_t elevation;
    std::uint16_t sid_length;
    std::uint16_t command_line_length;
    std::uint16_t command_line_offset;
    std::uint16_t command_line_full_length;
};

struct ProcessDetails;

// Valid according to the header's type: an exit has a process id only, a thread's start or end a process id and
// `thread`, an image a process id, a path and `image`, details a process id and `details`, a handle a process id and
// `handle`, a change of the registry a process id and `registry`, events that were kept back have `suppressed`, any
// other type nothing but its header.
struct Event {
    AEGIS_EVENT_HEADER header;
    std::uint32_t process_id;
    std::uint32_t parent_process_id;
    std::uint32_t creating_process_id;
    bool refused;       // a start that never was
    bool path_exact;    // the whole path, and Windows vouches for it
    bool path_partial;  // Windows does not vouch for the name; of a cut path, for the one that was cut
    std::uint16_t path_length;
    std::uint16_t path_tail;         // of a cut path: where the part behind the cut begins; otherwise 0
    std::uint16_t path_full_length;  // before it was cut
    char16_t path_units[AEGIS_MAX_PATH];
    AEGIS_SUPPRESSED_PAYLOAD suppressed;

    AEGIS_HANDLE_PAYLOAD handle;

    AEGIS_THREAD_PAYLOAD thread;  // bits of Flags that this release does not know may be set
    ImageFields image;
    DetailsFields details;
    AEGIS_REGISTRY_PAYLOAD registry;  // as far as its texts go; registry_event.hpp reads them

    // Of a start or an exit: what was told of it before (PendingDetails); null: nothing. Decoding leaves both clear.
    const ProcessDetails* known;
    bool details_lost;  // all of them, or some

    // Of details: the SID and the piece of the command line, back to back where paths are otherwise.
    std::span<const std::byte> sid() const { return std::as_bytes(std::span(path_units)).first(details.sid_length); }
    std::u16string_view command_line() const {
        return {path_units + details.sid_length / sizeof(char16_t), details.command_line_length};
    }

    // Of a cut path: its beginning, AEGIS_PATH_CUT_MARK full stops and its end.
    std::u16string_view path() const { return {path_units, path_length}; }
    bool path_cut() const { return path_tail != 0; }
};

enum class DecodeError : std::uint8_t {
    kNone,
    kShorterThanHeader,  // fewer than 16 bytes, or a Size below 16
    kBeyondItsBuffer,    // Size is larger than what was there
    kPayloadTooShort,    // for the event's type
    kPathTooLong,        // more than AEGIS_MAX_PATH_REPORTED units
    kPathBeyondPayload,
    kTextBeyondPayload,  // texts that are longer together than the payload
    kCutBeyondPath,      // a cut path whose parts do not add up to it
    kBadDetails,         // details whose parts or texts do not add up
};

const char* describe(DecodeError error);

// Decodes the event at the start of `bytes`, which may hold more than this event. With an error, `event.header` is
// what the bytes said (zero where there were too few).
DecodeError decode(std::span<const std::byte> bytes, Event& event);

}  // namespace aegis::agent
