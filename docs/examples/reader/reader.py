"""Prints process starts and losses until the driver is stopped: reader.py [device]"""
import struct
import sys
from ctypes import CDLL, Structure, byref, c_char_p, c_uint32, c_uint64, c_void_p, sizeof, string_at

class Options(Structure):
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("device", c_char_p), ("transport", c_uint32),
                ("start", c_uint32), ("request_ms", c_uint32), ("open_ms", c_uint32), ("wakeup_batch", c_uint32),
                ("poll_ms", c_uint32), ("interrupt", c_uint64)]

class Item(Structure):
    _fields_ = [("size", c_uint32), ("kind", c_uint32), ("sequence", c_uint64), ("last", c_uint64),
                ("count", c_uint64), ("reason", c_uint32), ("bytes", c_uint32), ("data", c_void_p)]

aegis = CDLL("aegis.dll" if sys.platform == "win32" else "libaegis.so.1")
aegis.aegis_last_error.restype = c_char_p

client = c_void_p()
options = Options(size=sizeof(Options), device=sys.argv[1].encode() if len(sys.argv) > 1 else None)
item = Item(size=sizeof(Item))
first = events = lost = 0
result = aegis.aegis_open(byref(options), byref(client))
while result >= 0:
    result = aegis.aegis_next(client, byref(item), 1000)  # a limit: Python looks for Ctrl-C in between
    if result == 1:
        first = first or item.sequence
        if item.kind == 2:  # AEGIS_ITEM_LOSS
            lost += item.count
            print("LOST", item.count)
            continue
        events += 1
        data = string_at(item.data, item.bytes)
        if len(data) >= 32 and struct.unpack_from("<H", data, 2)[0] == 1:  # AEGIS_EVENT_PROCESS_CREATE
            pid, _, _, units = struct.unpack_from("<IIIH", data, 16)
            print("START", pid, data[32:32 + 2 * units].decode("utf-16-le", "replace"))
print(f"{aegis.aegis_last_error().decode()}\nfirst={first} events={events} lost={lost}", file=sys.stderr)
aegis.aegis_close(client)
sys.exit(0 if result == -2 else 1)  # AEGIS_STOPPING
