"""Where the output of a layer goes in a run, up to the normalizations and softmaxes that can take a bias out of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from .tracing import Event, Trace

_NORMALIZATIONS = frozenset(["batch_norm", "instance_norm", "group_norm", "layer_norm", "native_batch_norm", "native_layer_norm"])
_SOFTMAXES = frozenset(["softmax", "log_softmax", "scaled_dot_product_attention", "multi_head_attention_forward", "cross_entropy"])
_PARAMETRIC = frozenset(
    ["linear", "bilinear", "embedding", "prelu", "rms_norm", "matmul", "bmm", "mm", "addmm", "baddbmm", "einsum", "__matmul__", "tensordot"]
    + [f"conv{transposed}{axes}d" for transposed in ("", "_transpose") for axes in (1, 2, 3)]
)


@dataclass
class Flow:
    """What a layer's output meets in one run.

    `first` is the first operation that reads it, `absorbed_by` are the normalizations and softmaxes that take it up. It is direct where
    no operation with parameters and no product of tensors lies between.
    """

    first: Event | None = None
    absorbed_by: list[Event] = field(default_factory=list)
    is_direct: bool = True


def flow_from(trace: Trace, layer: nn.Module) -> Flow:
    """Follows every output of a layer through a run."""
    flow = Flow()
    reached: set[int] = set()
    for event in trace.events:
        if event.module is layer:
            reached.update(map(id, event.outputs))
        elif any(id(t) in reached for t in event.inputs):
            flow.first = flow.first or event
            if event.name in _NORMALIZATIONS or is_softmax(event):
                flow.absorbed_by.append(event)
            else:
                flow.is_direct = flow.is_direct and event.name not in _PARAMETRIC
                reached.update(map(id, event.outputs))
    return flow


def is_softmax(event: Event) -> bool:
    """Whether the operation gives the same for inputs that are shifted alike along its axis."""
    return event.name in _SOFTMAXES
