"""`mtl doctor`: check this machine and the installation."""

from __future__ import annotations

import os
import re
import shutil
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from ..base.cache import cache_folder
from ..base.errors import ComponentError, MissingRequirementError
from ..discovery.home import HOME, home_distribution
from ..discovery.plugin_loading import Provider
from .session import Session, pass_session, print_json

_FOR_DEVELOPERS = ("test", "docs", "dev")
"""Extras of those who work on the project."""


@dataclass(frozen=True)
class Finding:
    """The result of one check: `ok`, `note` or `bad`."""

    check: str
    status: str
    detail: str


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def command(session: Session, as_json: bool) -> None:
    """Check Python, packages, devices, plugins, the cache and the disk; status 0 when all is well.

    \b
    Examples:
      mtl doctor
      mtl doctor --json
    """
    packages = [*_packages(), *_optional_packages()]
    findings = [_python(), *packages, *_devices(), *_plugins(session), _cache(), _disk()]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            click.echo(f"{finding.status:4}  {finding.check}: {finding.detail}")
    bad = [finding for finding in findings if finding.status == "bad"]
    if not bad:
        return
    kind = (
        ComponentError if all(item.check.startswith("plugin ") for item in bad) else MissingRequirementError
    )
    raise kind(f"{len(bad)} of {len(findings)} checks failed: {', '.join(item.check for item in bad)}")


def _python() -> Finding:
    return Finding("python", "ok", f"{sys.version.split()[0]} at {sys.executable}")


def _packages() -> list[Finding]:
    findings = []
    home = home_distribution()
    for requirement in (home.requires if home is not None else None) or []:
        if "extra ==" in requirement:
            continue
        name = requirement.split(">")[0].split("=")[0].split("<")[0].strip()
        try:
            findings.append(Finding(f"package {name}", "ok", f"{version(name)} (asked for: {requirement})"))
        except PackageNotFoundError:
            findings.append(Finding(f"package {name}", "bad", f"missing; run: pip install '{requirement}'"))
    return findings


def _optional_packages() -> list[Finding]:
    """Look at what may be installed too, for some executors, exporters, trackers and commands: by extra."""
    home = home_distribution()
    extras: dict[str, list[str]] = {}
    for requirement in (home.requires if home is not None else None) or []:
        asked = re.fullmatch(r"([\w.-]+).*\bextra == ['\"]([\w-]+)['\"].*", requirement)
        if asked is not None and asked[2] not in _FOR_DEVELOPERS:
            extras.setdefault(asked[2], []).append(asked[1])
    return [_extra(name, packages) for name, packages in extras.items()]


def _extra(name: str, packages: list[str]) -> Finding:
    there, missing = [], []
    for package in packages:
        try:
            there.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if not missing:
        return Finding(f"extra {name}", "ok", ", ".join(there))
    told = f"not installed: {', '.join(missing)}; where it is wanted: pip install '{HOME}[{name}]'"
    return Finding(f"extra {name}", "note", told)


def _devices() -> list[Finding]:
    try:
        torch = import_module("torch")
    except ImportError as error:
        return [Finding("torch", "bad", f"cannot be imported: {error}")]
    findings = [Finding("cpu", "ok", f"{torch.get_num_threads()} threads")]
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            findings.append(Finding(f"cuda:{index}", "ok", torch.cuda.get_device_name(index)))
    else:
        findings.append(Finding("cuda", "note", "no CUDA device; training runs on the CPU"))
    return findings


def _plugins(session: Session) -> list[Finding]:
    return [_plugin(provider) for provider in session.registry.providers]


def _plugin(provider: Provider) -> Finding:
    status = "bad" if provider.broken else "note" if provider.damage else "ok"
    told = f"{provider.status}: {provider.reason}" if provider.unavailable else provider.label
    told += f"; damaged: {provider.damage}" if provider.damage else ""
    return Finding(f"plugin {provider.distribution}/{provider.name}", status, told)


def _cache() -> Finding:
    folder = cache_folder()
    if folder is None:
        return Finding("cache", "note", "none: no home folder is known; set HOME or MTL_CACHE_DIR")
    return Finding("cache", "ok", f"{_size(folder) / 2**20:.1f} MiB in {folder}; may be deleted at any time")


def _size(folder: Path) -> int:
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # another command's, and gone meanwhile
                size += os.lstat(Path(place) / name).st_size
    return size


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return Finding("disk", "ok" if free >= 1 else "note", f"{free:.1f} GiB free in {Path.cwd()}")
