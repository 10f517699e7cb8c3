"""Programs: scripts, training functions and trainers, followed as they run.

`trace` is what they do in order, `objects` are the unknown things that they do it to, `runner` follows them, `entries` finds them,
`paths` walks a trace with a state, `flows` says what a value was computed from.
"""
