"""Changes of the driver that no test notices, and why none has to. Each name is one of driver_mutants.py."""

_OVERWRITTEN = "the registration's outcome overwrites it before anyone looks"
_NOBODY_ASKS = "only unload calls it: nobody can ask any more, and the next load starts over"
_ZERO_ALREADY = "zero already: the driver starts with it, and unload comes after the last handle is closed"
_ONLY_SPEED = ("it changes how fast callbacks that meet can publish, which `make bench` measures (2-producers/1), and no "
               "result")
_NEXT_LOAD = "nothing looks at it between this unload and the next load, which fills it"
_NOT_MAPPED = "nothing looks at it while nothing is mapped; the next map fills it"
_ALONE = "before the device, the callback or the mapping that would let anybody see it"
_ONE_LOCK = "under one lock, which whoever looks takes too"
_OWN_REPLY = "it fills memory that nobody else sees before it is complete"
_A_REPORT = "a count or a time that is reported and decides nothing: a moment earlier or later is as true"
_LOAD_FAILS = "where the load fails: what it leaves behind, or reads in vain, nobody looks at"
_BOTH_HAVE_ALL = "the DACL gives both of them every right, an owner's among them"
_NEVER_BEYOND = "nothing lies beyond that side: the other side's values do not occur, or give the same"


_MISSING = {
    "callback_health.cpp CallbackHealth::reset statement registered_.store(false, std::memory_order_relaxed);": _OVERWRITTEN,
    "callback_health.cpp CallbackHealth::reset statement status_.store(STATUS_NOT_FOUND, std::memory_order_relaxed);": _OVERWRITTEN,
    "callback_health.hpp unregistered statement registered_.store(false, std::memory_order_relaxed);": _NOBODY_ASKS,
    "owner_list.hpp clear statement entry.store(nullptr, std::memory_order_relaxed);": _ZERO_ALREADY,
    "owner_exit.cpp stop_owner_exit_watch statement g_health.unregistered();": _NOBODY_ASKS,
    "device.cpp ControlDevice::destroy check if (device == nullptr) {":
        "load and unload call it once for each device; the check makes a second call harmless",
    "device_security.cpp DeviceSecurity::apply_to constant OBJ_KERNEL_HANDLE -> 0":
        "DriverEntry runs in the System process, whose handles are the kernel's either way",
    "service_parameters.cpp open_key constant OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE -> OBJ_CASE_INSENSITIVE":
        "DriverEntry runs in the System process, whose handles are the kernel's either way",
    "service_parameters.cpp open_key constant OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE -> OBJ_KERNEL_HANDLE":
        "the registry ignores case whatever the flag says",
    "device_security.cpp DeviceSecurity::check_opener choice never STATUS_SUCCESS: allowed ? STATUS_SUCCESS : status":
        "an access check that allows also leaves STATUS_SUCCESS in its status",
    "device_security.cpp DeviceSecurity::check_opener choice never STATUS_SUCCESS: "
    "admits_unknown_opener() ? STATUS_SUCCESS : STATUS_ACCESS_DENIED":
        "the policy of the driver that ships admits nobody; aegis_driver_wine_opener_tests has the other one",
    "handle_table.cpp HandleTable::initialize statement handle_count_ = 0;": _ZERO_ALREADY,
    "handle_table.cpp HandleTable::initialize statement owners_.clear();": _ZERO_ALREADY,
    "ioctl.cpp ring_setup statement reply.AbiMinor = identity.AbiMinor;":
        "the minor version is 0, like the reply before",
    "nt.hpp unicode_literal statement string.MaximumLength = kBytes;": "NT's readers of a string look at its Length",
    "pool.hpp destroy_nonpaged statement object->~T();": "the destructors of what lives in pool do nothing",
    "publish_gate.hpp enter statement ring::StdAtomics::pause();":
        _ONLY_SPEED,
    "publish_gate.hpp enter statement inside_.store(who, std::memory_order_relaxed);":
        _ONLY_SPEED,
    "publish_gate.hpp leave check if (inside_.load(std::memory_order_relaxed) == who) {":
        _ONLY_SPEED,
    "publish_gate.hpp leave statement inside_.store(nullptr, std::memory_order_relaxed);":
        _ONLY_SPEED,
    "ring_channel.cpp RingChannel::publish statement gate_.enter(&self);":
        _ONLY_SPEED,
    "ring_channel.cpp RingChannel::publish statement gate_.leave(&self);":
        _ONLY_SPEED,
    "ring_channel.cpp RingChannel::create statement KeInitializeSpinLock(&publish_lock_);":
        "it stores zero, which is there from the start",
    "ring_channel.cpp RingChannel::create statement bells_ = {};":
        "empty already: unload comes after the last consumer has gone",
    "ring_channel.cpp RingChannel::destroy statement memory_ = {};": _NEXT_LOAD,
    "ring_channel.cpp RingChannel::destroy statement region_ = nullptr;": _NEXT_LOAD,
    "user_mapping.cpp UserMapping::map statement mdl_ = nullptr;": _NOT_MAPPED,
    "wake_target.hpp initialize statement ExInitializeRundownProtection(&signals_);":
        "it stores zero, which is there from the start",
    "user_mapping.cpp UserMapping::unmap statement address_ = nullptr;": _NOT_MAPPED,
    "user_mapping.cpp UserMapping::unmap statement mdl_ = nullptr;": _NOT_MAPPED,
}

