"""Memory that a step frees and the next one wants again stays with the process, and no longer than that."""

from __future__ import annotations

import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT = 256 << 20
_LARGEST_MAPPING = 32 << 20


def keep_freed_memory() -> bool:
    """Tell glibc to keep up to 256 MiB of freed memory; return whether it was told (other systems: false).

    By default it gives large blocks back at once, and the kernel clears every page anew when the next step
    asks for them: up to a tenth of a small model's step (`mallopt(3)`).
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST_MAPPING) and mallopt(_TRIM_THRESHOLD, _KEPT))


def give_back_freed_memory(beyond: int = 0) -> bool:
    """Let glibc give back what it keeps if that is more than `beyond` bytes; return whether it did.

    Its heap (seen with 2.36) grows without end where large blocks come and go and something small stays
    behind each time: the hole is too small for the next block, since that has to be aligned. What is in
    holes is given back too.
    """
    if platform.libc_ver()[0] != "glibc" or _kept() <= beyond:
        return False
    ctypes.CDLL(None).malloc_trim(0)
    return True


class _Heap(ctypes.Structure):
    """What `mallinfo2` tells; `fordblks` are the bytes of blocks that are free."""

    _fields_ = (("unread", ctypes.c_size_t * 8), ("fordblks", ctypes.c_size_t), ("keepcost", ctypes.c_size_t))


def _kept() -> int:
    """Return the bytes that glibc keeps; many where it is too old to tell."""
    tell = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if tell is None:
        return 1 << 62
    tell.restype = _Heap
    return int(tell().fordblks)
