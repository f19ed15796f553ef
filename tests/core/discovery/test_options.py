"""Options are the keyword-only arguments of a constructor, validated strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from mtl.core.base.errors import ComponentError
from mtl.core.discovery.options import describe_options, options_model, plain, validate_options


class Example:
    def __init__(
        self,
        engine: object,
        *,
        width: Annotated[int, Field(ge=1, le=9, description="How wide.")] = 3,
        flag: bool = False,
        share: Annotated[float, Field(gt=0)] = 0.5,
        kind: Literal["relu", "tanh"] = "relu",
        hidden: tuple[int, ...] = (64, 32),
        folder: Path | None = None,
    ) -> None: ...


MODEL = options_model(Example)


def only_problem(**values: Any) -> str:
    _, problems = validate_options(MODEL, values)
    assert len(problems) == 1
    return f"{problems[0].message} | {problems[0].hint}"


def test_engine_arguments_are_no_options() -> None:
    assert list(MODEL.model_fields) == ["width", "flag", "share", "kind", "hidden", "folder"]


def test_defaults_are_filled_in() -> None:
    options, problems = validate_options(MODEL, {"width": 5, "folder": "/data"})
    assert problems == []
    assert options["width"] == 5
    assert options["hidden"] == (64, 32)
    assert options["folder"] == Path("/data")


def test_a_list_stands_for_a_tuple_and_a_whole_number_for_a_real_one() -> None:
    options, problems = validate_options(MODEL, {"hidden": [8], "share": 1})
    assert (options["hidden"], options["share"], problems) == ((8,), 1.0, [])


def test_a_misspelled_option_gets_the_nearest_name() -> None:
    assert only_problem(widht=3) == "unknown option 'widht' | did you mean 'width'?"


def test_a_value_out_of_range_gets_default_and_range() -> None:
    assert only_problem(width=10) == (
        "option 'width': input should be less than or equal to 9, got 10 | default: 3; allowed: >= 1 and <= 9"
    )


def test_text_is_no_number() -> None:
    assert only_problem(width="3").startswith("option 'width': input should be a whole number, got \"3\"")


def test_the_word_false_is_no_boolean() -> None:
    assert only_problem(flag="False").startswith("option 'flag': input should be a boolean")


def test_a_boolean_is_no_number() -> None:
    assert only_problem(share=True).startswith("option 'share': input should be a number, got true")


def test_a_misspelled_choice_gets_the_nearest_choice() -> None:
    assert only_problem(kind="rellu").endswith("did you mean 'relu'? default: \"relu\"; allowed: relu, tanh")


def test_all_mistakes_are_reported_at_once() -> None:
    _, problems = validate_options(MODEL, {"width": 0, "share": 0, "x": 1})
    assert len(problems) == 3


def test_hyphens_and_underscores_mean_the_same_option_once() -> None:
    class Hyphen:
        def __init__(self, *, batch_size: int = 1) -> None: ...

    model = options_model(Hyphen)
    assert validate_options(model, {"batch-size": 2})[0] == {"batch_size": 2}
    assert validate_options(model, {"batch-size": 2, "batch_size": 3})[1]


def test_an_option_without_type_is_the_authors_mistake() -> None:
    class Untyped:
        def __init__(self, *, width=3) -> None: ...  # type: ignore[no-untyped-def]

    with pytest.raises(ComponentError, match=r"option 'width' .* has no type"):
        options_model(Untyped)


def test_an_option_without_default_is_the_authors_mistake() -> None:
    class Bare:
        def __init__(self, *, width: int) -> None: ...

    with pytest.raises(ComponentError, match=r"option 'width' .* has no default"):
        options_model(Bare)


def test_an_option_called_name_would_replace_the_component_s_own_in_a_recipe() -> None:
    class Named:
        def __init__(self, *, name: str = "x") -> None: ...

    with pytest.raises(ComponentError, match=r"option 'name' .* cannot be set"):
        options_model(Named)


def test_descriptions_carry_type_default_and_range() -> None:
    shown = {item.name: (item.type, item.default, item.range) for item in describe_options(MODEL)}
    assert shown["width"] == ("whole number", 3, ">= 1 and <= 9")
    assert shown["hidden"] == ("list of whole number", [64, 32], "")
    assert shown["folder"] == ("path or none", None, "")
    assert shown["kind"] == ("choice", "relu", "relu, tanh")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.tuples(inner)
)


@given(values)
def test_plain_values_stay_plain(value: Any) -> None:
    assert plain(plain(value)) == plain(value)
