"""Markup that cannot be broken by its content."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.report.markup import Html, join, tag

# A parser reads carriage returns as line feeds, and drops NUL: neither is about escaping.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]))


class Reader(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append((name, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


@settings(deadline=None, max_examples=50)
@given(content=TEXT, title=TEXT)
def test_any_text_and_attribute_is_read_back_as_written(content: str, title: str) -> None:
    read = Reader(tag("p", content, title=title))
    assert read.seen == [("p", {"title": title})]
    assert read.text == content


def test_markup_is_not_escaped_twice() -> None:
    assert tag("p", tag("b", "&")) == "<p><b>&amp;</b></p>"
    assert join(["<", Html("<br>")]) == "&lt;<br>"


def test_absent_attributes_are_left_out_and_true_ones_stand_alone() -> None:
    assert tag("p", hidden=True, title=None, lang=False) == "<p hidden></p>"
