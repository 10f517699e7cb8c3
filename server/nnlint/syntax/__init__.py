"""Source text -> blocks -> lowered trees. Never raises on user code, knows one file at a time."""
