#include "agent/events/decode.hpp"

#include <algorithm>
#include <cstring>

namespace aegis::agent {
namespace {

// The part of AEGIS_PROCESS_PAYLOAD before its path.
struct ProcessFields {
    std::uint32_t process_id;
    std::uint32_t parent_process_id;
    std::uint32_t creating_process_id;
    std::uint16_t image_path_length;
    std::uint8_t image_path_exact;
    std::uint8_t image_path_flags;
};
static_assert(sizeof(ProcessFields) == AEGIS_PROCESS_PAYLOAD_FIXED);
static_assert(offsetof(ProcessFields, image_path_length) == offsetof(AEGIS_PROCESS_PAYLOAD, ImagePathLength));
static_assert(offsetof(ProcessFields, image_path_exact) == offsetof(AEGIS_PROCESS_PAYLOAD, ImagePathExact));
static_assert(offsetof(ProcessFields, image_path_flags) == offsetof(AEGIS_PROCESS_PAYLOAD, ImagePathFlags));

static_assert(offsetof(ImageFields, process_key) == offsetof(AEGIS_IMAGE_PAYLOAD, ProcessKey));
static_assert(offsetof(ImageFields, base) == offsetof(AEGIS_IMAGE_PAYLOAD, ImageBase));
static_assert(offsetof(ImageFields, size) == offsetof(AEGIS_IMAGE_PAYLOAD, ImageSize));
static_assert(offsetof(ImageFields, signature_level) == offsetof(AEGIS_IMAGE_PAYLOAD, SignatureLevel));
static_assert(offsetof(ImageFields, flags) == offsetof(AEGIS_IMAGE_PAYLOAD, Flags));
static_assert(offsetof(ImageFields, path_length) == offsetof(AEGIS_IMAGE_PAYLOAD, PathLength));
static_assert(offsetof(ImageFields, path_full_length) == offsetof(AEGIS_IMAGE_PAYLOAD, PathFullLength));
static_assert(offsetof(ImageFields, thread_id) == offsetof(AEGIS_IMAGE_PAYLOAD, ThreadId));
static_assert(AEGIS_IMAGE_MAX_PATH <= AEGIS_MAX_PATH, "Event has room for either path");

static_assert(offsetof(DetailsFields, process_key) == offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, ProcessKey));
static_assert(offsetof(DetailsFields, logon_id) == offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, LogonId));
static_assert(offsetof(DetailsFields, creation_time) == offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, CreationTime));
static_assert(offsetof(DetailsFields, exit_status) == offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, ExitStatus));
static_assert(offsetof(DetailsFields, flags) == offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, Flags));
static_assert(offsetof(DetailsFields, kind) == offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, Kind));
static_assert(offsetof(DetailsFields, sid_length) == offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, SidLength));
static_assert(offsetof(DetailsFields, command_line_full_length) ==
              offsetof(AEGIS_PROCESS_DETAILS_PAYLOAD, CommandLineFullLength));
static_assert(AEGIS_DETAILS_TEXT <= AEGIS_MAX_PATH, "Event has room for either text");

std::uint16_t unit_at(std::span<const std::byte> path, std::size_t index) {
    std::uint16_t unit = 0;
    std::memcpy(&unit, path.data() + index * sizeof(unit), sizeof(unit));
    return unit;
}

// What a cut path says about itself behind its text.
DecodeError decode_cut(std::span<const std::byte> path, std::uint8_t flags, Event& event) {
    if (path.size() < sizeof(AEGIS_PROCESS_PAYLOAD::ImagePath)) {
        return DecodeError::kPathBeyondPayload;
    }
    const std::size_t tail = std::size_t{unit_at(path, AEGIS_PATH_CUT_PLACE)} + AEGIS_PATH_CUT_MARK;
    const std::uint16_t full_length = unit_at(path, AEGIS_PATH_CUT_FULL);
    if (event.path_length > AEGIS_PATH_CUT_MAX || tail > event.path_length || full_length < event.path_length) {
        return DecodeError::kCutBeyondPath;
    }
    event.path_tail = static_cast<std::uint16_t>(tail);
    event.path_full_length = full_length;
    event.path_partial = (flags & AEGIS_PATH_CUT_EXACT) == 0;
    return DecodeError::kNone;
}

