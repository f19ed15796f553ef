"""A quick look at some of a data set's picture files, for who wants a plan and no training yet."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ...core.contracts import Preparation
from .image_files import ImageFile, read_images
from .table_pictures import look_at

FILES = 400
"""Files that are looked at, at most."""

DECODED, OPENED = 6_000_000, 200_000_000
"""Pixels of pictures that are read whole, and of those that are opened: about half a second of one core."""


@dataclass(frozen=True)
class Glance:
    """What was found: how many pictures there are, how many were opened and how many of these read whole.

    `broken` says of each picture that cannot be read what is wrong, by its place.
    """

    total: int
    opened: int
    whole: int
    broken: dict[int, str]

    def __str__(self) -> str:
        """Say how much was looked at.

        >>> str(Glance(9000, 400, 2, {})), str(Glance(4, 4, 4, {}))
        ('looked at 400 of 9,000 pictures, 2 of them read whole', 'looked at 4 of 4 pictures, all read whole')
        """
        whole = "all" if self.whole == self.opened else f"{self.whole:,} of them"
        return f"looked at {self.opened:,} of {self.total:,} pictures, {whole} read whole"


def glance_at(files: Sequence[ImageFile], preparation: Preparation) -> Glance:
    """Look at files here and there, the same ones every time, while it is quick.

    The first ones are read whole, as for a training; of the others the head is read.
    """
    from ...core.data.pictures import silently

    places: list[int] = []
    opened = pixels = 0
    with silently():
        for place in random.Random(0).sample(range(len(files)), min(FILES, len(files))):
            look = look_at(files[place], preparation.orientation == "exif")
            pixels += 0 if look is None else look.height * look.width
            if pixels > OPENED:
                break
            opened += 1
            # What has no head that can be read is looked at again, for the reason.
            if look is None or pixels <= DECODED or not places:
                places.append(place)
    found: dict[int, str] = {}
    read_images([files[place] for place in places], preparation, broken=found)
    return Glance(len(files), opened, len(places), {places[index]: said for index, said in found.items()})
