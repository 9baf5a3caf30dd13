"""走访: a household, a project or an asset visited, what was found, and what is still to be done."""
