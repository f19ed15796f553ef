from __future__ import annotations

import shutil
import tracemalloc
import zipfile

import numpy as np
import pytest
from PIL import Image

from mtl.core.base.errors import MissingRequirementError, UsageError
from mtl.plugins.datasets.shapes import Shapes

HEADER = "name,squares,circles,up,right,down,left"
ROWS = [[0, 0, 4, 0, 6, 0], [0, 0, 0, 5, 0, 5], [2, 8, 0, 0, 0, 0], [0, 7, 0, 0, 0, 3]]


def picture(index):
    return np.random.default_rng(index).integers(2, size=(28, 28), dtype=np.uint8) * np.uint8(255)


@pytest.fixture
def data(tmp_path):
    """Four images in the published format: opaque RGBA files beside labels.csv."""
    folder = tmp_path / "gsn" / "data"
    folder.mkdir(parents=True)
    lines = [HEADER]
    for index, row in enumerate(ROWS):
        Image.fromarray(picture(index)).convert("RGBA").save(folder / f"img_{index:05d}.png")
        lines.append(f"img_{index:05d}.png,{','.join(map(str, row))}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def archive(tmp_path, data):
    path = tmp_path / "shapes.zip"
    with zipfile.ZipFile(path, "w") as file:
        for member in sorted(data.iterdir()):
            file.write(member, f"data/{member.name}")
    return path


def load(path):
    return Shapes(data_dir=path, test_size=1).load()


def usage_error(path, test_size=1):
    with pytest.raises(UsageError) as caught:
        Shapes(data_dir=path, test_size=test_size).load()
    return caught.value


@pytest.mark.parametrize("up", [0, 1, 2], ids=["DIR", "DIR/data", "DIR/gsn/data"])
def test_images_and_counts_are_read_from_a_folder(data, up):
    splits = load([data, *data.parents][up])
    assert (splits["train"].image == np.stack([picture(i) for i in range(3)])[:, None]).all()
    assert (splits["test"].image[0, 0] == picture(3)).all()
    assert splits["train"].labels["counts"].tolist() == ROWS[:3]
    assert splits["test"].labels["counts"].tolist() == ROWS[3:]
    assert splits["test"].labels["counts"].dtype == np.float32


def test_a_zip_file_gives_the_same_as_its_folder(data, archive):
    folder, packed = load(data), load(archive)
    for split in ("train", "test"):
        assert (folder[split].image == packed[split].image).all()
        assert (folder[split].labels["counts"] == packed[split].labels["counts"]).all()


def test_a_byte_order_mark_and_other_column_orders_are_understood(data):
    (data / "labels.csv").write_bytes(
        "\ufeffleft,name,up,right,down,circles,squares\r\n"
        "6,img_00000.png,0,4,0,0,0\r\n"
        "6,img_00001.png,0,4,0,0,0\r\n".encode()
    )
    assert load(data)["train"].labels["counts"].tolist() == [[0, 0, 0, 4, 0, 6]]


def test_missing_data_say_what_was_looked_for(tmp_path):
    with pytest.raises(MissingRequirementError) as caught:
        load(tmp_path / "nowhere")
    assert caught.value.message == (
        f"the GSN shapes are not in {tmp_path}/nowhere: no labels.csv, data/labels.csv, gsn/data/labels.csv"
    )
    assert caught.value.hint == (
        "pass their folder or zip file with --data-dir, "
        "or use --dataset shapes-synthetic, which needs no files"
    )


def test_a_missing_column_is_named(data):
    (data / "labels.csv").write_text("name,squares,circles,right,down\n")
    assert usage_error(data).message == (
        f"{data}/labels.csv:1: no column up, left; found name, squares, circles, right, down"
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("img_00001.png,0,0,x,0,6,0", "up is 'x', expected a whole number"),
        ("img_00001.png,0,0,4,0,-6,0", "down is '-6', expected a whole number"),
        ("img_00001.png,0,0,4,,6,0", "right is '', expected a whole number"),
        ("img_00001.png,0,0,4", "4 values, expected 7"),
        ("img_00001.png,0,1,4,0,5,0", "10 figures of 3 kinds; every image shows 10 of 2"),
        ("img_00001.png,0,0,4,0,5,0", "9 figures of 2 kinds; every image shows 10 of 2"),
    ],
)
def test_a_wrong_row_is_named_with_its_line(data, line, reason):
    (data / "labels.csv").write_text(f"{HEADER}\nimg_00000.png,0,0,4,0,6,0\n{line}\n")
    assert usage_error(data).message == f"{data}/labels.csv:3: {reason}"


@pytest.mark.parametrize(("content", "reason"), [("", "empty"), (HEADER + "\n", "no rows")])
def test_a_table_without_rows_is_refused(data, content, reason):
    (data / "labels.csv").write_text(content)
    assert usage_error(data).message == f"{data}/labels.csv: {reason}"


def test_a_table_that_is_not_text_is_refused(data):
    (data / "labels.csv").write_bytes(b"\xff\xfe\x00")
    assert usage_error(data).message.startswith(f"{data}/labels.csv: cannot be read as a CSV file: ")


