"""Real models of real packages, run by torch, against what nnlint says of their sources."""
