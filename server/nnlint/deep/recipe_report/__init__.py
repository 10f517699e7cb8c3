"""What the recipe found in models, for people and programs: one file a format, each with `render(recipes) -> str`."""
