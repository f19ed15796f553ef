"""Plugins as packages: installed into this environment, removed from it, listed with what the kit says."""
