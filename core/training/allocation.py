"""Memory that a step frees and the next one wants again stays with the process."""

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
