"""report.html: one self-contained page about a run, or about several seeds of one recipe, for people."""

from .page import write_report
from .seeds import write_seeds_report

__all__ = ["write_report", "write_seeds_report"]
