"""What the user's own Python runs: the standard library and torch alone, nothing of nnlint, Python 3.9 and newer.

`python -B worker IN OUT` (file descriptors) starts `supervisor`, which owns the tree of processes and starts `runner` in one of its own,
where torch and the user's model live. `messages` is the one module that nnlint imports too.
"""
