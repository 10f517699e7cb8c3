"""What the user's own Python runs: the standard library and torch alone, nothing of nnlint, Python 3.9 and newer.

`python worker IN OUT` (file descriptors) starts the supervisor of `processes/`, which starts the runner in a process of its own. The
runner does one task: `checking`, which asks the `proofs/`, `recipe/` or `migration/`; each has a model built by `building/` and runs it by
means of `running/`. `messages` is the one module that nnlint imports too.
"""
