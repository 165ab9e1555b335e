#include "sensors/registry_refusal.hpp"

#include "diagnostics/diagnostics.hpp"
#include "nt/pool.hpp"
#include "nt/process_id.hpp"
#include "nt/scope_guard.hpp"
#include "nt/spin_lock.hpp"
#include "sensors/service_keys.hpp"

namespace aegis::driver {
namespace {

// Written before the callback is registered.
std::uint32_t g_system_process_id = 0;

constexpr std::size_t kMostUnits = UINT16_MAX / sizeof(WCHAR);

// Asked of the configuration manager, in kernel mode, which no callback of this driver minds. What cannot be asked is
// taken for new: a key that is to be refused is not made because memory is short. IRQL <= APC_LEVEL.
bool is_there(const JoinedText& key) {
    const std::size_t units = key.length();
    if (current_irql() != PASSIVE_LEVEL || units > kMostUnits) {
        return false;
    }
    auto* const text = static_cast<std::uint16_t*>(allocate_nonpaged(units * sizeof(WCHAR)));
    if (text == nullptr) {
        return false;
    }
    ScopeGuard free_text([&] { free_nonpaged(text); });
    key.copy(0, units, text);
    UNICODE_STRING name;
    name.Length = static_cast<USHORT>(units * sizeof(WCHAR));
    name.MaximumLength = name.Length;
    name.Buffer = reinterpret_cast<PWCH>(text);
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, nullptr, nullptr);
    HANDLE handle = nullptr;
    if (!NT_SUCCESS(ZwOpenKey(&handle, KEY_READ, &attributes))) {
        return false;
    }
    ZwClose(handle);
    return true;
}

PathText folder_of(PathText key) {
    while (key.length != 0 && key.units[key.length - 1] != u'\\') {
        --key.length;
    }
    return {key.units, key.length == 0 ? 0 : key.length - 1};
}

// Whether the policy names the key, or it is one of this project's. `scratch` is room for its beginning: no rule is as
// long as that. IRQL <= APC_LEVEL.
bool is_forbidden(const SensorContext& context, const RegistryCall& call, const JoinedText& key,
                  std::uint16_t* scratch) {
    const KeyPlace place = place_among_services(key, context.policies->cases());
    if (place == KeyPlace::kOwn || (place == KeyPlace::kAbove && call.operation == AEGIS_REGISTRY_RENAME_KEY)) {
        return true;
    }
    static_assert(AEGIS_REGISTRY_TEXT > AEGIS_POLICY_PATH_UNITS_MAX);
    return context.policies->would_refuse(registry_subject(call, 0, key.in_one_piece(scratch, AEGIS_REGISTRY_TEXT), 0));
}

// Publishes, and counts. IRQL <= APC_LEVEL.
void report_refused(const SensorContext& context, CallbackHealth* health, const RegistryCall& call,
                    const JoinedText& key, CompactRegistryEvent* event) {
    const std::int64_t now = context.clock->now();
    const std::uint32_t process_id = process_id_number(PsGetCurrentProcessId());
    const Decision decision = context.policies->refused(
        registry_subject(call, process_id, key.in_one_piece(event->payload.Text, AEGIS_REGISTRY_TEXT), now));
    report_refusal("registry", process_id);
    if (context.keep_back(health, decision, now)) {
        return;
    }
    describe_call(call, &key, STATUS_ACCESS_DENIED, event);
    event->payload.Flags |= AEGIS_REGISTRY_REFUSED;
    context.report(health, AEGIS_EVENT_REGISTRY_OP, now, &event->payload, event->bytes);
}

}  // namespace

void find_system_process() {
    g_system_process_id = process_id_number(PsGetCurrentProcessId());
}

bool may_refuse_caller(const SensorContext& context) {
    return context.policies->in_force() && ExGetPreviousMode() == UserMode &&
           process_id_number(PsGetCurrentProcessId()) != g_system_process_id && !context.channel->has_failed();
}

Subject registry_subject(const RegistryCall& call, std::uint32_t process_id, PathText key, std::int64_t time) {
    Subject subject{};
    subject.type = AEGIS_EVENT_REGISTRY_OP;
    subject.operation = call.operation;
    subject.process_id = process_id;
    subject.actor_id = process_id;
    subject.path = key;
    subject.name = call.name;
    subject.time = time;
    return subject;
}

// A frame of its own, as the next: the event, whose texts are the scratch here, is large.
[[gnu::noinline]] bool refuse_call(const SensorContext& context, CallbackHealth* health, const RegistryCall& call,
                                   PathText key) {
    CompactRegistryEvent event;
    const JoinedText path(key);
    bool forbidden = is_forbidden(context, call, path, event.payload.Text);
    if (!forbidden && call.operation == AEGIS_REGISTRY_RENAME_KEY) {
        // What it will be called.
        forbidden = is_forbidden(context, call, JoinedText(folder_of(key), call.name), event.payload.Text);
    }
    if (forbidden) {
        report_refused(context, health, call, path, &event);
    }
    return forbidden;
}

[[gnu::noinline]] bool refuse_create(const SensorContext& context, CallbackHealth* health, const RegistryCall& call,
                                     const JoinedText& key) {
    CompactRegistryEvent event;
    if (!is_forbidden(context, call, key, event.payload.Text) || is_there(key)) {
        return false;
    }
    report_refused(context, health, call, key, &event);
    return true;
}

}  // namespace aegis::driver
