"""A page for every command of the site, made of what `mtl COMMAND --help` prints.

Called by mkdocs, see mkdocs.yml.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from mtl.core.cli.main import build_cli

WIDTH = 88


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the commands, and the list of them."""
    root = click.Context(build_cli(), info_name="mtl", max_content_width=WIDTH, terminal_width=WIDTH)
    rows = ["| command | what it does |", "|---|---|"]
    paths = ["commands/index.md"]
    for name, command in commands_of(root):
        rows.append(f"| [`mtl {name}`]({name}.md) | {command.get_short_help_str(limit=200)} |")
        paths.append(f"commands/{name}.md")
        files.append(File.generated(config, paths[-1], content=page(name, command, root)))
    head = ["# Commands", "", "The help of every command, as `mtl COMMAND --help` prints it.", ""]
    index = "\n".join([*head, *rows, "", "## mtl", "", block(root), ""])
    files.append(File.generated(config, "commands/index.md", content=index))
    config.nav = listed(config.nav, paths)
    return files


def listed(nav: Any, paths: list[str]) -> Any:
    """Return the navigation with all pages where it names the first."""
    if isinstance(nav, dict):
        return {title: listed(entry, paths) for title, entry in nav.items()}
    if isinstance(nav, list):
        return [listed(entry, paths) for entry in nav]
    return paths if nav == paths[0] else nav


def commands_of(context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Yield the commands of a group, by name; none of a command that is no group."""
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            if command is not None:
                yield name, command


def page(name: str, command: click.Command, above: click.Context) -> str:
    """Return the page of a command, its own commands included."""
    context = click.Context(command, info_name=name, parent=above, terminal_width=WIDTH)
    parts = [f"# {context.command_path}", "", block(context), ""]
    for inner, below in commands_of(context):
        nested = click.Context(below, info_name=inner, parent=context, terminal_width=WIDTH)
        parts += [f"## {nested.command_path}", "", block(nested), ""]
    return "\n".join(parts)


def block(context: click.Context) -> str:
    """Return the help of a command as a block of text."""
    return f"```text\n{context.get_help()}\n```"
