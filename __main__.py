"""`python -m mtl` is the command `mtl`."""

from .core.cli import main

if __name__ == "__main__":
    main()
