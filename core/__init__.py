"""The engine: discovers plugins, composes models, trains and judges them. Names no built-in component."""
