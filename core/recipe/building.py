"""Constructs the components that a recipe names; a refusal says where it was written and what would fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..base.errors import ComponentError, Incompatible, MtlError, Problem, RecipeError, UsageError, described
from ..contracts import Dataset
from ..discovery.declared import require_declared
from ..discovery.options import options_of, validate_options
from ..discovery.registry import Entry, Registry, component_class
from ..discovery.responsibility import Owners
from .recipe import Choice
from .recipe_source import RecipeSource
from .recipe_text import PathOfKeys


def construct(entry: Entry, *arguments: Any, **options: Any) -> Any:
    """Return a new component; what its constructor raises is `ComponentError`, its refusal excepted."""
    component = component_class(entry)
    kind, name = entry.component.kind, entry.component.name
    try:
        return component(*arguments, **options)
    except (MtlError, Incompatible, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise ComponentError(
            f"{entry.label} cannot be constructed: {described(error)}",
            hint=f"look at its options and their sizes: mtl show {kind} {name}",
        ) from error


def with_held(
    registry: Registry, entry: Entry, options: Mapping[str, Any], owners: Owners | None = None
) -> dict[str, Any]:
    """Return the options of a component as its constructor wants them: data sets that it holds are built.

    `owners` gets to know these.
    """
    held = component_class(entry).holds if entry.component.kind == "dataset" else ""
    if not held:
        return dict(options)
    built = {}
    for name, choice in options[held].items():
        inner = registry.find("dataset", choice["name"])
        own = {key: value for key, value in choice.items() if key != "name"}
        built[name] = construct(inner, **with_held(registry, inner, own, owners))
        if owners is not None:
            owners.add(type(built[name]), inner.label)
        require_declared(inner.label, built[name])
    return {**options, held: built}


def _verdict(accepts: Callable[[Any], str | None], component: Any) -> str | None:
    """Return why a component does not fit: what it says, or what it is refused when it asks."""
    try:
        return accepts(component)
    except Incompatible as refusal:
        return str(refusal)


class Builder:
    """Constructs components by kind and choice; `owners` knows all that it has constructed."""

    def __init__(self, registry: Registry, source: RecipeSource) -> None:
        self.registry = registry
        self.source = source
        self.owners = Owners()

    def label(self, component: object) -> str:
        """Return what messages call a component that was constructed here."""
        return self.owners.named(component)

    def build(
        self, kind: str, choice: Choice, path: PathOfKeys, *arguments: Any, hint: str | Callable[[], str] = ""
    ) -> Any:
        """Construct a component; turn its refusal into a recipe problem that says where and what fits."""
        entry = self.registry.find(kind, choice.name)
        try:
            options = with_held(self.registry, entry, choice.options, self.owners)
            built = construct(entry, *arguments, **options)
        except Incompatible as refusal:
            shown = hint() if callable(hint) else hint
            raise self.refused(kind, choice.name, str(refusal), path, shown) from None
        self.owners.add(type(built), entry.label)
        require_declared(entry.label, built)
        return built

    def dataset(self, choice: Choice) -> Dataset:
        """Return the data set that the recipe's questions were put to, or construct one."""
        asked, self.source.asked = self.source.asked, None
        if asked is None or asked.choice != choice:
            built: Dataset = self.build("dataset", choice, ("dataset",))
            return built
        self.owners.join(asked.owners)
        return asked.dataset

    @contextmanager
    def placed(self) -> Iterator[None]:
        """Turn an error that knows the keys it is about into a problem that says where these were written."""
        try:
            yield
        except UsageError as error:
            if not error.at:
                raise
            raise RecipeError([Problem(error.message, self.source.where(error.at), error.hint)]) from error

    def negotiated(self, kind: str, choice: Choice, path: PathOfKeys, owner: str, *arguments: Any) -> Any:
        """Construct a component that accepts its arguments; name those that would when it does not."""
        return self.agreed(
            kind, choice, path, owner, lambda other: other.accepts(*arguments), lambda _: arguments
        )

    def agreed(
        self,
        kind: str,
        choice: Choice,
        path: PathOfKeys,
        owner: str,
        accepts: Callable[[Any], str | None],
        arguments: Callable[[Any], Sequence[Any]],
    ) -> Any:
        """Construct a component that `accepts` says nothing against, with the arguments that its class gets.

        Those that would fit are named when it does not.
        """
        entry = self.registry.find(kind, choice.name)
        component = component_class(entry)
        self.owners.add(component, entry.label)
        with self.owners.at_work("when it was asked what it accepts"):
            reason = _verdict(accepts, component)
        if reason is not None:
            raise self.refused(kind, choice.name, f"{owner}{reason}", path, self.fitting(kind, accepts))
        # It fits with its default options, so it is these that it refuses.
        hint = f"its options: mtl show {kind} {choice.name}"
        return self.build(kind, choice, path, *arguments(component), hint=hint)

    def refused(self, kind: str, name: str, reason: str, path: PathOfKeys, hint: str = "") -> RecipeError:
        """Return the problem of a component that does not fit, for the caller to raise."""
        return RecipeError([Problem(f"{kind} {name!r} {reason}", self.source.where(path), hint or None)])

    def fitting(self, kind: str, accepts: Callable[[Any], str | None]) -> str:
        """Name the components of a kind that would fit."""
        fits = []
        for name in self.registry.names(kind):
            try:
                if accepts(self.registry.find(kind, name).load()) is None:
                    fits.append(name)
            except KeyboardInterrupt:
                raise
            except BaseException:  # one that cannot even be asked does not fit
                continue
        return f"would fit: {', '.join(fits)}" if fits else f"no {kind} fits"

    def own_choice(self, kind: str, value: str | Mapping[str, Any]) -> Choice:
        """Complete the options of a component that a task or a default names."""
        name = value if isinstance(value, str) else str(value["name"])
        given = {} if isinstance(value, str) else {k: v for k, v in value.items() if k != "name"}
        options, problems = validate_options(options_of(self.registry.find(kind, name)), given)
        if problems:
            raise ComponentError(
                f"a task asks for {kind} {name!r}: {problems[0].message}", hint=problems[0].hint
            )
        return Choice(name, options)
