"""The language server: the only folder that says "diagnostic". Its words for editors are made from the engine's findings."""
