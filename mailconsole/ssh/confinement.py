"""What a child may do at most, as far as this kernel can hold it to that: read the program's own files, and nothing of
the site; open no socket, start no program, touch no other process.

Landlock (kernel 5.13 and later) sees to files, and seccomp to the rest; either may be missing.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from pathlib import Path

import backend
import mailconsole
import screens

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_READ = 1 << 2 | 1 << 3  # files and folders
_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1}  # all that a version knows to forbid of files
_FILES_LATER = (1 << 15) - 1
_TCP, _SCOPE = 0b11, 0b11  # bind and connect, version 4; abstract sockets and signals, version 6
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2

# socket connect bind listen accept, execve execveat, ptrace process_vm_readv process_vm_writev pidfd_getfd,
# kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal, io_uring_setup
_SYSTEM_CALLS = {
    "x86_64": (0xC000003E, (41, 42, 49, 50, 43, 59, 322, 101, 310, 311, 438, 62, 200, 234, 129, 297, 424, 425)),
    "aarch64": (0xC00000B7, (198, 203, 200, 201, 202, 221, 281, 117, 270, 271, 438, 129, 130, 131, 138, 240, 424, 425)),
}
_FOREIGN = 0x40000000  # x86-64 knows the calls of another calling convention from here on
_LOAD, _EQUAL, _NOT_BELOW, _RETURN = 0x20, 0x15, 0x35, 0x06  # BPF
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM

_libc = ctypes.CDLL(None, use_errno=True)


def enter() -> tuple[str, ...]:
    """From here on, and for ever. The names of what holds."""
    _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return tuple(name for name, done in (("landlock", _landlock()), ("seccomp", _seccomp())) if done)


def _landlock() -> bool:
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
        for folder in _own_folders():
            number = os.open(folder, os.O_PATH | os.O_CLOEXEC)
            try:
                _libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", _READ, number), 0)
            finally:
                os.close(number)
        return bool(_libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _own_folders() -> set[Path]:
    """Python, its packages, ours, and what the C library reads."""
    packages = {Path(str(one.__file__)).parent for one in (backend, mailconsole, screens)}
    system = {Path(name) for name in (sys.prefix, sys.base_prefix, "/usr", "/lib", "/etc/localtime")}
    return {folder for folder in packages | system if folder.exists()}


def _seccomp() -> bool:
    architecture, refused = _SYSTEM_CALLS.get(platform.machine(), (0, ()))
    if not refused:
        return False
    last = len(refused) + 4  # the index of "allow"; "refuse" is behind it
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 0, last - 1, architecture), (_LOAD, 0, 0, 0)]
    program += [(_NOT_BELOW, last - len(program), 0, _FOREIGN)]
    program += [(_EQUAL, last - 4 - index, 0, number) for index, number in enumerate(refused)]
    program += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    head = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    return bool(_libc.prctl(_SET_SECCOMP, _FILTER, head, 0, 0) == 0)
