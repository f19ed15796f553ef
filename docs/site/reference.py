"""The reference of the site: a page for every public module, with all that it names, and the changelog.

The docstrings are read by mkdocstrings. Called by mkdocs, see mkdocs.yml.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PAGES = {"mtl": "mtl", "mtl.contracts": "contracts", "mtl.testing": "testing"}
ROOT = Path(__file__).parents[2]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for every public module, and the changelog."""
    for module, page in PAGES.items():
        files.append(File.generated(config, f"reference/{page}.md", content=page_of(module)))
    changes = (ROOT / "CHANGELOG.md").read_text()
    files.append(File.generated(config, "changelog.md", content=changes))
    return files


def page_of(module: str) -> str:
    """Return the page of a module: what it says of itself, then every name it makes public."""
    names = sorted(import_module(module).__all__, key=str.lower)
    options = "options: {heading_level: 1, members: false, show_root_full_path: true}"
    own = f"::: {module}\n    {options}\n"
    return "\n".join([own, *(f"::: {module}.{name}\n" for name in names)])
