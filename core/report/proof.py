"""The exporter's proof that the file computes the same numbers, whatever form the exporter gave it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .markup import Html, folded, join, pairs, table, tag
from .numbers import ABSENT, number
from .subject import Subject


def proof(subject: Subject) -> Html:
    """Return the section about the verification of the exported file."""
    report = subject.verification
    tables = {key: value for key, value in report.items() if _is_table(value)}
    facts = [(key, value) for key, value in report.items() if key != "passed" and key not in tables]
    return join(
        [
            _verdict(report.get("passed")),
            pairs((_words(key), _text(value)) for key, value in facts),
            *(
                folded(f"{_words(key)} ({len(rows)})", _table(_words(key), rows))
                for key, rows in tables.items()
            ),
        ]
    )


def _verdict(passed: object) -> Html:
    if passed is True:
        text, style = (
            "✓ Passed: the file computes what the trained model computes, within the tolerance.",
            "good",
        )
    elif passed is None:
        text, style = "· The exporter does not say whether the file was verified.", "open"
    else:
        text, style = "✗ Not passed: do not use the file.", "poor"
    return tag("p", text, class_=f"verdict {style}")


def _is_table(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _table(title: str, rows: Sequence[Mapping[str, Any]]) -> Html:
    flat = [dict(_flat(row)) for row in rows]
    columns = list(dict.fromkeys(key for row in flat for key in row))
    numeric = [
        index
        for index, column in enumerate(columns)
        if index and all(isinstance(row.get(column, 0), int | float) for row in flat)
    ]
    cells = [[_text(row[column]) if column in row else ABSENT for column in columns] for row in flat]
    return table([_words(column) for column in columns], cells, caption=title, numeric=numeric)


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{key}: ")
        else:
            yield f"{prefix}{key}", item


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Mapping):
        return "; ".join(f"{_words(key)}: {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return ABSENT if value is None else str(value)


def _words(key: str) -> str:
    return str(key).replace("_", " ")
