"""Loss functions: nodes by their own name, of which nothing is claimed but that they are losses."""

from __future__ import annotations

from nnlint.dataflow.transfer.row import Row, destroys, register

_FUNCTIONS = """
cross_entropy nll_loss binary_cross_entropy binary_cross_entropy_with_logits multilabel_soft_margin_loss kl_div
"""

register(" ".join(f"torch.nn.functional.{name}" for name in _FUNCTIONS.split()), Row(destroys))
