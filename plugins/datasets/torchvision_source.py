"""What the data sets in torchvision's folder layout share: looking for files, downloading, complaining."""

from __future__ import annotations

import contextlib
import sys
import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from ...core.base.errors import MissingRequirementError, UsageError
from ...core.base.places import from_root
from ...core.contracts import Columns, Dataset
from .folders import DATA_DIR

AGAIN = "delete the file to have it downloaded again"


class DownloadedDataset(Dataset):
    """A data set that lies in a sub-folder of `data_dir`, and is downloaded there when it is missing.

    A subclass says which files it reads (`folder`, `files`), how torchvision gets them, and reads them.
    Progress of a download goes to stderr.
    """

    title: ClassVar[str]
    folder: ClassVar[str]
    files: ClassVar[tuple[str, ...]]
    sizes: ClassVar[Mapping[str, int]]
    elsewhere: ClassVar[str] = ""
    """Where else the data may lie, for the message that they are nowhere."""

    def __init__(
        self,
        *,
        data_dir: Annotated[
            Path, Field(description="Folder that holds the data set's own folder, in torchvision's layout.")
        ] = DATA_DIR,
        download: Annotated[bool, Field(description="Download the files when they are missing.")] = True,
    ) -> None:
        self.data_dir = from_root(Path(data_dir))
        self.download = download

    def load(self) -> Mapping[str, Columns]:
        if self._missing():
            reason = self._get()
            missing = self._missing()
            if missing:
                broken = "".join(f"; {path} is damaged" for path in self._broken_archives())
                raise MissingRequirementError(
                    f"{self.title} is not in {self.path}: no {', '.join(missing)}{self.elsewhere}"
                    + (f" ({reason})" if reason else "")
                    + broken,
                    hint=f"pass the folder that holds {self.folder} with --data-dir DIR; "
                    "digits and shapes-synthetic are data sets that need no files",
                )
        return {split: self.read(split) for split in ("train", "test")}

    def published_sizes(self) -> Mapping[str, int]:
        return self.sizes

    def sources(self) -> Sequence[Path] | None:
        return [self.path_of(name) for name in self.files]

    def find(self, name: str) -> Path | None:
        """Return where one of `files` lies, None when it is missing."""
        path = self.path / name
        return path if path.is_file() else None

    def path_of(self, name: str) -> Path:
        """Return where one of `files` lies, or would."""
        return self.find(name) or self.path / name

    @abstractmethod
    def fetch(self) -> None:
        """Download the files into `data_dir` with torchvision."""

    @abstractmethod
    def read(self, split: str) -> Columns:
        """Return a split from files that exist; raise `UsageError` when one of them is damaged."""

    def archives(self) -> Mapping[Path, str]:
        """Return the files that a download leaves before they are unpacked, with their published MD5 sums."""
        return {}

    def is_whole(self, archive: Path) -> bool:
        """Return whether one of `archives` is not damaged: here, whether it is the published one."""
        from torchvision.datasets.utils import check_md5

        return bool(check_md5(archive, self.archives()[archive]))

    @property
    def path(self) -> Path:
        """The folder that holds the files."""
        return self.data_dir / self.folder

    def _missing(self) -> list[str]:
        return [name for name in self.files if self.find(name) is None]

    def _broken_archives(self) -> list[Path]:
        return [path for path in self.archives() if path.is_file() and not self.is_whole(path)]

    def _get(self) -> str:
        """Download what is missing; return why it still is, or an empty string. No empty folder is left."""
        if not self.download:
            return "downloading is switched off"
        # A folder that is named and does not exist is a slip of the pen, and no place for a download.
        if self.data_dir != from_root(DATA_DIR) and not self.data_dir.exists():
            return "that folder does not exist"
        reason = self._download()
        if reason:
            for folder in (self.path, *self.path.parents):
                if folder == self.data_dir:
                    break
                with contextlib.suppress(OSError):
                    folder.rmdir()
        return reason

    def _download(self) -> str:
        """Download; return why it failed, or an empty string."""
        try:
            with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.fetch()
        except Exception as problem:  # no network, no permission, wrong bytes, an archive that breaks off
            lines = str(problem).strip().splitlines() or [type(problem).__name__]
            return f"downloading failed: {lines[-1]}"
        return ""


def damaged(path: Path, reason: str) -> UsageError:
    """Return the error for a file whose content is not what it should be."""
    return UsageError(f"{path}: {reason}", hint=AGAIN)
