"""Forms of answers by name: in a registry, and in a file that was exported. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..base.errors import ComponentError, MissingRequirementError
from ..contracts import Form
from .plugin_loading import HOME
from .registry import Entry, HasRegistry, Registry, component_class, installed

Forms = Callable[[str, str], type[Form] | None]
"""From a form's name and its plugin (`HOME` for one that is built in) to its class; None: it is not here."""


def entry_of(form: Form, registry: Registry) -> Entry:
    """Return the record of a form; raise `ComponentError` when nobody could find it again by its name."""
    for entry in registry.entries("form"):
        if entry.component.name == form.form and component_class(entry) is type(form):
            return entry
    place = f"{type(form).__module__}:{type(form).__qualname__}"
    raise ComponentError(
        f"{place} is not what a plugin registers as the form {form.form!r}",
        hint=f'yield Component("form", {form.form!r}, ...) from the hook mtl_components of its plugin',
    )


def forms_of(registry: Registry) -> Forms:
    """Return the forms of a registry."""

    def find(name: str, plugin: str) -> type[Form] | None:
        for entry in registry.entries("form"):
            if entry.component.name == name and plugin in (
                entry.provider.distribution,
                entry.provider.portable,
            ):
                return component_class(entry)
        return None

    return find


def forms_in_use(session: HasRegistry | None) -> Forms | None:
    """Return the forms that a command's plugins bring, those of named files too; None outside of `mtl`."""
    return None if session is None else forms_of(session.registry)


def forms_among(targets: Iterable[Form]) -> Forms:
    """Return the forms of answers that are at hand."""
    found = {type(target).form: type(target) for target in targets}
    return lambda name, plugin: found.get(name)


def beside_installed(forms: Forms | None) -> Forms:
    """Return forms that are known, and behind them those of the installed plugins."""

    def find(name: str, plugin: str) -> type[Form] | None:
        found = None if forms is None else forms(name, plugin)
        return found or forms_of(installed())(name, plugin)

    return find


def read_form(value: Mapping[str, Any], forms: Forms, plugins: Mapping[str, str]) -> Form:
    """Rebuild a form from `Form.to_json`; `plugins` names those of forms that are not built in.

    Raises `ValueError` when the values are wrong, `MissingRequirementError` when the form's plugin is not
    here.
    """
    fields = dict(value)
    name = fields.pop("form")
    if not isinstance(name, str):
        raise ValueError(f"a form is called {name!r:.40}")
    plugin = plugins.get(name, HOME)
    found = forms(name, plugin)
    if found is not None:
        return found.from_json(fields)
    if plugin == HOME:
        raise ValueError(f"unknown form {name!r:.40}")
    raise MissingRequirementError(
        f"it answers in the form {name!r:.40} of the plugin {plugin:.100}, which is not in use here",
        hint="install the plugin, or name its file with --plugin; see: mtl plugins",
    )
