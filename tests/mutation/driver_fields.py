"""Fields and members of the same type, which compile in each other's place. Each use of one is tried as the next one of
its row. What stands before the name is kept: `info->ParentProcessId` becomes `info->` and the next name."""

import re

# A name with a dot is a use of that object only, where the bare name also belongs to another structure.
ROWS = (
    # NT's
    ("CreatingThreadId.UniqueProcess", "CreatingThreadId.UniqueThread"),
    ("path->Length", "path->MaximumLength"),
    ("string.Length", "string.MaximumLength"),
    ("InputBufferLength", "OutputBufferLength"),
    ("Flink", "Blink"),
    ("descriptor_.Owner", "descriptor_.Group"),
    # the contract's
    ("payload.ProcessId", "payload.ParentProcessId", "payload.CreatingProcessId"),
    ("told.ProcessId", "told.ThreadId"),
    ("told->CreatorProcessId", "told->CreatorThreadId"),
    ("told->CreatorKey", "told->StartAddress"),
    ("payload->ImagePathExact", "payload->ImagePathFlags"),
    ("header.Version", "header.Bytes"),
    ("reply.Version", "reply.Bytes"),
    ("reply->Version", "reply->Bytes", "reply->DriverVersion", "reply->State"),
    ("reply.RingBytes", "reply.ConsumerPageBytes"),
    ("RingAddress", "ConsumerPageAddress"),
    ("reply.AbiMajor", "reply.AbiMinor"),
    ("identity.AbiMajor", "identity.AbiMinor"),
    ("reply.HeaderBytes", "reply.CellBytes", "reply.CellCount"),
    ("reply->HeaderBytes", "reply->CellBytes", "reply->CellCount"),
    ("identity.HeaderBytes", "identity.CellBytes", "identity.CellCount"),
    ("reply->RegionBytes", "reply->Published", "reply->WakeupsSent"),
    ("row->Cursor", "row->Lag", "row->Lost", "row->Wakeups"),
    ("row->Transport", "row->ProcessId"),
    ("reported->Kind", "reported->Registered", "reported->Flags"),
    ("reported->Seen", "reported->Published", "reported->Filtered", "reported->Limited", "reported->Merged",
     "reported->Lost"),
    ("reply->CallbackRows", "reply->ConsumerRows"),
    # the driver's own
    ("buffer.input_bytes", "buffer.output_bytes"),
    ("buffer->output_bytes", "buffer->written"),
    ("ring_mapping_", "page_mapping_"),
    ("g_local_system", "g_administrators"),
    ("counters.published", "counters.wakeups_sent"),
    ("Outcome::kPublished", "Outcome::kFiltered", "Outcome::kLimited", "Outcome::kMerged", "Outcome::kLost"),
)

_BASE = r"(?<![\w.>&])(&?)((?:\w+(?:\[[^\]]*\])?(?:\.|->))*)"


def exchanges(code):
    """(use, exchanged) for each use of a field in the line."""
    found = []
    if code.lstrip().startswith("//"):
        return found
    for row in ROWS:
        for name, other in zip(row, (*row[1:], row[0])):
            for use in re.finditer(_BASE + re.escape(name) + r"(?![\w(])", code):
                exchange = (use.group(0), f"{use.group(1)}{use.group(2)}{other}")
                if exchange not in found:
                    found.append(exchange)
    return found
