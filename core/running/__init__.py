"""One run or several seeds, from the recipe to the export."""
