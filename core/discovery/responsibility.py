"""Who failed: whatever a component raises at work becomes one error that names the component.

Components work deep inside torch and the engine, so no call of theirs is guarded. Where a stage of the job is
entered, one block takes what comes out, whatever its type, and finds the component in the traceback. That
costs nothing as long as nothing fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType
from typing import Any

from ..base.device import is_out_of_memory
from ..base.errors import ComponentError, MissingRequirementError, MtlError, described
from ..contracts.tensor_form import MisfitError
from .home import HOME
from .import_marks import noted

_LIBRARIES = ("torch", "numpy", "torchmetrics")
"""Code that components call: a failure there is that of the code outside."""

_HINT = "`mtl --debug ...` shows the traceback"
_MISFIT_HINT = "it must have the same form every time; `mtl plugin check` says more"


class Owners:
    """The components of a job by their classes, each with the label that messages have for it."""

    def __init__(self) -> None:
        self._labels: dict[type, str] = {}

    def add(self, component: type, label: str) -> None:
        """Make a component known by its class; `label` is its kind, name and distribution."""
        self._labels[component] = label

    def join(self, others: Owners) -> None:
        """Make those known that others know."""
        self._labels |= others._labels

    def label(self, value: object) -> str | None:
        """Return the label of a component, of its class, or of what derives from it; None for others."""
        kind = value if isinstance(value, type) else type(value)
        return next((self._labels[base] for base in kind.__mro__ if base in self._labels), None)

    def named(self, value: object) -> str:
        """Return the label of a component or of what a module of the engine wraps, else its class's name."""
        wrapped = (self.label(part) for part in getattr(value, "_modules", {}).values())
        return self.label(value) or next(filter(None, wrapped), type(value).__name__)

    @contextmanager
    def at_work(self, doing: str | Callable[[], str]) -> Iterator[None]:
        """Turn what a component raises in this block into `ComponentError` naming it and what it was `doing`.

        Where no frame is a component's, what a plugin's component gave was of no use to the engine: the
        plugins' components at work are named. Errors meant for people pass, as do an interrupt, errors of
        the system, and what is raised with built-in components alone. Memory that ran out is
        `MissingRequirementError`. Should a plugin's component end the process without a word, the next
        command says which ones were at work.
        """
        try:
            with self._noted(doing):
                yield
        except (MtlError, KeyboardInterrupt):
            raise
        except BaseException as error:
            when = doing if isinstance(doing, str) else doing()
            if isinstance(error, MisfitError):
                label = self.named(error.component)
                raise ComponentError(
                    f"{label} failed {when}: {error}", hint=self._given(label) + _MISFIT_HINT
                ) from error
            if is_out_of_memory(error):
                raise MissingRequirementError(
                    f"out of memory {when}", hint="choose a smaller model or smaller batches"
                ) from error
            found = self._responsible(error)
            if found is None:
                strangers = self._strangers()
                if not strangers or isinstance(error, OSError):
                    raise
                raise ComponentError(
                    f"what {' or '.join(strangers)} gave cannot be used {when}: {described(error)}",
                    hint=_HINT,
                ) from error
            label, place = found
            raise ComponentError(
                f"{label} failed {when}: {described(error)}", hint=self._hint(label, place)
            ) from error

    def _hint(self, label: str, place: str) -> str:
        return (f"see {place}; " if place else "") + self._given(label) + _HINT

    def _given(self, label: str) -> str:
        """Return whose answer a component of mtl may have stumbled over; nothing for a plugin's own."""
        strangers = self._strangers()
        if not strangers or label in strangers:
            return ""
        return f"what it was given may be of {' or '.join(strangers)}; "

    def _strangers(self) -> list[str]:
        """Return the labels of the components that are a plugin's."""
        return list(dict.fromkeys(label for label in self._labels.values() if _is_of_a_plugin(label)))

    def _noted(self, doing: str | Callable[[], str]) -> AbstractContextManager[None]:
        labels = self._strangers()
        if not labels:
            return nullcontext()
        when = doing if isinstance(doing, str) else "in training"
        return noted(
            f"warning: an earlier command was ended {when}; at work was {', '.join(labels)}\n"
            "  hint: a plugin can end the process, and so can a signal"
        )

    def _responsible(self, error: BaseException) -> tuple[str, str] | None:
        """Return the label of the component that raised, and the place in its own code, if it is known."""
        for failure in _chain(error):
            frames = _frames(failure)
            for sign in (self._of_self, self._of_module):
                for frame, line in frames:
                    if (found := sign(frame)) is not None:
                        return found, self._place(found, frames) or _shown(frame, line)
            for frame, _ in frames:
                if _package(frame) not in _LIBRARIES:
                    if (found := self._of_values(frame)) is not None:
                        return found, ""
                    break
        return None

    def _of_self(self, frame: FrameType) -> str | None:
        """Return the component that a frame is a method of."""
        code = frame.f_code
        if not code.co_argcount:
            return None
        return self.label(frame.f_locals.get(code.co_varnames[0]))

    def _of_module(self, frame: FrameType) -> str | None:
        """Return the components whose module a frame's code is in."""
        name = frame.f_globals.get("__name__")
        labels = [label for kind, label in self._labels.items() if kind.__module__ == name]
        return " or ".join(dict.fromkeys(labels)) or None

    def _of_values(self, frame: FrameType) -> str | None:
        """Return the component whose answer a frame was looking at."""
        values: list[Any] = list(frame.f_locals.values())
        held = frame.f_locals.get("self")
        values += vars(held).values() if hasattr(held, "__dict__") else ()
        return next((label for value in values if (label := self.label(value)) is not None), None)

    def _place(self, label: str, frames: list[tuple[FrameType, int]]) -> str:
        modules = {kind.__module__ for kind, known in self._labels.items() if known == label}
        own = [found for found in frames if found[0].f_globals.get("__name__") in modules]
        return _shown(*own[0]) if own else ""


def _is_of_a_plugin(label: str) -> bool:
    return label.rpartition(" of ")[2].partition(" ")[0] != HOME


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those it came from: an iterator that ends inside a generator is wrapped, say."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _frames(error: BaseException) -> list[tuple[FrameType, int]]:
    """Return the frames of a traceback with their lines, the innermost first."""
    found = []
    place = error.__traceback__
    while place is not None:
        found.append((place.tb_frame, place.tb_lineno))
        place = place.tb_next
    return found[::-1]


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _shown(frame: FrameType, line: int) -> str:
    return f"{frame.f_code.co_filename}:{line} ({frame.f_code.co_name})"
