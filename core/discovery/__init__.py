"""Finds plugins, and the components that they register."""
