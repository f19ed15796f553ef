"""What the tasks share: the learned weights of the sharing scheme as shaded tables."""

from __future__ import annotations

from ..base.files import reading
from ..contracts import LearnedTable
from ..evaluation.learned import FILE, read_tables
from ..folders.run_folder import RunFolder
from .markup import Html, section, tag
from .subject import Subject

_SHADE = (
    "The stronger the shade, the larger the number beside the others of its table; negative numbers have "
    "another colour and a dashed line."
)


def sharing(subject: Subject) -> Html:
    """Return the section with the tables of `sharing.json`; nothing when the scheme has learned none."""
    if not (subject.path / FILE).is_file():
        return Html()
    content = RunFolder(subject.path).read_json(FILE)
    hint = f"remove it: mtl resume {subject.path} writes it again"
    with reading(subject.path / FILE, "what a sharing scheme learned", hint=hint):
        about = (
            f"What the sharing scheme {content['sharing']} learned. Where a weight depends on the image, it "
            f"is the mean over {content['images']} validation images. {_SHADE}"
        )
        figures = [_figure(table) for table in read_tables(content)]
    return section(
        "Sharing", tag("p", about, class_="note"), tag("div", *figures, class_="shares"), id_="sharing"
    )


def _figure(table: LearnedTable) -> Html:
    largest = max((abs(value) for row in table.values for value in row), default=0.0) or 1.0
    head = tag("tr", tag("td"), *(tag("th", name, scope="col") for name in table.columns))
    body = [
        tag("tr", tag("th", name, scope="row"), *(_cell(value, value / largest) for value in row))
        for name, row in zip(table.rows, table.values, strict=True)
    ]
    drawn = tag("table", tag("caption", table.meaning), tag("thead", head), tag("tbody", *body))
    scrolled = tag("div", drawn, class_="scroll", tabindex=0, role="region", aria_label=table.title)
    return tag("figure", tag("figcaption", table.title), scrolled, class_="card share")


def _cell(value: float, share: float) -> Html:
    """Return a cell shaded by `share` in -1..1; the number is there for those who see no shade."""
    sign = "number minus" if share < 0 else "number"
    return tag("td", f"{value:.3f}", class_=sign, style=f"--share: {abs(share):.3f}")
