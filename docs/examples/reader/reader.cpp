// Prints process starts and losses until the driver is stopped: reader [device]
#include <aegis/client.h>

#include <iostream>

static std::uint64_t sums[2];  // events, lost: an event counts one, a loss as many as it is
static std::uint64_t first;    // sequence, of an event or a loss

static std::int32_t print(void*, const aegis_item* item) {
    sums[item->kind == AEGIS_ITEM_LOSS ? 1 : 0] += item->count;
    first = first != 0 ? first : item->sequence;
    const auto* head = static_cast<const AEGIS_EVENT_HEADER*>(item->data);
    if (item->kind == AEGIS_ITEM_LOSS) {
        std::cout << "LOST " << item->count << '\n';
    } else if (head->Type == AEGIS_EVENT_PROCESS_CREATE && item->bytes >= sizeof(*head) + AEGIS_PROCESS_PAYLOAD_FIXED) {
        const auto* process = reinterpret_cast<const AEGIS_PROCESS_PAYLOAD*>(head + 1);
        const auto* end = static_cast<const std::uint16_t*>(item->data) + item->bytes / sizeof(std::uint16_t);
        std::cout << "START " << process->ProcessId << ' ';
        for (const std::uint16_t* unit = process->ImagePath; unit < end && *unit != 0; ++unit) {
            std::cout << (*unit < 128 ? static_cast<char>(*unit) : '?');
        }
        std::cout << '\n';
    }
    return 0;
}

int main(int argc, char** argv) {
    aegis_options options = {};
    options.size = sizeof(options);
    options.device = argc > 1 ? argv[1] : nullptr;
    aegis_client* client = nullptr;
    std::int32_t result = aegis_open(&options, &client);
    while (result >= 0) {
        result = aegis_visit(client, print, nullptr, 1000, AEGIS_FOREVER);
    }
    std::cerr << aegis_last_error() << "\nfirst=" << first << " events=" << sums[0] << " lost=" << sums[1] << '\n';
    aegis_close(client);
    return result == AEGIS_STOPPING ? 0 : 1;
}
