"""report.html: one self-contained page about a run, for people."""

from .page import write_report

__all__ = ["write_report"]
