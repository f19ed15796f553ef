"""docs/reliability.md: the figures between its markers come from the results, never from a hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..fuzz.results import rendered as inputs_tried
from ..marked import with_marked

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"


def write_page(
    results: Sequence[dict[str, Any]], faults: dict[str, Any] | None, fuzzing: Sequence[dict[str, Any]]
) -> None:
    """Replace what is between the markers; `fuzzing` are the results of `benchmarks.fuzz`."""
    text = DOCUMENT.read_text()
    for name, content in rendered(results, faults, fuzzing).items():
        text = with_marked(text, f"measured: {name}", content)
    DOCUMENT.write_text(text)


def rendered(
    results: Sequence[dict[str, Any]], faults: dict[str, Any] | None, fuzzing: Sequence[dict[str, Any]]
) -> dict[str, str]:
    """Return the text of each marker."""
    return {
        "reliability": _table(results),
        "outcomes": _outcomes(results),
        "costs": _costs(results),
        "fuzzing": inputs_tried(fuzzing),
        "violations": _violations(results),
        "faults": _faults(faults) if faults else "Not tried.",
    }


def _table(results: Sequence[dict[str, Any]]) -> str:
    lines = [
        "| row | what is done | what is promised | trials | broken | seed, date |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        share = "" if result["asked"] >= result["full"] else f" of {result['full']}"
        lines.append(
            f"| {result['row']} | {result['title']} | {result['promise']} | {result['trials']}{share} "
            f"| **{result['violations']}** | {result['seed']}, {result['date']} |"
        )
    total = sum(result["trials"] for result in results)
    broken = sum(result["violations"] for result in results)
    machines = ", ".join(sorted({f"{item['machine']}, Python {item['python']}" for item in results}))
    return "\n".join([*lines, "", f"{total} trials, {broken} broken promises. {machines}."])


def _costs(results: Sequence[dict[str, Any]]) -> str:
    lines = ["| row | most memory (MiB) | of | most processor time (s) | of |", "|---|---|---|---|---|"]
    for result in results:
        if found := result.get("largest_refusal"):
            memory = f"{found['mebibytes']:,} | {_inline(found['mebibytes_of'])}"
            seconds = f"{found['seconds']:.2f} | {_inline(found['seconds_of'])}"
            lines.append(f"| {result['row']} | {memory} | {seconds} |")
    return "\n".join(lines) if len(lines) > 2 else "Not measured."


def _inline(text: str) -> str:
    """Return a trial's name as code in a table's cell."""
    words = text.replace("|", "/").replace("\n", " ").replace("`", "'")
    return f"`{words[:60]}`"


def _outcomes(results: Sequence[dict[str, Any]]) -> str:
    told = {
        result["row"]: ", ".join(f"{what} {count}" for what, count in list(result["tally"].items())[:6])
        for result in results
    }
    return "\n".join(f"- {row}: {outcomes}" for row, outcomes in told.items()) or "None."


def _violations(results: Sequence[dict[str, Any]]) -> str:
    lines = []
    for result in results:
        for violation in result["shown"]:
            words = f"{violation['trial']}: {violation['what']}".replace("|", "/").replace("\n", " ")
            lines.append(f"- {result['row']}: `{words.replace('`', chr(39))[:300]}`")
        if result["violations"] > len(result["shown"]):
            lines.append(f"- {result['row']}: {result['violations'] - len(result['shown'])} more")
    return "\n".join(lines) or "None."


def _faults(faults: dict[str, Any]) -> str:
    found = faults["faults"]
    lines = ["| fault | row | trials | noticed |", "|---|---|---|---|"]
    lines += [
        f"| {item['what']} | {item['row']} | {item['trials']} | {'yes' if item['noticed'] else '**no**'} |"
        for item in found
    ]
    caught = sum(item["noticed"] for item in found)
    where = f"{faults['machine']}, {faults['date']}"
    return "\n".join([*lines, "", f"{caught} of {len(found)} noticed ({where})."])
