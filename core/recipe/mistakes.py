"""What is wrong with a recipe, gathered: one mistake does not hide others that do not follow from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..base.errors import Problem, RecipeError


class Mistakes:
    """Problems of a recipe, in the order in which they were found.

    >>> mistakes = Mistakes()
    >>> for name in ("one", "two"):
    ...     with mistakes.gathered():
    ...         raise RecipeError([Problem(f"{name} is wrong")])
    >>> [problem.message for problem in mistakes.problems]
    ['one is wrong', 'two is wrong']
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Keep the problems of a `RecipeError` that is raised inside, and go on behind."""
        try:
            yield
        except RecipeError as error:
            self.problems += error.problems

    def refuse(self) -> None:
        """Raise `RecipeError` with everything that was gathered, if anything was."""
        if self.problems:
            raise RecipeError(self.problems)
