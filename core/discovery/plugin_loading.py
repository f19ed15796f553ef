"""Finds plugins and loads each one on its own: a broken plugin never stops the others.

Plugins come from the entry-point group `mtl` of installed distributions and from files named with
`--plugin path.py`.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import os
import re
import sys
import time
import traceback
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pluggy

from ..base.errors import ComponentError, MtlError, described, did_you_mean
from ..contracts import hookspecs
from .home import GROUP, HOME, REINSTALL
from .import_marks import ImportMarks
from .plugin_discovery import Found, installed

__all__ = [
    "GROUP",
    "HOME",
    "Provider",
    "as_broken",
    "broken_line",
    "load_plugins",
    "next_step",
    "refuse_broken_home",
]

SLOW = 1.0
"""Seconds of import from which a plugin is named as slow; it should take under 0.1."""


@dataclass(frozen=True)
class Provider:
    """A plugin as found: where it came from, and why it is broken if it is.

    `stage` is where it stopped: disabled, duplicate, import, api, register, hooks or records; None when it is
    in use. `damage` says what is wrong with its installation all the same.
    """

    name: str
    distribution: str
    version: str
    seconds: float = 0.0
    stage: str | None = None
    reason: str | None = None
    hint: str | None = None
    trace: str | None = None
    printed: str = ""
    damage: str = ""

    @property
    def status(self) -> str:
        """`ok`, `broken`, `incompatible` (written for other hooks), `disabled` (by the user) or `duplicate`.

        A duplicate names a module that is in use under another name.
        """
        if self.stage is None:
            return "ok"
        told = {"api": "incompatible", "disabled": "disabled", "duplicate": "duplicate"}
        return told.get(self.stage, "broken")

    @property
    def broken(self) -> bool:
        """Whether the plugin's components are missing against the user's will."""
        return self.status in ("broken", "incompatible")

    @property
    def unavailable(self) -> bool:
        """Whether the plugin's components are missing, for whatever reason."""
        return self.stage is not None

    @property
    def slow(self) -> bool:
        """Whether its import takes so long that every command suffers."""
        return self.seconds >= SLOW

    @property
    def label(self) -> str:
        """Distribution and version, as shown to people."""
        return f"{self.distribution} {self.version}".strip()

    @property
    def portable(self) -> str:
        """The distribution; of a plugin file its name without the folder, which is one machine's matter."""
        return Path(self.distribution).name if self.distribution.endswith(".py") else self.distribution

    @property
    def named(self) -> str:
        """The plugin with its distribution, as messages call it."""
        return f"plugin {self.name!r} of {self.label}"


def load_plugins(files: Iterable[Path] = ()) -> tuple[pluggy.PluginManager, tuple[Provider, ...]]:
    """Load every plugin and return the manager with one row per plugin, broken ones included.

    `MTL_PLUGINS` (names separated by commas) restricts the installed plugins to these, an empty value to
    none; `MTL_DISABLE_PLUGINS` switches some off. Names are those of distributions or of entry points.
    With `MTL_STRICT=1` the first broken plugin raises `ComponentError` instead. One that takes long to
    import, and one whose import ended the last command, is named on stderr.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    providers = []
    named = [(found, _switched_off(found)) for found in installed()]
    named += [(_from_file(path), None) for path in files]
    with ImportMarks() as marks:
        for found, switch in named:
            provider = _load(manager, found, marks) if switch is None else _disabled(found, switch)
            refuse_broken_home(provider)
            if provider.broken and os.environ.get("MTL_STRICT") == "1":
                raise ComponentError(f"{broken_line(provider)}\n{provider.trace}".rstrip())
            providers.append(provider)
    return manager, tuple(providers)


def refuse_broken_home(provider: Provider) -> None:
    """Raise `ComponentError` when what is built in cannot be used: nothing else would make sense then."""
    if provider.broken and provider.distribution == HOME:
        raise ComponentError(
            f"the installation of {HOME} is damaged: {broken_line(provider)}", hint=REINSTALL
        )


def broken_line(provider: Provider) -> str:
    """Return the one line that says which plugin is unavailable, at which stage, and why."""
    state = f"{provider.status} ({provider.stage})" if provider.status == "broken" else provider.status
    return f"{provider.named} is {state}: {provider.reason}"


def next_step(provider: Provider) -> str:
    """Return what to do about a plugin that is not in use."""
    if provider.hint is not None:
        return provider.hint
    if provider.status == "incompatible":
        return f"install a version of {provider.distribution} that fits, or of {HOME}"
    if provider.status == "disabled":
        return f"unset the variable to use {provider.distribution} again"
    if provider.status == "duplicate":
        return f"remove one of the two entry points from {provider.distribution}"
    if (provider.reason or "").startswith("ModuleNotFoundError"):
        return f"install what {provider.distribution} needs, or uninstall it; details: {_details(provider)}"
    return f"mend or uninstall {provider.distribution}; details: {_details(provider)}"


def _details(provider: Provider) -> str:
    return f"mtl plugins show {provider.name}"


def as_broken(provider: Provider, stage: str, error: BaseException) -> Provider:
    """Return the provider's row with the stage at which it failed and the traceback."""
    reason = f"it called sys.exit({error.code!r})" if isinstance(error, SystemExit) else described(error)
    hint = error.hint if isinstance(error, MtlError) else None
    trace = "".join(traceback.format_exception(error))
    return replace(provider, stage=stage, reason=reason, hint=hint, trace=trace)