DecodeError decode_process(std::span<const std::byte> payload, Event& event) {
    ProcessFields fields;
    if (payload.size() < sizeof(fields)) {
        return DecodeError::kPayloadTooShort;
    }
    std::memcpy(&fields, payload.data(), sizeof(fields));
    event.process_id = fields.process_id;
    if (event.header.Type == AEGIS_EVENT_PROCESS_EXIT) {
        return DecodeError::kNone;
    }
    const std::span<const std::byte> path = payload.subspan(sizeof(fields));
    if (fields.image_path_length > AEGIS_MAX_PATH_REPORTED) {
        return DecodeError::kPathTooLong;
    }
    if (fields.image_path_length * sizeof(char16_t) > path.size()) {
        return DecodeError::kPathBeyondPayload;
    }
    event.parent_process_id = fields.parent_process_id;
    event.creating_process_id = fields.creating_process_id;
    event.refused = (fields.image_path_flags & AEGIS_PROCESS_REFUSED) != 0;
    event.path_exact = fields.image_path_exact != 0;
    event.path_partial = !event.path_exact;
    event.path_length = fields.image_path_length;
    event.path_tail = 0;
    event.path_full_length = fields.image_path_length;
    std::memcpy(event.path_units, path.data(), fields.image_path_length * sizeof(char16_t));
    const bool cut = (fields.image_path_flags & AEGIS_PATH_CUT) != 0;
    return cut ? decode_cut(path, fields.image_path_flags, event) : DecodeError::kNone;
}

DecodeError decode_suppressed(std::span<const std::byte> payload, Event& event) {
    if (payload.size() < sizeof(event.suppressed)) {
        return DecodeError::kPayloadTooShort;
    }
    std::memcpy(&event.suppressed, payload.data(), sizeof(event.suppressed));
    return DecodeError::kNone;
}

DecodeError decode_thread(std::span<const std::byte> payload, Event& event) {
    if (payload.size() < sizeof(event.thread)) {
        return DecodeError::kPayloadTooShort;
    }
    std::memcpy(&event.thread, payload.data(), sizeof(event.thread));
    event.process_id = event.thread.ProcessId;
    return DecodeError::kNone;
}

DecodeError decode_handle(std::span<const std::byte> payload, Event& event) {
    if (payload.size() < sizeof(event.handle)) {
        return DecodeError::kPayloadTooShort;
    }
    std::memcpy(&event.handle, payload.data(), sizeof(event.handle));
    event.process_id = event.handle.ProcessId;
    return DecodeError::kNone;
}

DecodeError decode_image(std::span<const std::byte> payload, Event& event) {
    ImageFields& image = event.image;
    if (payload.size() < AEGIS_IMAGE_PAYLOAD_FIXED) {
        return DecodeError::kPayloadTooShort;
    }
    std::memcpy(&image, payload.data(), AEGIS_IMAGE_PAYLOAD_FIXED);
    const std::span<const std::byte> path = payload.subspan(AEGIS_IMAGE_PAYLOAD_FIXED);
    if (image.path_length > AEGIS_IMAGE_MAX_PATH_REPORTED) {
        return DecodeError::kPathTooLong;
    }
    if (image.path_length * sizeof(char16_t) > path.size()) {
        return DecodeError::kPathBeyondPayload;
    }
    const bool cut = image.path_full_length > image.path_length;
    if (image.path_full_length < image.path_length || (cut && image.path_length != AEGIS_IMAGE_MAX_PATH_REPORTED)) {
        return DecodeError::kCutBeyondPath;
    }
    event.process_id = image.process_id;
    event.path_partial = (image.flags & AEGIS_IMAGE_EXACT) == 0;
    event.path_exact = !event.path_partial && !cut;
    event.path_length = image.path_length;
    event.path_tail = cut ? AEGIS_IMAGE_CUT_HEAD + AEGIS_IMAGE_CUT_MARK : 0;
    event.path_full_length = image.path_full_length;
    std::memcpy(event.path_units, path.data(), image.path_length * sizeof(char16_t));
    return DecodeError::kNone;
}

bool adds_up(const DetailsFields& details) {
    const std::size_t end = std::size_t{details.command_line_offset} + details.command_line_length;
    return (details.kind == AEGIS_DETAILS_START || details.kind == AEGIS_DETAILS_EXIT) && details.parts != 0 &&
           details.parts <= AEGIS_DETAILS_PARTS_MAX && details.part < details.parts &&
           details.sid_length <= AEGIS_SID_BYTES_MAX && details.sid_length % sizeof(char16_t) == 0 &&
           end <= details.command_line_full_length;
}

