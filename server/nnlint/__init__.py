"""nnlint: finds the classic silent mistakes in PyTorch code, and fixes them."""

__version__ = "0.1.0"
