"""Measurements, not tests: nothing here is imported by the package, and no test asserts a time."""
