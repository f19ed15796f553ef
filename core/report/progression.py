"""Image answers by epoch: the same validation samples after one epoch, two, five and so on."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ..evaluation.snapshots import Shown
from .markup import Html, tag
from .numbers import number
from .pixels import Bytes, picture, to_bytes
from .subject import Subject


def progression(
    subject: Subject,
    task: str,
    shown: Mapping[str, Shown],
    snapshots: Mapping[int, Mapping[str, Tensor]],
    limit: int,
) -> list[Html]:
    """Return a table of pictures, one row per kept epoch; nothing when no epoch was kept."""
    rows = {epoch: kept[task].numpy() for epoch, kept in snapshots.items() if task in kept}
    if not rows or task not in shown:
        return []
    now = shown[task]
    clean, seen = to_bytes(now.clean.numpy()), to_bytes(now.seen.numpy())
    parts = [_row("clean", clean, limit)]
    if seen.shape != clean.shape or bool((seen != clean).any()):
        parts.append(_row("what the model sees", seen, limit))
    parts += [_row(_title(subject, task, epoch), images, limit) for epoch, images in rows.items()]
    kept = f"kept: {_title(subject, task, subject.chosen_epoch)}" if subject.chosen_epoch else "kept"
    parts.append(_row(kept, to_bytes(now.answer.numpy()), limit))
    caption = tag("caption", f"{len(clean)} validation samples of {task}, epoch by epoch")
    grid = tag("table", caption, tag("tbody", *parts), class_="pictures")
    return [tag("div", grid, class_="scroll", tabindex=0, role="region", aria_label=f"{task} by epoch")]


def _title(subject: Subject, task: str, epoch: int) -> str:
    """Return the epoch and the loss on the validation split after it."""
    losses = [row.get(f"validation/{task}/loss") for row in subject.history if row["epoch"] == epoch]
    return f"epoch {epoch}" + (f", loss {number(losses[0])}" if losses and losses[0] is not None else "")


def _row(title: str, images: Bytes, limit: int) -> Html:
    cells = [
        tag("td", picture(image, alt=f"sample {index}, {title}", limit=limit))
        for index, image in enumerate(images, 1)
    ]
    return tag("tr", tag("th", title, scope="row"), *cells)
