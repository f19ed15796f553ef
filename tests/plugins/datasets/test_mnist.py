from __future__ import annotations

import gzip
import hashlib
import os
import struct
import tracemalloc
import warnings
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from io import BytesIO
from pathlib import Path
from socket import socket
from threading import Thread

import numpy as np
import pytest
import torchvision

from mtl.core.base.errors import MissingRequirementError, UsageError
from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.datasets.mnist import Mnist
from mtl.plugins.forms import Categorical

HINT = (
    "pass the folder that holds MNIST/raw with --data-dir DIR; "
    "digits and shapes-synthetic are data sets that need no files"
)


def idx(values):
    return bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def images(count, seed=0, side=28):
    return np.random.default_rng(seed).integers(256, size=(count, side, side), dtype=np.uint8)


@pytest.fixture
def contents():
    labels = np.arange(10, dtype=np.uint8)
    return {
        "train-images-idx3-ubyte": idx(images(10)),
        "train-labels-idx1-ubyte": idx(labels),
        "t10k-images-idx3-ubyte": idx(images(4, seed=1)),
        "t10k-labels-idx1-ubyte": idx(labels[3:7]),
    }


@pytest.fixture
def raw(tmp_path, contents):
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def load_error(data_dir, kind, **options):
    with pytest.raises(kind) as caught:
        Mnist(data_dir=data_dir, **options).load()
    return caught.value


def test_files_are_read_as_they_are(tmp_path, raw):
    splits = Mnist(data_dir=tmp_path, download=False).load()
    assert (splits["train"].image == images(10)[:, None]).all()
    assert (splits["test"].image == images(4, seed=1)[:, None]).all()
    assert splits["test"].labels["digit"].tolist() == [3, 4, 5, 6]
    assert splits["test"].labels["digit"].dtype == np.int64