def test_missing_images_are_counted_and_the_first_named_with_its_line(data):
    (data / "img_00001.png").unlink()
    (data / "img_00003.png").unlink()
    assert usage_error(data).message == (
        f"{data}/labels.csv:3: image img_00001.png is not there (nor are 1 more)"
    )


def test_an_image_of_another_size_is_named(data):
    Image.new("L", (30, 28)).save(data / "img_00002.png")
    assert usage_error(data).message == f"{data}/img_00002.png: is 28 x 30 pixels, expected 28 x 28"


def test_a_file_that_is_no_image_is_named(data):
    (data / "img_00002.png").write_text("hello")
    assert usage_error(data).message == f"{data}/img_00002.png: is not an image"


def test_a_truncated_image_is_named(data):
    path = data / "img_00002.png"
    path.write_bytes(path.read_bytes()[:60])
    assert usage_error(data).message.startswith(f"{path}: cannot be read as an image: ")


def test_sixteen_bit_images_are_scaled_rather_than_clipped(data):
    Image.fromarray(np.full((28, 28), 257 * 99, np.uint16)).save(data / "img_00000.png")
    assert (Shapes(data_dir=data, test_size=1).load()["train"].image[0] == 99).all()


def test_a_test_size_that_leaves_no_training_images_is_refused(data):
    error = usage_error(data, test_size=4)
    assert error.message == f"{data}/labels.csv: 4 rows leave no training images with test_size 4"
    assert error.hint == "choose a smaller test_size"


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-40],
        lambda content: content.replace(b"PK\x01\x02", b"PK\x01\x09"),
        lambda _: b"",
    ],
    ids=["truncated", "damaged directory", "empty"],
)
def test_a_zip_file_that_cannot_be_opened_is_refused(archive, damage):
    archive.write_bytes(damage(archive.read_bytes()))
    assert usage_error(archive).message.startswith(f"{archive}: cannot be read as a zip file: ")


def test_a_damaged_member_of_a_zip_file_is_named(archive):
    content = archive.read_bytes()
    at = content.index(b"\x89PNG", content.index(b"data/img_00002.png")) + 40
    archive.write_bytes(content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :])
    assert usage_error(archive).message == (
        f"{archive}/data/img_00002.png: cannot be read as an image: "
        "BadZipFile: Bad CRC-32 for file 'data/img_00002.png'"
    )


def test_without_a_folder_the_users_cache_is_searched(tmp_path, data, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(data.parent, tmp_path / ".cache" / "mtl" / "gsn")
    assert len(Shapes(test_size=1).load()["train"]) == 3


def row(name, value="5"):
    return f"{name},{value},5,0,0,0,0"


@pytest.fixture
def outside(data):
    """A picture beside the folder of the data."""
    path = data.parent / "outside.png"
    path.write_bytes((data / "img_00000.png").read_bytes())
    return path


@pytest.mark.parametrize(
    "name", ["../outside.png", "{outside}", "x/../../outside.png", "", ".", "a\0b", "a" * 5000]
)
@pytest.mark.parametrize("packed", [False, True])
def test_an_image_is_looked_for_in_the_data_only(data, archive, outside, name, packed):
    table = "\n".join([HEADER, row("img_00000.png"), row(name.format(outside=outside))])
    (data / "labels.csv").write_text(table)
    if packed:
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("../outside.png", outside.read_bytes())
            file.write(data / "img_00000.png", "data/img_00000.png")
            file.writestr("data/labels.csv", table)
    message = usage_error(archive if packed else data).message
    assert "labels.csv:3: image " in message
    assert message.endswith(" is not there")


def test_a_link_out_of_the_data_is_refused(data, outside):
    (data / "img_00001.png").unlink()
    (data / "img_00001.png").symlink_to(outside)
    assert usage_error(data).message == f"{data}/img_00001.png: a link that leads out of {data}"


def test_a_count_of_thousands_of_digits_is_refused(data):
    (data / "labels.csv").write_text("\n".join([HEADER, row("img_00000.png", "9" * 5000)]))
    message = usage_error(data).message
    assert message.startswith(f"{data}/labels.csv:2: squares is '9999")
    assert len(message) < 400


@pytest.mark.parametrize("member", ["data/labels.csv", "data/img_00001.png"])
def test_a_member_that_unpacks_to_a_flood_is_refused_before_it_is_there(archive, member):
    with zipfile.ZipFile(archive) as file:
        members = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content if name != member else b"\0" * (40 << 20))
    members.clear()
    tracemalloc.start()
    message = usage_error(archive).message
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert message.startswith(f"{archive}/{member}: more than ")
    assert peak < 30 << 20


def test_a_zip_file_of_a_later_version_is_refused(archive):
    content = archive.read_bytes()
    at = content.index(b"PK\x01\x02") + 6
    archive.write_bytes(content[:at] + bytes([109]) + content[at + 1 :])
    assert "cannot be read" in usage_error(archive).message
