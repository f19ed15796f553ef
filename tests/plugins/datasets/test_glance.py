"""A glance reads a bounded part of the pictures and says how much that was."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from mtl.core.contracts import Preparation
from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.datasets.glance import DECODED, FILES, glance_at
from mtl.plugins.datasets.image_files import ImageFile

FORM = Preparation(ImageSpec(1, 4, 4), "stretch")


def picture(width: int, height: int) -> bytes:
    stream = BytesIO()
    Image.new("L", (width, height)).save(stream, "PNG")
    return stream.getvalue()


def test_of_many_pictures_some_are_looked_at() -> None:
    content = picture(4, 4)
    found = glance_at([ImageFile(str(number), lambda: content) for number in range(FILES + 50)], FORM)
    assert (found.total, found.opened, found.whole, found.broken) == (FILES + 50, FILES, FILES, {})


def test_large_pictures_are_opened_and_few_of_them_read_whole() -> None:
    content = picture(2000, DECODED // 4000)
    found = glance_at([ImageFile(str(number), lambda: content) for number in range(6)], FORM)
    assert (found.opened, found.whole) == (6, 2)


def test_what_has_no_head_and_what_ends_too_early_is_broken() -> None:
    whole = picture(40, 40)
    contents = [whole, b"no picture", whole[: len(whole) - 20], whole]
    found = glance_at([ImageFile(f"{n}.png", lambda n=n: contents[n]) for n in range(4)], FORM)
    assert sorted(found.broken) == [1, 2]
    assert found.broken[1] == "1.png: is not an image"
