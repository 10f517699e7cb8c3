"""What each torch operation does to facts: one row an operation, grouped in files by kind of operation."""

from __future__ import annotations

from functools import cache

from nnlint.dataflow.transfer.row import Row, registered


def find_row(operation: str) -> Row | None:
    """The row of an operation named as torch names it (`torch.nn.Conv2d`, `torch.cat`, `torch.Tensor.view`)."""
    return all_rows().get(operation)


@cache
def all_rows() -> dict[str, Row]:
    import nnlint.dataflow.transfer.losses
    import nnlint.dataflow.transfer.recurrent  # noqa: F401
    from nnlint.dataflow.transfer import arithmetic, attention, axes, linear, normalization, pointwise, pooling, reduction, resampling  # noqa: F401

    return registered()
