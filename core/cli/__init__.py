"""The command line: a click group whose commands are imported only when they run."""

from .main import main

__all__ = ["main"]
