"""How a run stands to the one that it was made from: looked at after every training of it, resumed or not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from ..base.files import write_json
from ..folders.run_folder import entered_around
from .pipeline import Outcome
from .starting import Warn


class MadeFrom(ABC):
    """What a run owes to the one that it was made from.

    `file`, in the run's folder, holds what is to be looked at from the beginning, and what was found after
    it; `name` is what that is called in a command's JSON.
    """

    file: ClassVar[str]
    name: ClassVar[str]

    @abstractmethod
    def begun(self) -> dict[str, Any]:
        """Return what stands in the folder until it is looked at: all that is needed for that."""

    @abstractmethod
    def found(self, outcome: Outcome) -> dict[str, Any]:
        """Return what is found after a training; raise `VerificationError` where it is not even that."""

    def refuse(self, found: Mapping[str, Any], outcome: Outcome) -> None:  # noqa: B027 - most refuse nothing
        """Raise `VerificationError` for what was found, which is kept."""

    def judge(self, outcome: Outcome, warn: Warn) -> dict[str, Any]:
        """Return what is found, and keep it in the folder of the run; raise as `found` and `refuse` do."""
        path = outcome.folder.path / self.file
        with entered_around(path, warn):
            write_json(path, self.begun())  # what was found of an earlier training holds no more
            found = self.begun() | self.found(outcome)
            write_json(path, found)
            self.refuse(found, outcome)
        return found
