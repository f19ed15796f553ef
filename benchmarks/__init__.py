"""Measurements, not tests: nothing here is imported by the package, and no test asserts a time."""

import os

# As the command `mtl` sets it, and like there before torch is loaded.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