def test_files_may_lie_in_the_folder_itself(tmp_path, raw):
    for path in raw.iterdir():
        (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    data = Mnist(data_dir=tmp_path, download=False)
    assert (data.load()["train"].image == images(10)[:, None]).all()
    assert all(path.parent == tmp_path for path in data.sources())


def test_arrays_can_be_written_to_as_torch_demands(tmp_path, raw):
    columns = Mnist(data_dir=tmp_path, download=False).load()["train"]
    assert columns.image.flags.writeable
    assert columns.labels["digit"].flags.writeable


def test_spec_reads_nothing(tmp_path):
    spec = Mnist(data_dir=tmp_path / "nowhere", download=False).spec()
    assert spec.image == ImageSpec(1, 28, 28)
    assert spec.labels == {"digit": Categorical(tuple("0123456789"))}


def test_missing_files_are_named_with_their_folder(tmp_path, raw):
    (raw / "t10k-labels-idx1-ubyte").unlink()
    (raw / "train-labels-idx1-ubyte").unlink()
    error = load_error(tmp_path, MissingRequirementError, download=False)
    assert error.message == (
        f"MNIST is not in {raw}: no train-labels-idx1-ubyte, t10k-labels-idx1-ubyte "
        "(downloading is switched off)"
    )
    assert error.hint == HINT
    assert error.status == 5


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def mirror(tmp_path, contents, monkeypatch):
    """A folder that torchvision downloads MNIST from, over HTTP."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    resources = []
    for name, content in contents.items():
        packed = gzip.compress(content, mtime=0)
        (folder / f"{name}.gz").write_bytes(packed)
        resources.append((f"{name}.gz", hashlib.md5(packed).hexdigest()))
    with HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)
        monkeypatch.setattr(
            torchvision.datasets.MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"]
        )
        yield folder
        server.shutdown()
        thread.join()


def test_missing_files_are_downloaded(tmp_path, mirror):
    (tmp_path / "new").mkdir()
    splits = Mnist(data_dir=tmp_path / "new").load()
    assert (splits["train"].image == images(10)[:, None]).all()


def test_nothing_is_downloaded_into_a_folder_that_does_not_exist(tmp_path, mirror):
    error = load_error(tmp_path / "typo", MissingRequirementError)
    assert error.message.endswith("(that folder does not exist)")
    assert not (tmp_path / "typo").exists()


def test_a_failed_download_says_why_in_one_line(tmp_path, monkeypatch):
    with socket() as closed:
        closed.bind(("127.0.0.1", 0))  # taken, but nobody listens
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(
            torchvision.datasets.MNIST, "mirrors", [f"http://127.0.0.1:{closed.getsockname()[1]}/"]
        )
        error = load_error(tmp_path, MissingRequirementError)
    assert error.message == (
        f"MNIST is not in {tmp_path}/MNIST/raw: no train-images-idx3-ubyte, train-labels-idx1-ubyte, "
        "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte "
        "(downloading failed: <urlopen error [Errno 111] Connection refused>)"
    )
    assert error.hint == HINT
    assert not list(tmp_path.iterdir())  # no empty folders are left


def test_a_broken_archive_beside_missing_files_is_named(tmp_path):
    archive = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte.gz"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"half of it")
    with pytest.raises(MissingRequirementError) as caught:
        Mnist(data_dir=tmp_path, download=False).load()
    assert caught.value.message.endswith(f"(downloading is switched off); {archive} is damaged")
    assert archive.read_bytes() == b"half of it"


def test_a_folder_that_cannot_be_written_fails_with_the_reason(tmp_path, mirror):
    (tmp_path / "MNIST").write_text("a file in the way")
    error = load_error(tmp_path, MissingRequirementError)
    assert error.message.endswith(f"(downloading failed: [Errno 20] Not a directory: '{tmp_path}/MNIST/raw')")


def test_what_a_download_prints_goes_to_stderr_and_its_warnings_nowhere(tmp_path, monkeypatch, capsys):
    def fetch(self):
        print("progress")
        warnings.warn("old format", stacklevel=1)

    monkeypatch.setattr(Mnist, "fetch", fetch)
    load_error(tmp_path, MissingRequirementError)
    assert capsys.readouterr() == ("", "progress\n")


def test_files_that_exist_are_not_downloaded_again(tmp_path, raw, monkeypatch):
    monkeypatch.setattr(Mnist, "fetch", lambda self: pytest.fail("downloaded"))
    assert len(Mnist(data_dir=tmp_path).load()["train"]) == 10


def damage_cases():
    short, odd = idx(images(10))[:-1], idx(images(10)).replace(b"\0\0\x08\x03", b"\0\0\x0d\x03", 1)
    return [
        ("train-images-idx3-ubyte", short, "only 7839 bytes after its header, which says 7840"),
        ("train-images-idx3-ubyte", b"", "not an IDX file of bytes in 3 dimensions"),
        ("train-images-idx3-ubyte", odd, "not an IDX file of bytes in 3 dimensions"),
        ("train-images-idx3-ubyte", idx(images(10, side=20)), "images are 20 x 20, expected 28 x 28"),
        ("t10k-images-idx3-ubyte", idx(images(0)), "holds no images"),
        ("train-labels-idx1-ubyte", idx(np.zeros(9, np.uint8)), "9 labels for 10 images"),
        ("train-labels-idx1-ubyte", idx(np.full(10, 12, np.uint8)), "label 12, expected 0..9"),
    ]


@pytest.mark.parametrize(("name", "content", "reason"), damage_cases())
def test_a_damaged_file_is_named_with_the_reason(tmp_path, raw, name, content, reason):
    (raw / name).write_bytes(content)
    error = load_error(tmp_path, UsageError)
    assert error.message == f"{raw / name}: {reason}"
    assert error.hint == "delete the file to have it downloaded again"
    assert error.status == 2


def test_a_home_folder_may_be_abbreviated(tmp_path, raw, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(Mnist(data_dir=Path("~"), download=False).load()["test"]) == 4


def packed(content, **how):
    stream = BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", **how) as file:
        file.write(content)
    return stream.getvalue()


@pytest.mark.parametrize("spelling", ["{}-idx{}-ubyte.gz", "{}.idx{}-ubyte", "{}.idx{}-ubyte.gz"])
def test_files_are_read_as_mirrors_offer_them(tmp_path, raw, spelling):
    for path in list(raw.iterdir()):
        start, _, rest = path.name.rpartition("-idx")
        content = path.read_bytes()
        path.unlink()
        path = raw / spelling.format(start, rest[0])
        how = {"filename": "mirror", "mtime": 7, "compresslevel": 1}
        path.write_bytes(packed(content, **how) if path.suffix == ".gz" else content)
    data = Mnist(data_dir=tmp_path, download=False)
    assert (data.load()["train"].image == images(10)[:, None]).all()
    assert sorted(data.sources()) == sorted(raw.iterdir())


@pytest.mark.parametrize("damage", ["half", "sum"])
def test_a_packed_file_that_is_damaged_counts_as_missing_and_is_named(tmp_path, raw, damage):
    path = raw / "train-images-idx3-ubyte"
    content = bytearray(packed(path.read_bytes()))
    content[-8] ^= damage == "sum"
    path.unlink()
    archive = raw / f"{path.name}.gz"
    archive.write_bytes(content[: len(content) // 2] if damage == "half" else content)
    error = load_error(tmp_path, MissingRequirementError, download=False)
    assert error.message.endswith(f"(downloading is switched off); {archive} is damaged")


@pytest.mark.parametrize("shape", [(2**31, 2**31, 4), (2**32 - 1, 28, 28), (2**20, 28, 28)])
def test_a_header_that_claims_more_than_there_is_takes_no_memory(tmp_path, raw, shape):
    path = raw / "train-images-idx3-ubyte"
    path.write_bytes(bytes((0, 0, 8, 3)) + struct.pack(">3I", *shape))
    tracemalloc.start()
    message = load_error(tmp_path, UsageError, download=False).message
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert message.startswith(f"{path}: ")
    assert peak < 100_000_000


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path, raw):
    (raw / "train-images-idx3-ubyte").unlink()
    os.mkfifo(raw / "train-images-idx3-ubyte")
    error = load_error(tmp_path, MissingRequirementError, download=False)
    assert "no train-images-idx3-ubyte" in error.message
