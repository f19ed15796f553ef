from __future__ import annotations

import os
from io import BytesIO
from threading import Event
from time import sleep

import numpy as np
import pytest
from PIL import Image

from mtl.core.base.errors import MissingRequirementError, UsageError
from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.datasets.image_files import ImageFile, read_images
from mtl.plugins.datasets.image_folder import ImageFolder
from mtl.plugins.forms import Categorical


def picture(seed, height=6, width=8):
    return np.random.default_rng(seed).integers(256, size=(height, width, 3), dtype=np.uint8)


@pytest.fixture
def root(tmp_path):
    """Two images per class for training, one for testing."""
    for number, name in enumerate(["dog 10", "dog 2"]):
        for split, count in (("train", 2), ("test", 1)):
            folder = tmp_path / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                Image.fromarray(picture(10 * number + index)).save(folder / f"{9 + index}.png")
    return tmp_path


def usage_error(root, **options):
    with pytest.raises(UsageError) as caught:
        ImageFolder(data_dir=root, **options).load()
    return caught.value.message


def test_classes_and_images_are_in_natural_order(root):
    data = ImageFolder(data_dir=root)
    splits = data.load()
    assert data.spec().labels == {"class": Categorical(("dog 2", "dog 10"))}
    expected = np.stack([picture(seed) for seed in (10, 11, 0, 1)]).transpose(0, 3, 1, 2)
    assert (splits["train"].image == expected).all()
    assert splits["train"].labels["class"].tolist() == [0, 0, 1, 1]
    assert splits["test"].labels["class"].tolist() == [0, 1]
    assert splits["test"].labels["class"].dtype == np.int64


def test_the_size_is_that_of_the_first_image(root):
    assert ImageFolder(data_dir=root).spec().image == ImageSpec(3, 6, 8)


@pytest.mark.parametrize(("size", "shape"), [(5, (3, 5, 5)), ((4, 7), (3, 4, 7))])
def test_images_are_scaled_to_the_size_asked_for(root, size, shape):
    Image.fromarray(picture(0, 30, 20)).save(root / "train" / "dog 2" / "9.png")
    data = ImageFolder(data_dir=root, size=size)
    assert data.spec().image.shape == shape
    assert data.load()["train"].image.shape == (4, *shape)


def test_one_channel_is_grey(root):
    image = ImageFolder(data_dir=root, channels=1).load()["test"].image
    assert (image[0, 0] == np.asarray(Image.fromarray(picture(10)).convert("L"))).all()


def test_spec_reads_one_image_only(root):
    (root / "train" / "dog 10" / "9.png").write_text("damaged")
    (root / "train" / "dog 2" / "10.png").write_text("damaged")
    assert ImageFolder(data_dir=root).spec().image == ImageSpec(3, 6, 8)


def test_jpeg_files_are_read(root):
    Image.fromarray(np.full((6, 8, 3), 99, np.uint8)).save(root / "test" / "dog 2" / "9.jpg")
    (root / "test" / "dog 2" / "9.png").unlink()
    assert (ImageFolder(data_dir=root).load()["test"].image[0] == 99).all()


def test_palette_images_with_transparency_are_read_without_a_warning(root):
    image = Image.fromarray(picture(0)).quantize(8)
    image.save(root / "test" / "dog 2" / "9.png", transparency=bytes([0, 128, 255]))
    assert ImageFolder(data_dir=root).load()["test"].image[0].shape == (3, 6, 8)


def test_hidden_files_are_skipped(root):
    (root / "train" / "dog 2" / ".DS_Store").write_text("x")
    (root / "train" / ".cache").mkdir()
    assert len(ImageFolder(data_dir=root).load()["train"]) == 4


def test_no_folder_given_is_said_so():
    with pytest.raises(UsageError) as caught:
        ImageFolder().spec()
    assert str(caught.value) == "image-folder needs a folder\n  hint: pass it with --data-dir DIR"


