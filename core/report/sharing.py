"""What the tasks share: the learned weights of the sharing scheme as shaded tables."""

from __future__ import annotations

from ..base.files import reading
from ..evaluation.learned import FILE, read_tables
from ..folders.run_folder import RunFolder
from .markup import Html, join, tag
from .shaded import SHADE, shaded
from .subject import Subject


def sharing(subject: Subject) -> Html:
    """Return the section with the tables of `sharing.json`; nothing when the scheme has learned none."""
    if not (subject.path / FILE).is_file():
        return Html()
    content = RunFolder(subject.path).read_json(FILE)
    hint = f"remove it: mtl resume {subject.path} writes it again"
    with reading(subject.path / FILE, "what a sharing scheme learned", hint=hint):
        about = (
            f"What the sharing scheme {content['sharing']} learned. Where a weight depends on the image, it "
            f"is the mean over {content['images']} validation images. {SHADE}"
        )
        figures = [shaded(table) for table in read_tables(content)]
    return join([tag("p", about, class_="note"), tag("div", *figures, class_="shares")])