def _switched_off(found: Found) -> str | None:
    """Return the environment variable that switches a plugin off, or None."""
    if found.distribution == HOME:
        return None
    names = {found.name, found.distribution}
    allowed = os.environ.get("MTL_PLUGINS")
    if allowed is not None and not names & _names(allowed):
        return "MTL_PLUGINS"
    return "MTL_DISABLE_PLUGINS" if names & _names(os.environ.get("MTL_DISABLE_PLUGINS", "")) else None


def _names(value: str) -> set[str]:
    return {name.strip() for name in value.split(",") if name.strip()}


def _disabled(found: Found, variable: str) -> Provider:
    reason = f"by the environment variable {variable}"
    return Provider(found.name, found.distribution, found.version, stage="disabled", reason=reason)


def _check_hooks(manager: pluggy.PluginManager, plugin: object, named: str) -> None:
    """Raise `ComponentError` for a hook that does not exist: pluggy alone would never call it.

    One that has a successor gives a `DeprecationWarning`.
    """
    for caller in manager.get_hookcallers(plugin) or ():
        if caller.has_spec():
            continue
        if (successor := hookspecs.REPLACED.get(caller.name)) is not None:
            warnings.warn(
                f"{named}: the hook {caller.name!r} has become {successor!r}, which takes records of "
                f"every kind; the old name is read until mtl 0.3",
                DeprecationWarning,
                stacklevel=2,
            )
            continue
        near = did_you_mean(caller.name, [name for name in vars(hookspecs) if name.startswith("mtl_")])
        raise ComponentError(f"unknown hook {caller.name!r}" + (f"; {near}" if near else ""))


def _check_api(plugin: object) -> None:
    """Raise `ComponentError` when a plugin states that it was written for other hooks."""
    stated = getattr(plugin, "mtl_api", hookspecs.API)
    if stated == hookspecs.API:
        return
    if isinstance(stated, int) and stated > hookspecs.API:
        raise ComponentError(
            f"it needs hook API {stated}, this {HOME} has {hookspecs.API}; {HOME} is too old"
        )
    raise ComponentError(f"it was written for hook API {stated}, this {HOME} has {hookspecs.API}")


def _from_file(path: Path) -> Found:
    def load() -> object:
        if not path.is_file():
            raise ComponentError(f"no such plugin file: {path}")
        # The module's name must be importable, and not that of another file with the same stem.
        place = hashlib.blake2b(str(path.resolve()).encode(), digest_size=4).hexdigest()
        stem = re.sub(r"\W", "_", path.stem)
        name = f"mtl_plugin_{stem}_{place}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ComponentError(f"{path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        # Targets such as f"{__name__}:Class" are resolved by import, so the module must be findable.
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    return Found(path.stem, str(path), "", load)


def _load(manager: pluggy.PluginManager, found: Found, marks: ImportMarks) -> Provider:
    provider = Provider(found.name, found.distribution, found.version, damage=found.damage)
    printed = io.StringIO()
    started = time.perf_counter()
    stage = "import"
    plugin: object | None = None
    error: BaseException | None = None
    try:
        with contextlib.redirect_stdout(printed), marks.of(provider):
            plugin = found.load()
        stage = "api"
        _check_api(plugin)
        if (other := _in_use(manager, plugin)) is not None:
            return _duplicate(provider, other)
        stage = "register"
        manager.register(plugin, name=f"{found.distribution}/{found.name}")
        stage = "hooks"
        _check_hooks(manager, plugin, provider.named)
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(f"while {provider.named} was imported") from interrupt
    except BaseException as raised:
        error = raised
    provider = replace(provider, seconds=time.perf_counter() - started, printed=printed.getvalue().strip())
    if error is None:
        return provider
    if plugin is not None and manager.is_registered(plugin):
        manager.unregister(plugin)
    return as_broken(provider, stage, error)


def _in_use(manager: pluggy.PluginManager, plugin: object) -> str | None:
    """Return the name under which a module is in use, or another one of the same file (a link); else None."""
    file = getattr(plugin, "__file__", None)
    for name, other in manager.list_name_plugin():
        if other is plugin or (file and (its := getattr(other, "__file__", None)) and _same(file, its)):
            return name
    return None


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _duplicate(provider: Provider, other: str) -> Provider:
    hint = None
    if (of := other.rpartition("/")[0]) != provider.distribution:
        hint = f"pip uninstall {provider.distribution}, where {of} came in its stead"
    return replace(provider, stage="duplicate", reason=f"its module is in use as {other}", hint=hint)