@pytest.mark.parametrize(("name", "kind"), [("train", UsageError), ("nowhere", MissingRequirementError)])
def test_a_missing_split_is_named(root, tmp_path, name, kind):
    with pytest.raises(kind) as caught:
        ImageFolder(data_dir=root / name).spec()
    assert caught.value.message == f"no image folder in {tmp_path}/{name}: no train/, test/"
    assert caught.value.status == kind.status
    assert caught.value.hint == "images are looked for in DIR/train/CLASS/ and DIR/test/CLASS/"


@pytest.mark.parametrize(("split", "other"), [("train", "test"), ("test", "train")])
def test_a_class_of_one_split_only_is_named(root, split, other):
    (root / other / "cat").mkdir()
    assert usage_error(root) == f"{root}/{split}: no folder for class cat"


def test_a_single_class_is_refused(root):
    for split in ("train", "test"):
        (root / split / "dog 2").rename(root / f"{split}-2")
    assert usage_error(root) == f"{root}/train: 1 class folder, expected at least 2"


def test_an_empty_class_folder_is_named(root):
    (root / "test" / "dog 10" / "9.png").unlink()
    assert usage_error(root) == f"{root}/test/dog 10: holds no images"


def test_a_folder_inside_a_class_is_named(root):
    (root / "train" / "dog 10" / "more").mkdir()
    assert usage_error(root) == f"{root}/train/dog 10/more: a folder, expected an image"


def test_a_file_that_is_no_image_is_named(root):
    (root / "train" / "dog 10" / "notes.txt").write_text("hello")
    assert usage_error(root) == f"{root}/train/dog 10/notes.txt: is not an image"


def test_an_image_of_another_size_is_named(root):
    Image.fromarray(picture(0, 6, 9)).save(root / "train" / "dog 10" / "9.png")
    assert usage_error(root) == f"{root}/train/dog 10/9.png: is 6 x 9 pixels, expected 6 x 8"


def test_a_broken_first_image_that_would_be_turned_is_named(root):
    first = root / "train" / "dog 2" / "9.jpg"
    for path in first.parent.iterdir():
        path.unlink()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.full((64, 48, 3), 99, np.uint8)).save(first, exif=exif)
    first.write_bytes(first.read_bytes()[:-60])
    assert usage_error(root).startswith(f"{first}: cannot be read as an image: ")


@pytest.mark.parametrize("name", ["Thumbs.db", "desktop.ini", ".DS_Store", "._9.png", "Icon\r", "THUMBS.DB"])
def test_files_that_systems_leave_are_no_images(root, name):
    (root / "train" / "dog 2" / name).write_text("x")
    assert len(ImageFolder(data_dir=root).load()["train"]) == 4


@pytest.mark.parametrize("name", ["__MACOSX", "@eaDir", ".Trash-1000", "$RECYCLE.BIN"])
def test_folders_that_systems_leave_are_no_classes_and_no_images(root, name):
    for folder in ("train", "train/dog 2"):
        (root / folder / name).mkdir()
        (root / folder / name / "9.png").write_text("x")
    data = ImageFolder(data_dir=root)
    assert data.spec().labels["class"].classes == ("dog 2", "dog 10")
    assert len(data.load()["train"]) == 4
    assert len(data.sources()) == 6


def test_a_class_is_the_same_however_its_accents_are_written(root):
    (root / "train" / "dog 2").rename(root / "train" / "chie\u0301n")
    (root / "test" / "dog 2").rename(root / "test" / "chi\u00e9n")
    data = ImageFolder(data_dir=root)
    assert data.spec().labels["class"].classes == ("chi\u00e9n", "dog 10")
    assert len(data.load()["test"]) == 2


def test_one_class_in_two_folders_is_refused(root):
    (root / "train" / "\u00e9").mkdir()
    (root / "train" / "e\u0301").mkdir()
    assert usage_error(root) == f"{root}/train: two folders for class '\u00e9'"


@pytest.mark.parametrize("name", ["\udcff", "a\nb", "\x1b[31m", " ", "a\u2028b"])
def test_a_class_whose_name_cannot_be_shown_is_refused(root, name):
    for split in ("train", "test"):
        (root / split / name).mkdir()
    assert usage_error(root) == (
        f"{root}/train: the name of the folder {name!r} is no readable text in UTF-8"
    )


