"""Links of the pages to files of the repository that are no pages: the site names them without a link.

A test follows them in the repository. Called by mkdocs, see mkdocs.yml.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

LINK = re.compile(r"\[([^\]\n]+)\]\(([^)\s#:]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the text with links to what the site does not have replaced by their words.

    Links to what is nowhere stay, and mkdocs refuses them.
    """
    docs = Path(config.docs_dir).resolve()
    folder = (docs / page.file.src_uri).parent

    def shown(link: re.Match[str]) -> str:
        target = (folder / link[2]).resolve()
        if not target.exists():
            return link[0]
        found = files.get_file_from_path(os.path.relpath(target, docs))
        return link[0] if found is not None and found.inclusion.is_included() else link[1]

    return LINK.sub(shown, markdown)