# What trades places, by the reason that it may.
_EXCHANGED = (
    (_ALONE, (
        "driver_entry.cpp load order driver->DriverUnload = unload; <-> fill_dispatch_table(driver);",
        "driver_entry.cpp load order fill_dispatch_table(driver); <-> start_diagnostics();",
        "driver_entry.cpp load order g_driver.handles.initialize(g_driver.channel, g_driver.policies.protected_processes()); <-> "
        "status = "
        "g_driver.policies.create(g_driver.channel, g_driver.clock);",
        "handle_table.cpp HandleTable::initialize order protected_processes_ = &protected_processes; <-> lock_.initialize();",
        "handle_table.cpp HandleTable::initialize order lock_.initialize(); <-> InitializeListHead(&handles_);",
        "handle_table.cpp HandleTable::initialize order InitializeListHead(&handles_); <-> handle_count_ = 0;",
        "handle_table.cpp HandleTable::initialize order handle_count_ = 0; <-> owners_.clear();",
        "handle_table.cpp HandleTable::initialize order channel_ = &channel; <-> owners_.clear();",
        "callback_health.cpp CallbackHealth::reset order status_.store(STATUS_NOT_FOUND, std::memory_order_relaxed); <-> for "
        "(std::atomic<std::uint64_t>& count : counts_)",
        "callback_health.cpp CallbackHealth::reset order for (std::atomic<std::uint64_t>& count : counts_) <-> last_time_.store(0, "
        "std::memory_order_relaxed);",
        "callback_health.cpp CallbackHealth::reset order registered_.store(false, std::memory_order_relaxed); <-> last_time_.store(0, "
        "std::memory_order_relaxed);",
        "ioctl_request.hpp read_request order if (buffer.input_bytes < sizeof(AEGIS_REQUEST_HEADER)) <-> "
        "AEGIS_REQUEST_HEADER header;",
        "owner_exit.cpp start_owner_exit_watch order g_clock = &clock; <-> g_health.reset();",
        "owner_exit.cpp start_owner_exit_watch order g_handles = &handles; <-> g_health.reset();",
        "ioctl.cpp ring_setup order if (buffer->requestor == KernelMode) <-> AEGIS_RING_SETUP_REQUEST request;",
        "wake_target.hpp initialize order event_ = event; <-> ExInitializeRundownProtection(&signals_);",
        "pull_cursor.cpp PullCursor::initialize order turn_.initialize(); <-> consumer_ = ring::Consumer<>(memory, "
        "ring::oldest_event(memory, ring::Headroom::kSome));",
        "ring_channel.cpp RingChannel::create order identity_ = ring::load_identity(region_); <-> "
        "KeInitializeSpinLock(&publish_lock_);",
        "ring_channel.cpp RingChannel::create order KeInitializeSpinLock(&publish_lock_); <-> producer_ = "
        "ring::Producer<>(memory_);",
        "ring_channel.cpp RingChannel::create order producer_ = ring::Producer<>(memory_); <-> bells_ = {};",
        "ring_channel.cpp RingChannel::create order memory_ = ring::format_region(region_, cell_count, "
        "reinterpret_cast<const std::uint8_t*>(&session)); <-> state_ = AEGIS_RING_RUNNING;",
        "handle_table.cpp HandleTable::open order created->opener_process_id = "
        "process_id_number(PsGetCurrentProcessId()); <-> created->pull.initialize(channel_->memory());",
        "handle_table.cpp HandleTable::open order created->pull.initialize(channel_->memory()); <-> const "
        "FastMutexScope lock(lock_);",
        "consumer_attachment.cpp ConsumerAttachment::attach order owner_id_ = PsGetProcessId(owner_); <-> "
        "ObReferenceObject(owner_);",
        "consumer_attachment.cpp ConsumerAttachment::attach order wake_at()->store(AEGIS_WAKE_NEVER, "
        "std::memory_order_relaxed); <-> NTSTATUS status = ring_mapping_.map(channel.region(), "
        "channel.region_bytes(), UserAccess::kReadOnly);",
    )),
    (_ONE_LOCK, (
        "handle_table.cpp HandleTable::open order InsertTailList(&handles_, &created->link); <-> ++handle_count_;",
        "handle_table.cpp HandleTable::open order InsertTailList(&handles_, &created->link); <-> *handle = created;",
        "handle_table.cpp HandleTable::cleanup order handle.cleaned_up = true; <-> detach(handle);",
        "handle_table.cpp HandleTable::setup order handle.attachment = attachment; <-> "
        "owners_.add(attachment->owner_id());",
        "handle_table.cpp HandleTable::setup order owners_.add(attachment->owner_id()); <-> "
        "attachment->describe(reply);",
        "handle_table.cpp HandleTable::setup order handle.attachment = attachment; <-> attachment->describe(reply);",
        "wake_target.hpp add order ExAcquireRundownProtection(&target->signals_); <-> "
        "target->wakeups_.fetch_add(1, std::memory_order_relaxed);",
        "wake_target.hpp add order target->wakeups_.fetch_add(1, std::memory_order_relaxed); <-> "
        "targets_[count_++] = target;",
        "wake_target.hpp add order ExAcquireRundownProtection(&target->signals_); <-> targets_[count_++] = target;",
        "ring_channel.cpp RingChannel::stop order state_ = AEGIS_RING_FAILED; <-> producer_.close();",
        "ring_channel.cpp RingChannel::counters order counters.published = producer_.published(); <-> for (unsigned "
        "reason = 0; reason < AEGIS_LOST_REASONS; ++reason)",
        "ring_channel.cpp RingChannel::counters order for (unsigned reason = 0; reason < AEGIS_LOST_REASONS; "
        "++reason) <-> counters.wakeups_sent = producer_.wakeups_sent();",
        "ring_channel.cpp RingChannel::counters order counters.published = producer_.published(); <-> "
        "counters.state = state_;",
    )),
    (_OWN_REPLY, (
        "consumer_attachment.cpp ConsumerAttachment::describe order const std::uint64_t cursor = "
        "reported_cursor()->load(std::memory_order_relaxed); <-> row->Transport = AEGIS_TRANSPORT_RING;",
        "image_path.cpp copy_without_middle order copy_units(text, head, path); <-> for (std::size_t i = 0; i < "
        "AEGIS_PATH_CUT_MARK; ++i)",
        "image_path.cpp copy_without_middle order for (std::size_t i = 0; i < AEGIS_PATH_CUT_MARK; ++i) <-> "
        "copy_units(text + units - tail, tail, path + head + AEGIS_PATH_CUT_MARK);",
        "image_path.cpp copy_without_middle order copy_units(text + units - tail, tail, path + head + "
        "AEGIS_PATH_CUT_MARK); <-> const std::size_t length = head + AEGIS_PATH_CUT_MARK + tail;",
        "image_path.cpp copy_without_middle order RtlZeroMemory(path + length, (AEGIS_PATH_CUT_PLACE - length) * "
        "sizeof(WCHAR)); <-> path[AEGIS_PATH_CUT_PLACE] = static_cast<std::uint16_t>(head);",
        "image_path.cpp copy_without_middle order copy_units(text, head, path); <-> copy_units(text + units - tail, "
        "tail, path + head + AEGIS_PATH_CUT_MARK);",
        "image_path.cpp copy_without_middle order RtlZeroMemory(path + length, (AEGIS_PATH_CUT_PLACE - length) * "
        "sizeof(WCHAR)); <-> payload->ImagePathLength = static_cast<std::uint16_t>(length);",
        "image_path.cpp copy_image_path order copy_without_middle(path->Buffer, units, payload); <-> "
        "payload->ImagePathFlags = vouched ? AEGIS_PATH_CUT | AEGIS_PATH_CUT_EXACT : AEGIS_PATH_CUT;",
        "image_path.cpp copy_image_path order copy_units(path->Buffer, units, payload->ImagePath); <-> "
        "payload->ImagePathLength = static_cast<std::uint16_t>(units);",
        "image_path.cpp copy_image_path order copy_units(path->Buffer, units, payload->ImagePath); <-> "
        "payload->ImagePathExact = vouched ? 1 : 0;",
        "image_path.cpp copy_without_middle order if (is_pair(text[units - tail - 1], text[units - tail])) <-> "
        "std::uint16_t* const path = payload->ImagePath;",
        "ioctl.cpp query order RtlZeroMemory(reply, sizeof(*reply)); <-> driver.channel.verify();",
        "ioctl.cpp query order const ChannelCounters counters = driver.channel.counters(); <-> reply->Version = "
        "AEGIS_CONTROL_VERSION;",
        "ioctl.cpp query order reply->HeadBytes = AEGIS_QUERY_HEAD_BYTES; <-> reply->CallbackRows = "
        "{offsetof(AEGIS_QUERY_REPLY, Callbacks), describe_callbacks(driver, reply->Callbacks), "
        "sizeof(AEGIS_CALLBACK_HEALTH)};",
        "ioctl.cpp query order reply->CallbackRows = {offsetof(AEGIS_QUERY_REPLY, Callbacks), "
        "describe_callbacks(driver, reply->Callbacks), sizeof(AEGIS_CALLBACK_HEALTH)}; <-> reply->ConsumerRows = "
        "{offsetof(AEGIS_QUERY_REPLY, Consumers), 0, sizeof(AEGIS_CONSUMER_INFO)};",
        "ioctl_request.hpp read_request order if (!all_zero_from(buffer, sizeof(Request))) <-> std::memcpy(request, "
        "buffer.data, sizeof(Request));",
        "ioctl.cpp query order if (!driver.handles.describe(counters.published, reply)) <-> buffer->written = "
        "sizeof(*reply);",
        "ioctl.cpp query order reply->Version = AEGIS_CONTROL_VERSION; <-> buffer->written = sizeof(*reply);",
        'ioctl.cpp query order driver.channel.fail("the list of handles does not match its count"); <-> '
        'reply->State = AEGIS_RING_FAILED;',
        "process_sensor.cpp report_create order event.bytes = AEGIS_PROCESS_PAYLOAD_FIXED; <-> "
        "clear_fixed_part(&event.payload);",
        "process_sensor.cpp report_create order event.payload.CreatingProcessId = "
        "process_id_number(info->CreatingThreadId.UniqueProcess); <-> event.bytes += "
        "copy_image_path(info->ImageFileName, info->FileOpenNameAvailable, &event.payload);",
        "pull_cursor.cpp PullCursor::write_event order std::memcpy(to, event_.data(), event_.size()); <-> "
        "AEGIS_EVENT_HEADER header = event_.header();",
        "pull_cursor.cpp PullCursor::write_event order std::memset(to + event_.size(), 0, full - event_.size()); <-> "
        "header.Size = static_cast<std::uint16_t>(full);",
        "image_sensor.cpp flags_of order if ((info.Properties & kMachineTypeMismatch) != 0) <-> if ((info.Properties & "
        "kPartialMap) != 0)",
        "image_sensor.cpp on_image_notify order told.LoaderProcessId = process_id_number(PsGetCurrentProcessId()); <-> "
        "told.ThreadId = process_id_number(PsGetCurrentThreadId());",
        "image_sensor.cpp on_image_notify order told.ThreadId = process_id_number(PsGetCurrentThreadId()); <-> "
        "told.ImageBase = reinterpret_cast<std::uintptr_t>(info->ImageBase);",
        "image_sensor.cpp on_image_notify order told.AddressingMode = "
        "static_cast<std::uint8_t>(info->ImageAddressingMode); <-> told.Flags = flags_of(*info);",
        "image_sensor.cpp on_image_notify order if (process_id != nullptr) <-> const std::size_t path_bytes = "
        "copy_loaded_path(name.text, &told);",
        "cut_text.cpp copy_cut order text.copy(0, head, to); <-> for (std::size_t i = head; i < tail_place; ++i)",
        "cut_text.cpp copy_cut order for (std::size_t i = head; i < tail_place; ++i) <-> text.copy(tail, room - "
        "tail_place, to + tail_place);",
        "cut_text.cpp copy_cut order text.copy(tail, room - tail_place, to + tail_place); <-> if "
        "(is_pair(text.at(head - 1), text.at(head)))",
        "cut_text.cpp copy_cut order if (is_pair(text.at(head - 1), text.at(head))) <-> if (is_pair(text.at(tail "
        "- 1), text.at(tail)))",
        "key_name.cpp find_key_names order g_get = "
        "find_system_routine<GetKeyObjectIdEx>(u\"CmCallbackGetKeyObjectIDEx\"); <-> g_release = "
        "find_system_routine<ReleaseKeyObjectIdEx>(u\"CmCallbackReleaseKeyObjectIDEx\");",
        "key_name.cpp find_key_names order g_release = "
        "find_system_routine<ReleaseKeyObjectIdEx>(u\"CmCallbackReleaseKeyObjectIDEx\"); <-> g_get_for_good = "
        "find_system_routine<GetKeyObjectId>(u\"CmCallbackGetKeyObjectID\");",
        "key_name.cpp find_key_names order g_get_for_good = "
        "find_system_routine<GetKeyObjectId>(u\"CmCallbackGetKeyObjectID\"); <-> if (g_release == nullptr)",
        "key_name.cpp find_key_names order if (g_release == nullptr) <-> if (g_get == nullptr)",
        "loaded_path.cpp copy_loaded_path order const std::size_t copied = copy_cut(JoinedText({path->Buffer, "
        "units}), AEGIS_IMAGE_CUT_HEAD, AEGIS_IMAGE_MAX_PATH_REPORTED, payload->Path); <-> "
        "payload->PathFullLength = static_cast<std::uint16_t>(units);",
        "registry_event.cpp add_key order told->KeyLength = static_cast<std::uint16_t>(units); <-> "
        "told->KeyFullLength = full_length(key.length());",
        "registry_event.cpp add_key order told->KeyFullLength = full_length(key.length()); <-> told->Flags |= "
        "units < key.length() ? AEGIS_REGISTRY_KEY_CUT : 0;",
        "registry_event.cpp add_key order told->KeyLength = static_cast<std::uint16_t>(units); <-> told->Flags "
        "|= units < key.length() ? AEGIS_REGISTRY_KEY_CUT : 0;",
        "registry_event.cpp add_name order told->NameLength = static_cast<std::uint16_t>(units); <-> "
        "told->NameFullLength = full_length(call.name.length);",
        "registry_event.cpp add_name order told->NameFullLength = full_length(call.name.length); <-> told->Flags "
        "|= units < call.name.length ? AEGIS_REGISTRY_NAME_CUT : 0;",
        "registry_event.cpp add_name order told->NameLength = static_cast<std::uint16_t>(units); <-> told->Flags "
        "|= units < call.name.length ? AEGIS_REGISTRY_NAME_CUT : 0;",
        "registry_event.cpp describe_call order told->ProcessId = process_id_number(PsGetCurrentProcessId()); "
        "<-> told->ThreadId = process_id_number(PsGetCurrentThreadId());",
        "registry_event.cpp describe_call order told->ThreadId = process_id_number(PsGetCurrentThreadId()); <-> "
        "const ProcessKey process = process_key(PsGetCurrentProcessId());",
        "registry_event.cpp describe_call order told->Operation = call.operation; <-> if (key != nullptr)",
        "registry_event.cpp describe_call order told->ProcessKey = process.value; <-> event->bytes = "
        "AEGIS_REGISTRY_PAYLOAD_FIXED + (std::size_t{told->KeyLength} + told->NameLength) * sizeof(WCHAR) + "
        "told->DataLength;",
        "registry_refusal.cpp is_there order key.copy(0, units, text); <-> UNICODE_STRING name;",
        "registry_refusal.cpp is_there order name.Buffer = reinterpret_cast<PWCH>(text); <-> OBJECT_ATTRIBUTES "
        "attributes;",
        "registry_sensor.cpp before_create order call.operation = AEGIS_REGISTRY_CREATE_KEY; <-> const PathText "
        "name = text_of(create.CompleteName);",
        "registry_sensor.cpp register_at order for (std::size_t i = kAltitudeDigits; i-- != 0; left /= 10) <-> "
        "UNICODE_STRING text;",
        "registry_sensor.cpp register_at_a_free_altitude order const auto add = "
        "find_system_routine<RegisterCallbackEx>(u\"CmRegisterCallbackEx\"); <-> g_unregister = "
        "find_system_routine<UnRegisterCallback>(u\"CmUnRegisterCallback\");",
        "registry_sensor.cpp start_registry_sensor order find_safe_copy(); <-> find_key_names();",
        "registry_sensor.cpp start_registry_sensor order find_key_names(); <-> find_system_process();",
        "user_mapping.cpp UserMapping::map order MmBuildMdlForNonPagedPool(mdl_); <-> ULONG priority = "
        "static_cast<ULONG>(NormalPagePriority) | kMdlMappingNoExecute;",
    )),
    (_A_REPORT, (
        "callback_health.hpp count order counts_[static_cast<unsigned>(outcome)].fetch_add(1, "
        "std::memory_order_relaxed); <-> last_time_.store(time, std::memory_order_relaxed);",
        "owner_exit.cpp on_process_notify order g_health.count(Outcome::kFiltered, g_clock->now()); <-> if (!created)",
        "pull_cursor.cpp PullCursor::pull order while (output_bytes - written >= AEGIS_MAX_EVENT_SIZE && laps < "
        "kMaxLapsPerPull) <-> used_.store(true, std::memory_order_relaxed);",
        "pull_cursor.cpp PullCursor::describe order if (!used_.load(std::memory_order_relaxed)) <-> const "
        "std::uint64_t cursor = cursor_.load(std::memory_order_relaxed);",
        "ring_channel.cpp RingChannel::remove_doorbell order target->drain(); <-> if (stopped)",
    )),
    (_NOBODY_ASKS, (
        "owner_exit.cpp stop_owner_exit_watch order PsSetCreateProcessNotifyRoutine(on_process_notify, TRUE); <-> "
        "g_health.unregistered();",
        "sensor_table.cpp SensorTable::stop order sensor.stop(); <-> sensor.health->unregistered();",
    )),
    (_LOAD_FAILS, (
        "device.cpp ControlDevice::create order if (!NT_SUCCESS(status)) <-> device_.store(device, "
        "std::memory_order_release);",
        "device_security.cpp DeviceSecurity::initialize order if (!NT_SUCCESS(status)) <-> descriptor_.Owner = "
        "&g_administrators;",
        "driver_entry.cpp load order if (!NT_SUCCESS(status)) <-> const ServiceParameters parameters = "
        "read_service_parameters(service_key);",
        "driver_entry.cpp load order if (!NT_SUCCESS(status)) <-> ScopeGuard destroy_device([] { "
        "g_driver.device.destroy(); });",
    )),
    (_BOTH_HAVE_ALL, (
        "device_security.cpp DeviceSecurity::initialize field &g_administrators -> &g_local_system: "
        "descriptor_.Owner = &g_administrators;",
        "device_security.cpp DeviceSecurity::initialize field &g_local_system -> &g_administrators: "
        "descriptor_.Group = &g_local_system;",
    )),
    ("both refuse with the same status", (
        "ioctl_request.hpp read_request order if (header.Bytes != buffer.input_bytes) <-> if (!all_zero_from(buffer, "
        "sizeof(Request)))",
    )),
    (_NEVER_BEYOND, (
        "consumer_attachment.cpp ConsumerAttachment::describe comparison > -> >=: published > cursor ? published - "
        "cursor : 0",
        "pull_cursor.cpp PullCursor::describe comparison > -> >=: published > cursor ? published - cursor : 0",
        "handle_table.cpp HandleTable::open comparison == -> >=: handle_count_ == AEGIS_MAX_HANDLES",
        "device_security.cpp mode_to_check comparison != -> >: (IoGetCurrentIrpStackLocation(irp)->Flags & "
        "SL_FORCE_ACCESS_CHECK) != 0",
        "dispatch.cpp open comparison != -> >: file->FileName.Length != 0",
        "ioctl.cpp ring_setup comparison == -> <=: buffer->requestor == KernelMode",
        "ioctl.cpp ring_setup comparison != -> >: request.Reserved != 0",
        "ioctl.cpp source_loss comparison != -> >: request.Reserved != 0 || request.Count == 0",
        "ioctl.cpp source_loss comparison == -> <=: request.Reserved != 0 || request.Count == 0",
        "sensor_table.cpp SensorTable::stop comparison != -> >: (started_ & bit(i)) != 0",
        "ring_channel.cpp RingChannel::count_wakeups comparison != -> >: rung != 0",
        "ring_channel.cpp RingChannel::publish_locked comparison != -> >: state_ != AEGIS_RING_RUNNING",
        "ring_channel.cpp RingChannel::verify comparison != -> >: state_ != AEGIS_RING_RUNNING || header_is_intact()",
        "ring_channel.cpp RingChannel::verify comparison != -> <: state_ != AEGIS_RING_FAILED",
        "ring_channel.cpp RingChannel::stop comparison != -> >: state_ != AEGIS_RING_RUNNING",
        "pull_cursor.cpp PullCursor::write_event comparison == -> <=: full == 0",
        "image_sensor.cpp flags_of comparison != -> >: (info.Properties & kMachineTypeMismatch) != 0",
        "image_sensor.cpp flags_of comparison != -> >: (info.Properties & kPartialMap) != 0",
        "ioctl.cpp no_source comparison != -> >: request.Reserved != 0",
        "pull_cursor.cpp PullCursor::pull comparison == -> <=: status == ring::ReadStatus::kEmpty",
        "pull_cursor.cpp PullCursor::pull comparison == -> >=: status == ring::ReadStatus::kLapped",
        "user_mapping.cpp UserMapping::map comparison == -> <=: access == UserAccess::kReadOnly",
    )),
    (_ONLY_SPEED, (
        "publish_gate.hpp enter operand inside_.load(std::memory_order_relaxed) != nullptr",
        "publish_gate.hpp enter comparison < -> <=: look < kMostLooks && inside_.load(std::memory_order_relaxed) != "
        "nullptr",
        "publish_gate.hpp enter comparison < -> <=: i < kPausesBetweenLooks",
        "publish_gate.hpp enter order for (int look = 0; look < kMostLooks && "
        "inside_.load(std::memory_order_relaxed) != nullptr; ++look) <-> inside_.store(who, "
        "std::memory_order_relaxed);",
        "publish_gate.hpp leave comparison == -> >=: inside_.load(std::memory_order_relaxed) == who",
        "publish_gate.hpp leave comparison == -> <=: inside_.load(std::memory_order_relaxed) == who",
        "ring_channel.cpp RingChannel::publish order gate_.enter(&self); <-> { DueBells due;",
    )),
    (_NEXT_LOAD, (
        "ring_channel.cpp RingChannel::destroy order memory_ = {}; <-> free_nonpaged(region_);",
    )),
    (_NOT_MAPPED, (
        "user_mapping.cpp UserMapping::unmap order address_ = nullptr; <-> IoFreeMdl(mdl_);",
    )),
    ("NT's readers of a string look at its Length", (
        "nt.hpp unicode_literal field string.MaximumLength -> string.Length: string.MaximumLength = kBytes;",
    )),
    ("it reads what is there, or fills memory that nobody else sees yet", (
        "consumer_attachment.cpp ConsumerAttachment::describe order "
        "row->Lag = published > cursor ? published - cursor : 0; <-> row->Wakeups = target_.wakeups();",
        "consumer_attachment.cpp ConsumerAttachment::describe order "
        "row->Transport = AEGIS_TRANSPORT_RING; <-> row->Wakeups = target_.wakeups();",
        "dispatch.cpp on_device_control order if (handle == nullptr) <-> IoctlBuffer buffer = buffer_of(irp);",
    )),
    ("two references of two objects", (
        "consumer_attachment.cpp ConsumerAttachment::detach order ObDereferenceObject(target_.event()); <-> "
        "ObDereferenceObject(owner_);",
    )),
    ("a handle that is cleaned up is no consumer any more", (
        "handle_table.cpp HandleTable::setup order if (handle.cleaned_up) <-> if (handle.attachment != nullptr)",
    )),
    ("the tail of the path overwrites what is one too many", (
        "image_path.cpp copy_without_middle comparison < -> <=: i < AEGIS_PATH_CUT_MARK",
        "cut_text.cpp copy_cut comparison < -> <=: i < tail_place",
    )),
    ("the destructors of what lives in pool do nothing", (
        "pool.hpp destroy_nonpaged order object->~T(); <-> free_nonpaged(object);",
    )),
    ("a pull may give up one lap later", (
        "pull_cursor.cpp PullCursor::pull comparison < -> <=: output_bytes - written >= AEGIS_MAX_EVENT_SIZE && "
        "laps < kMaxLapsPerPull",
    )),
    ("a read has one result", (
        "pull_cursor.cpp PullCursor::pull order if (status == ring::ReadStatus::kEmpty) <-> if (status == "
        "ring::ReadStatus::kLapped)",
    )),
    ("the producer has just written there what it has itself", (
        "ring_channel.cpp RingChannel::publish_locked constant producer_.published() -> memory_.load_published()",
    )),
    ("a value of the wrong kind is not used, whatever it is", (
        "service_parameters.cpp read_dword order if (buffer.information.Type != REG_DWORD || "
        "buffer.information.DataLength != sizeof(*value)) <-> RtlCopyMemory(value, buffer.information.Data, "
        "sizeof(*value));",
    )),
)

EXEMPTIONS = _MISSING | {name: reason for reason, names in _EXCHANGED for name in names}