def test_a_pipe_is_refused_and_not_waited_for(root):
    os.mkfifo(root / "train" / "dog 10" / "9.fifo")
    assert usage_error(root) == f"{root}/train/dog 10/9.fifo: no regular file, expected an image"


@pytest.mark.parametrize("target", ["/dev/zero", "/etc/passwd", "/"])
def test_a_link_out_of_the_folder_is_refused(root, target):
    (root / "train" / "dog 10" / "link").symlink_to(target)
    assert usage_error(root) == f"{root}/train/dog 10/link: a link that leads out of {root}"


@pytest.mark.parametrize("place", ["train/cat", "train"])
def test_a_linked_folder_outside_is_refused(root, tmp_path_factory, place):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    if (root / place).exists():
        (root / place).rename(elsewhere / "train")
    (root / place).symlink_to(elsewhere / "train")
    assert usage_error(root) == f"{root}/{place}: a link that leads out of {root}"


@pytest.mark.parametrize("target", ["gone.png", "link"])
def test_a_link_to_nothing_is_refused(root, target):
    path = root / "train" / "dog 10" / "link"
    path.symlink_to(target)
    assert usage_error(root).startswith(str(path))


def test_links_inside_the_folder_are_followed(root):
    (root / "train" / "dog 10" / "99.png").symlink_to("9.png")
    assert len(ImageFolder(data_dir=root).load()["train"]) == 5


def test_what_is_cached_depends_on_the_images_alone(root):
    before = ImageFolder(data_dir=root).sources()
    (root / "notes.txt").write_text("x")
    (root / "train" / "dog 2" / "Thumbs.db").write_text("x")
    assert ImageFolder(data_dir=root).sources() == before
    assert all(path.suffix == ".png" for path in before)


def test_a_failure_stops_the_other_threads_at_the_next_image():
    began, read = Event(), []

    def first():
        began.wait(10)
        raise UsageError("damaged")

    def later():
        read.append(1)
        began.set()
        sleep(0.01)
        return saved

    stream = BytesIO()
    Image.new("L", (2, 2)).save(stream, "PNG")
    saved = stream.getvalue()
    files = [ImageFile("first", first), *[ImageFile("between", lambda: saved)] * 255]
    files += [ImageFile("later", later)] * 256
    with pytest.raises(UsageError, match="damaged"):
        read_images(files, ImageSpec(1, 2, 2))
    assert len(read) < 256


def test_all_faults_of_a_folder_are_told_at_once(root):
    (root / "train" / "dog 10" / "more").mkdir()
    (root / "train" / "dog 2" / "gone.png").symlink_to(root / "nowhere.png")
    (root / "test" / "dog 2" / "9.png").unlink()
    assert usage_error(root) == (
        f"3 files are wrong: {root}/train/dog 2/gone.png: no regular file, expected an image; "
        f"{root}/train/dog 10/more: a folder, expected an image; {root}/test/dog 2: holds no images"
    )


def test_all_images_that_cannot_be_read_are_told_at_once(root):
    (root / "train" / "dog 10" / "notes.txt").write_text("hello")
    (root / "test" / "dog 2" / "9.png").write_text("x")
    assert usage_error(root) == (
        f"2 files are wrong: {root}/train/dog 10/notes.txt: is not an image; "
        f"{root}/test/dog 2/9.png: is not an image"
    )


def test_what_is_passed_over_is_counted(root):
    assert ImageFolder(data_dir=root).understood() == ()
    (root / "train" / "dog 2" / "Thumbs.db").write_text("x")
    (root / "test" / "dog 10" / ".DS_Store").write_text("x")
    (root / "train" / "__MACOSX").mkdir()
    assert ImageFolder(data_dir=root).understood() == (
        "passed over: 3 hidden or left by systems: __MACOSX, Thumbs.db, .DS_Store",
    )
