"""Comparisons: a grid of trainings beside single-task ones, and what can be concluded from them."""
