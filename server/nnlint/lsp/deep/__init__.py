"""The deep check in an editor: what starts a run, how it is shown while it goes on, and what becomes of what it said."""
