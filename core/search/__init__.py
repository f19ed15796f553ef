"""`mtl search`: values of options tried one after the other, the best on validation kept."""
