"""Known models whose last layer a program has replaced: what they return is what the new head makes of features that nobody knows.

The body stays unknown. Of torchvision's classifiers it is known which attribute holds the head, and that nothing comes behind it.
"""

from __future__ import annotations

from nnlint.dataflow import values as val
from nnlint.dataflow.programs.objects import Thing, maker
from nnlint.dataflow.values import Value

_HEADS = {
    "resnet": "fc",
    "resnext": "fc",
    "wide_resnet": "fc",
    "shufflenet": "fc",
    "regnet": "fc",
    "vgg": "classifier",
    "alexnet": "classifier",
    "densenet": "classifier",
    "mobilenet": "classifier",
    "efficientnet": "classifier",
    "mnasnet": "classifier",
    "convnext": "classifier",
    "vit_": "heads",
    "swin": "head",
}


def replaced_head(model: Value) -> Value | None:
    """What a program has put in the place of a known model's head; `None` where it has not, or the model is not known."""
    made = maker(model)
    if not isinstance(model, Thing) or not made.startswith("torchvision.models."):
        return None
    name = made.rpartition(".")[2]
    attribute = next((head for family, head in _HEADS.items() if name.startswith(family)), None)
    head = None if attribute is None else model.state.get(attribute)
    is_module = isinstance(head, val.Layer) or (isinstance(head, (val.Sequence, val.Instance)) and head.is_module)
    return head if is_module else None
