"""Sums over several devices inside of captured graphs: what all processes must agree on, and what is watched.

NCCL takes a captured sum for one of all its processes: all capture it or none, and all replay it, in the same
order (https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/usage/cudagraph.html). Its communicator does
not end before its graphs (https://docs.nvidia.com/dl-cuda-graph/troubleshooting/process-hang.html).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..base.pulse import pulse
from ..base.ranks import Ranks
from .capture import Against, Agree
from .fitting_blocks import FittingBlocks
from .together import Member

WANTED = "MTL_CAPTURE_RANKS"
"""The variable by which steps of several devices are captured: 1."""


def wanted() -> bool:
    """Return whether steps of several devices are to be captured."""
    return os.environ.get(WANTED) == "1"


def agreed_by(ranks: Ranks) -> Agree | None:
    """Return what has all processes take blocks in the same way; None where there is one."""
    if ranks.alone:
        return None

    def agree(own: Against | None) -> Against | None:
        for rank, found in enumerate(ranks.all_have(own)):
            if found is not None:
                # For good: parts of a block may have the same shapes on one rank, and not on the next.
                return Against(f"{found.reason} (on rank {rank} of {ranks.world})")
        return None

    return agree


@contextmanager
def watched_over(captured: FittingBlocks | Member | None, ranks: Ranks) -> Iterator[None]:
    """While it is on, a process whose graphs sum over devices ends where another one is gone."""
    if ranks.alone or captured is None or captured.reason is not None:
        yield
        return
    try:
        with pulse(ranks):
            yield
    finally:
        captured.release()