DecodeError decode_details(std::span<const std::byte> payload, Event& event) {
    DetailsFields& details = event.details;
    if (payload.size() < AEGIS_DETAILS_PAYLOAD_FIXED) {
        return DecodeError::kPayloadTooShort;
    }
    std::memcpy(&details, payload.data(), AEGIS_DETAILS_PAYLOAD_FIXED);
    const std::span<const std::byte> text = payload.subspan(AEGIS_DETAILS_PAYLOAD_FIXED);
    const std::size_t bytes = details.sid_length + details.command_line_length * sizeof(char16_t);
    if (!adds_up(details) || bytes > text.size() || bytes > AEGIS_DETAILS_TEXT * sizeof(char16_t)) {
        return DecodeError::kBadDetails;
    }
    event.process_id = details.process_id;
    std::memcpy(event.path_units, text.data(), bytes);
    return DecodeError::kNone;
}

DecodeError decode_registry(std::span<const std::byte> payload, Event& event) {
    AEGIS_REGISTRY_PAYLOAD& change = event.registry;
    if (payload.size() < AEGIS_REGISTRY_PAYLOAD_FIXED) {
        return DecodeError::kPayloadTooShort;
    }
    const std::size_t bytes = std::min(payload.size(), sizeof(change));
    std::memcpy(&change, payload.data(), bytes);
    const std::size_t texts =
        (std::size_t{change.KeyLength} + change.NameLength) * sizeof(char16_t) + change.DataLength;
    if (AEGIS_REGISTRY_PAYLOAD_FIXED + texts > bytes) {
        return DecodeError::kTextBeyondPayload;
    }
    event.process_id = change.ProcessId;
    return DecodeError::kNone;
}

}  // namespace

const char* describe(DecodeError error) {
    switch (error) {
        case DecodeError::kNone:
            return "well-formed";
        case DecodeError::kShorterThanHeader:
            return "shorter than an event header";
        case DecodeError::kBeyondItsBuffer:
            return "its size reaches beyond the bytes that are there";
        case DecodeError::kPayloadTooShort:
            return "payload too short for its type";
        case DecodeError::kPathTooLong:
            return "image path longer than the driver may report";
        case DecodeError::kPathBeyondPayload:
            return "image path reaches beyond the payload";
        case DecodeError::kTextBeyondPayload:
            return "its texts reach beyond the payload";
        case DecodeError::kCutBeyondPath:
            return "the parts of its cut image path do not add up";
        case DecodeError::kBadDetails:
            return "the parts or texts of its process details do not add up";
    }
    return "unknown decode error";
}

DecodeError decode(std::span<const std::byte> bytes, Event& event) {
    event.header = {};
    event.known = nullptr;
    event.details_lost = false;
    if (bytes.size() < sizeof(event.header)) {
        return DecodeError::kShorterThanHeader;
    }
    std::memcpy(&event.header, bytes.data(), sizeof(event.header));
    if (event.header.Size < sizeof(event.header)) {
        return DecodeError::kShorterThanHeader;
    }
    if (event.header.Size > bytes.size()) {
        return DecodeError::kBeyondItsBuffer;
    }
    const std::span<const std::byte> payload = bytes.first(event.header.Size).subspan(sizeof(event.header));
    switch (event.header.Type) {
        case AEGIS_EVENT_PROCESS_CREATE:
        case AEGIS_EVENT_PROCESS_EXIT:
            return decode_process(payload, event);
        case AEGIS_EVENT_SUPPRESSED:
            return decode_suppressed(payload, event);
        case AEGIS_EVENT_THREAD_CREATE:
        case AEGIS_EVENT_THREAD_EXIT:
            return decode_thread(payload, event);
        case AEGIS_EVENT_IMAGE_LOAD:
            return decode_image(payload, event);
        case AEGIS_EVENT_HANDLE_OP:
            return decode_handle(payload, event);
        case AEGIS_EVENT_PROCESS_DETAILS:
            return decode_details(payload, event);
        case AEGIS_EVENT_REGISTRY_OP:
            return decode_registry(payload, event);
        default:
            return DecodeError::kNone;
    }
}

}  // namespace aegis::agent
