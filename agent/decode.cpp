#include "agent/decode.hpp"

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
    std::uint8_t reserved;
};
static_assert(sizeof(ProcessFields) == AEGIS_PROCESS_PAYLOAD_FIXED);
static_assert(offsetof(ProcessFields, image_path_length) == offsetof(AEGIS_PROCESS_PAYLOAD, ImagePathLength));
static_assert(offsetof(ProcessFields, image_path_exact) == offsetof(AEGIS_PROCESS_PAYLOAD, ImagePathExact));

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
    event.path_exact = fields.image_path_exact != 0;
    event.path_length = fields.image_path_length;
    std::memcpy(event.path_units, path.data(), fields.image_path_length * sizeof(char16_t));
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
    }
    return "unknown decode error";
}

DecodeError decode(std::span<const std::byte> bytes, Event& event) {
    event.header = {};
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
    switch (event.header.Type) {
        case AEGIS_EVENT_PROCESS_CREATE:
        case AEGIS_EVENT_PROCESS_EXIT:
            return decode_process(bytes.first(event.header.Size).subspan(sizeof(event.header)), event);
        default:
            return DecodeError::kNone;
    }
}

}  // namespace aegis::agent
