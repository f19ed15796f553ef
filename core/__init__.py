"""The engine: discovers plugins, composes models, trains and judges them. Names no built-in component."""

from .former import find_former_modules

find_former_modules()
