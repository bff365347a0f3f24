"""What a process of ours may do at most, as far as this kernel can hold it to that: read the folders that it was given,
and nothing else; open no socket, start no program, touch no other process.

Landlock (kernel 5.13 and later) sees to files, and seccomp to the rest; either may be missing.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_READ = 1 << 2 | 1 << 3  # files and folders
_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1}  # all that a version knows to forbid of files
_FILES_LATER = (1 << 15) - 1
_TCP, _SCOPE = 0b11, 0b11  # bind and connect, version 4; abstract sockets and signals, version 6
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
ALL = ("landlock", "seccomp")

# socket connect bind listen accept, execve execveat, ptrace process_vm_readv process_vm_writev pidfd_getfd,
# kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal, io_uring_setup
_SYSTEM_CALLS = {
    "x86_64": (0xC000003E, (41, 42, 49, 50, 43, 59, 322, 101, 310, 311, 438, 62, 200, 234, 129, 297, 424, 425)),
    "aarch64": (0xC00000B7, (198, 203, 200, 201, 202, 221, 281, 117, 270, 271, 438, 129, 130, 131, 138, 240, 424, 425)),
}
_PROCESSES = {"x86_64": (56, (57, 58)), "aarch64": (220, ())}  # clone; fork and vfork
_CLONE3, _THREAD = 435, 0x10000  # a filter cannot see what clone3 is asked for; without it clone is called
_FOREIGN = 0x40000000  # x86-64 knows the calls of another calling convention from here on
_LOAD, _EQUAL, _NOT_BELOW, _BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # where they are in what a filter sees
_ENDS = {"allow": 0x7FFF0000, "refuse": 0x00050000 | errno.EPERM, "unknown": 0x00050000 | errno.ENOSYS}
_Step = tuple[int, str, str, int]  # an instruction, where to go when it holds and when not: "" is the next one

_libc = ctypes.CDLL(None, use_errno=True)


def enter(folders: Iterable[Path], *, alone: bool = False) -> tuple[str, ...]:
    """From here on, and for ever: Python and these folders are read. `alone`: it starts threads, but no process.
    Answers the names of what holds (`ALL` at best). A thread that runs already is not held by it.
    """
    _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return tuple(name for name, done in zip(ALL, (_landlock(folders), _seccomp(alone=alone)), strict=True) if done)


def _landlock(folders: Iterable[Path]) -> bool:
    version = _libc.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    if version < 1:
        return False
    rules = struct.pack(
        "QQQ", _FILES.get(version, _FILES_LATER), _TCP if version >= 4 else 0, _SCOPE if version >= 6 else 0
    )
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _libc.syscall(_CREATE_RULESET, rules, size, 0)
    if ruleset < 0:
        return False
    try:
        for folder in {*folders, *_system()}:
            if not folder.exists():
                continue
            number = os.open(folder, os.O_PATH | os.O_CLOEXEC)
            try:
                _libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", _READ, number), 0)
            finally:
                os.close(number)
        return bool(_libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _system() -> set[Path]:
    """Python, its packages, and what the C library reads."""
    return {Path(name) for name in (sys.prefix, sys.base_prefix, "/usr", "/lib", "/etc/localtime")}


def _seccomp(*, alone: bool) -> bool:
    architecture, refused = _SYSTEM_CALLS.get(platform.machine(), (0, ()))
    if not refused:
        return False
    steps: list[_Step] = [
        (_LOAD, "", "", _ARCHITECTURE),
        (_EQUAL, "", "refuse", architecture),
        (_LOAD, "", "", _NUMBER),
        (_NOT_BELOW, "refuse", "", _FOREIGN),
    ]
    clone, others = _PROCESSES[platform.machine()]
    steps += [(_EQUAL, "refuse", "", number) for number in (*refused, *(others if alone else ()))]
    if alone:
        steps += [
            (_EQUAL, "unknown", "", _CLONE3),
            (_EQUAL, "", "allow", clone),
            (_LOAD, "", "", _FIRST_ARGUMENT),
            (_BITS, "allow", "refuse", _THREAD),
        ]
    steps.append((_RETURN, "", "", _ENDS["allow"]))
    code = ctypes.create_string_buffer(_assembled(steps))
    head = struct.pack("HxxxxxxP", len(steps) + len(_ENDS), ctypes.addressof(code))
    return bool(_libc.prctl(_SET_SECCOMP, _FILTER, head, 0, 0) == 0)


def _assembled(steps: list[_Step]) -> bytes:
    """The program with its ends behind it. A way is the number of instructions that are passed over."""
    places = {name: len(steps) + number for number, name in enumerate(_ENDS)}
    lines = [
        (code, *(places[to] - index - 1 if to else 0 for to in (yes, no)), value)
        for index, (code, yes, no, value) in enumerate(steps)
    ]
    lines += [(_RETURN, 0, 0, value) for value in _ENDS.values()]
    return b"".join(struct.pack("HBBI", *line) for line in lines)
