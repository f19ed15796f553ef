"""Forms of answers survive JSON, and are found again by the name in it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.core.base.errors import ComponentError, MissingRequirementError
from mtl.core.contracts import Form
from mtl.core.discovery.answer_forms import beside_installed, entry_of, forms_of, read_form
from mtl.core.discovery.plugin_loading import HOME
from mtl.core.discovery.registry import Registry, discover
from mtl.plugins.forms import Binary, Categorical, Image, Regression

names = st.lists(st.text(min_size=1), min_size=1, max_size=4).map(tuple)
texts = st.text(min_size=1)
sizes = st.integers(1, 64)
forms = st.one_of(
    st.builds(Categorical, names),
    st.builds(Binary, texts, texts),
    st.builds(Regression, names, st.text()),
    st.builds(Image, sizes, sizes, sizes, st.sampled_from(["identity", "logit"])),
)

STRANGER = """
from dataclasses import dataclass
from mtl.contracts import Component, Form, Values, hookimpl

@dataclass(frozen=True)
class Share(Form):
    name: str
    form = "share"
    output_shape = (1,)
    @property
    def drawing(self): return Values((self.name,))

@hookimpl
def mtl_components():
    yield Component("form", "share", "A share", "stranger:Share")
"""


@given(forms)
def test_a_form_survives_json(form: Form) -> None:
    value = json.loads(json.dumps(form.to_json()))
    assert read_form(value, beside_installed(None), {}) == form


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown form 'box'"):
        read_form({"form": "box"}, beside_installed(None), {})


@pytest.mark.parametrize("value", [None, 3, ["box"], {"a": 1}])
def test_a_form_whose_name_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="a form is called"):
        read_form({"form": value}, beside_installed(None), {})


def test_a_form_of_a_plugin_that_is_not_here_is_refused_by_the_plugins_name() -> None:
    with pytest.raises(MissingRequirementError, match="the form 'share' of the plugin stranger"):
        read_form({"form": "share", "name": "x"}, beside_installed(None), {"share": "stranger"})


def test_a_form_of_a_plugin_is_found_by_its_plugin(install_plugin: Callable[..., str]) -> None:
    install_plugin("stranger", STRANGER)
    known = forms_of(discover())
    form = read_form({"form": "share", "name": "x"}, known, {"share": "stranger"})
    assert form.to_json() == {"form": "share", "name": "x"}
    assert entry_of(form, discover()).provider.distribution == "stranger"
    # A stranger's form is not what a file means that names no plugin.
    with pytest.raises(ValueError, match="unknown form 'share'"):
        read_form({"form": "share", "name": "x"}, known, {})


def test_a_form_that_nobody_registers_is_refused(registry: Registry) -> None:
    class Own(Categorical):
        """A class of its own by another's name."""

    assert entry_of(Categorical(("a",)), registry).provider.distribution == HOME
    with pytest.raises(ComponentError, match="is not what a plugin registers as the form 'categorical'"):
        entry_of(Own(("a",)), registry)
