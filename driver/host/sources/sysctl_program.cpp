#include "driver/host/sources/sysctl_program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <mntent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace aegis::host::sources {
namespace {

constexpr const char* kBpfPrivilege =
    "a BPF program for control groups needs CAP_BPF and CAP_NET_ADMIN: run as root, or add cap_bpf and cap_net_admin "
    "to "
    "what 'setcap' grants aegismon-host";
constexpr const char* kBpfKernel =
    "this kernel lacks BPF programs for sysctls (CONFIG_CGROUP_BPF, Linux 5.8), or a container forbids them (seccomp)";

// --- instructions
// -----------------------------------------------------------------------------------------------------

bpf_insn instruction(unsigned code, unsigned to, unsigned from, int offset, int immediate) {
    bpf_insn made{};
    made.code = static_cast<std::uint8_t>(code);
    made.dst_reg = static_cast<std::uint8_t>(to & 0xF);
    made.src_reg = static_cast<std::uint8_t>(from & 0xF);
    made.off = static_cast<std::int16_t>(offset);
    made.imm = immediate;
    return made;
}

class Assembler {
  public:
    // A place that is not known yet, for jumps to it.
    struct Label {
        std::size_t place = 0;
        std::vector<std::size_t> jumps = {};
    };

    void move(unsigned to, unsigned from) { add(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
    void set(unsigned to, std::size_t number) { add(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, static_cast<int>(number)); }
    void increase(unsigned to, int number) { add(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, number); }
    void load32(unsigned to, unsigned base, std::size_t offset) {
        add(BPF_LDX | BPF_MEM | BPF_W, to, base, static_cast<int>(offset), 0);
    }
    void store32(unsigned base, std::size_t offset, unsigned from) {
        add(BPF_STX | BPF_MEM | BPF_W, base, from, static_cast<int>(offset), 0);
    }
    void store64(unsigned base, std::size_t offset, unsigned from) {
        add(BPF_STX | BPF_MEM | BPF_DW, base, from, static_cast<int>(offset), 0);
    }
    void store32_on_stack(int offset, int number) { add(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, offset, number); }
    void add_to_memory64(unsigned base, unsigned from) { add(BPF_STX | BPF_ATOMIC | BPF_DW, base, from, 0, BPF_ADD); }
    void load_map(unsigned to, int map) {
        add(BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, map);
        add(0, 0, 0, 0, 0);
    }
    void call(int function) { add(BPF_JMP | BPF_CALL, 0, 0, 0, function); }
    void leave() { add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

    void jump(Label& label) { jump_to(label, BPF_JMP | BPF_JA, 0); }
    void jump_if_zero(unsigned value, Label& label) { jump_to(label, BPF_JMP | BPF_JEQ | BPF_K, value); }
    // Every jump to it has been made.
    void place(Label& label) {
        for (const std::size_t from : label.jumps) {
            code_[from].off = static_cast<std::int16_t>(code_.size() - from - 1);
        }
    }

    std::vector<bpf_insn> take() { return std::move(code_); }

  private:
    void add(unsigned code, unsigned to, unsigned from, int offset, int immediate) {
        code_.push_back(instruction(code, to, from, offset, immediate));
    }
    void jump_to(Label& label, unsigned code, unsigned value) {
        label.jumps.push_back(code_.size());
        add(code, value, 0, 0, 0);
    }

    std::vector<bpf_insn> code_;
};

constexpr unsigned kResult = BPF_REG_0;
constexpr unsigned kArgument1 = BPF_REG_1;
constexpr unsigned kArgument2 = BPF_REG_2;
constexpr unsigned kArgument3 = BPF_REG_3;
constexpr unsigned kArgument4 = BPF_REG_4;
// These two outlive calls.
constexpr unsigned kContext = BPF_REG_6;
constexpr unsigned kRecord = BPF_REG_7;

void read_text(Assembler& code, int function, std::size_t text, std::size_t bytes, std::size_t result) {
    code.move(kArgument1, kContext);
    code.move(kArgument2, kRecord);
    code.increase(kArgument2, static_cast<int>(text));
    code.set(kArgument3, bytes);
    code.set(kArgument4, 0);
    code.call(function);
    code.store32(kRecord, result, kResult);
}

// --- system calls
// -----------------------------------------------------------------------------------------------------

long bpf(int command, bpf_attr& attributes) {
    return syscall(SYS_bpf, command, &attributes, sizeof(attributes));
}

UniqueFd make_map(std::uint32_t type, std::uint32_t key, std::uint32_t value, std::uint32_t entries) {
    bpf_attr attributes{};
    attributes.map_type = type;
    attributes.key_size = key;
    attributes.value_size = value;
    attributes.max_entries = entries;
    return UniqueFd(static_cast<int>(bpf(BPF_MAP_CREATE, attributes)));
}

std::uint64_t address_of(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

UniqueFd load(const std::vector<bpf_insn>& instructions) {
    static constexpr char kLicense[] = "MIT";
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_SYSCTL;
    attributes.insns = address_of(instructions.data());
    attributes.insn_cnt = static_cast<std::uint32_t>(instructions.size());
    attributes.license = address_of(kLicense);
    attributes.expected_attach_type = BPF_CGROUP_SYSCTL;
    return UniqueFd(static_cast<int>(bpf(BPF_PROG_LOAD, attributes)));
}

// Ends with its descriptor, other than an attachment.
UniqueFd link(const UniqueFd& program, const UniqueFd& group) {
    bpf_attr attributes{};
    attributes.link_create.prog_fd = static_cast<std::uint32_t>(program.get());
    attributes.link_create.target_fd = static_cast<std::uint32_t>(group.get());
    attributes.link_create.attach_type = BPF_CGROUP_SYSCTL;
    return UniqueFd(static_cast<int>(bpf(BPF_LINK_CREATE, attributes)));
}

struct GroupMountsCloser {
    void operator()(FILE* mounts) const { endmntent(mounts); }
};

// Where the control groups of version 2 are mounted; empty where they are not.
std::string control_groups() {
    const std::unique_ptr<FILE, GroupMountsCloser> mounts(setmntent("/proc/self/mounts", "re"));
    while (const mntent* mount = mounts ? getmntent(mounts.get()) : nullptr) {
        if (std::string_view(mount->mnt_type) == "cgroup2") {
            return mount->mnt_dir;
        }
    }
    return {};
}

SourceError failure(const char* what) {
    const int error = errno;
    const bool denied = error == EPERM || error == EACCES;
    const bool missing = error == ENOSYS || error == EINVAL || error == EOPNOTSUPP;
    return {fmt::format("cannot {}: {}{}{}", what, std::strerror(error), denied || missing ? "; " : "",
                        denied    ? kBpfPrivilege
                        : missing ? kBpfKernel
                                  : "")};
}

}  // namespace

std::vector<bpf_insn> sysctl_instructions(int ring, int lost) {
    // Beside what linux/bpf.h enumerates.
    constexpr int kFirstOnStack = -4;
    Assembler code;
    Assembler::Label out;
    Assembler::Label no_room;
    code.move(kContext, kArgument1);
    code.load32(kResult, kContext, offsetof(bpf_sysctl, write));
    code.jump_if_zero(kResult, out);

    code.load_map(kArgument1, ring);
    code.set(kArgument2, sizeof(SysctlRecord));
    code.set(kArgument3, 0);
    code.call(BPF_FUNC_ringbuf_reserve);
    code.jump_if_zero(kResult, no_room);
    code.move(kRecord, kResult);

    code.call(BPF_FUNC_ktime_get_ns);
    code.store64(kRecord, offsetof(SysctlRecord, monotonic), kResult);
    code.call(BPF_FUNC_get_current_pid_tgid);
    code.store64(kRecord, offsetof(SysctlRecord, process), kResult);
    read_text(code, BPF_FUNC_sysctl_get_name, offsetof(SysctlRecord, name), SysctlRecord::kNameBytes,
              offsetof(SysctlRecord, name_result));
    read_text(code, BPF_FUNC_sysctl_get_new_value, offsetof(SysctlRecord, value), SysctlRecord::kValueBytes,
              offsetof(SysctlRecord, value_result));
    code.load32(kResult, kContext, offsetof(bpf_sysctl, file_pos));
    code.store32(kRecord, offsetof(SysctlRecord, file_position), kResult);
    code.move(kArgument1, kRecord);
    code.set(kArgument2, 0);
    code.call(BPF_FUNC_ringbuf_submit);
    code.jump(out);

    code.place(no_room);
    code.store32_on_stack(kFirstOnStack, 0);
    code.load_map(kArgument1, lost);
    code.move(kArgument2, BPF_REG_10);
    code.increase(kArgument2, kFirstOnStack);
    code.call(BPF_FUNC_map_lookup_elem);
    code.jump_if_zero(kResult, out);
    code.set(kArgument1, 1);
    code.add_to_memory64(kResult, kArgument1);

    code.place(out);
    // Let it through.
    code.set(kResult, 1);
    code.leave();
    return code.take();
}

std::optional<SourceError> load_sysctl_program(SysctlProgram& program) {
    const std::string groups = control_groups();
    if (groups.empty()) {
        return SourceError{
            "no control groups of version 2 are mounted: 'mount -t cgroup2 none /sys/fs/cgroup/unified' does it"};
    }
    const UniqueFd group(open(groups.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!group) {
        return failure("open the root of the control groups");
    }
    program.ring = make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, kSysctlRingBytes);
    if (!program.ring) {
        return failure("make the ring of a BPF program");
    }
    program.lost = make_map(BPF_MAP_TYPE_ARRAY, sizeof(std::uint32_t), sizeof(std::uint64_t), 1);
    if (!program.lost) {
        return failure("make a map of a BPF program");
    }
    program.program = load(sysctl_instructions(program.ring.get(), program.lost.get()));
    if (!program.program) {
        return failure("load a BPF program");
    }
    program.attachment = link(program.program, group);
    if (!program.attachment) {
        return failure("attach a BPF program to the control groups");
    }
    return std::nullopt;
}

std::uint64_t sysctl_records_lost(const SysctlProgram& program) {
    const std::uint32_t first = 0;
    std::uint64_t lost = 0;
    bpf_attr attributes{};
    attributes.map_fd = static_cast<std::uint32_t>(program.lost.get());
    attributes.key = address_of(&first);
    attributes.value = address_of(&lost);
    return bpf(BPF_MAP_LOOKUP_ELEM, attributes) == 0 ? lost : 0;
}

}  // namespace aegis::host::sources
