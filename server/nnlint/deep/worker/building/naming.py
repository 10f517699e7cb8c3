"""What the name of an argument says of it: `tokens`, `lengths`, `mask`, `edge_index`, `labels`."""

from __future__ import annotations

import re

from .layer_shapes import BATCH, SIDE, STEPS
from .specimens import FLOATS, LENGTHS, ONES, TOKENS, WRITTEN, Leaf

_SEQUENCES = (
    r"(\w+_)?((input_?)?ids|idx|idxs|indices|tokens?|words?|sent(ence)?s?|text|texts|captions?|seqs?|src|tgt|trg|source|codes|bytes)"
    r"|x_?cat\w*|\w*categorical\w*|sparse\w*"
)
_CLASSES = r"y|cls|label|labels|class|classes|class_labels?|targets?|(\w+_)?(user|item)s?(_ids?|_idx)?|index|cond_labels?"
_NAMED = (
    (r"\w*mask\w*", Leaf(ONES, (BATCH, STEPS))),
    (r"\w*(?<![a-z])(len|lens|length|lengths)", Leaf(LENGTHS, (BATCH,), STEPS)),
    (r"edge_index\w*", Leaf(TOKENS, (2, STEPS), BATCH)),
    (r"adj\w*|adjacency\w*|laplacian", Leaf(FLOATS, (BATCH, BATCH))),
    (r"offsets?", Leaf(WRITTEN, written=f"torch.arange({BATCH})")),
    (r"boxes", Leaf(WRITTEN, written="torch.tensor([[1.0, 2.0, 9.0, 12.0]])")),
    (r"labels", Leaf(TOKENS, (1,), 2)),
    (r"keypoints", Leaf(WRITTEN, written="torch.ones(1, 17, 3)")),
    (r"masks", Leaf(ONES, (1, SIDE, SIDE))),
)
_STEPS = r"t|ts|time|times|timesteps?|time_steps?|step|steps|noise_level|sigmas?|noise_labels?|diffusion_steps?"
_NUMBERS = (
    (r"height|width|size|image_size", str(SIDE)),
    (r"temperature|tau|temp|scale|alpha|beta|gamma|lam|eps|momentum|\w*ratio|\w*prob", "1.0"),
    (r"(return|use|is|with|do|apply|need)_\w+|training|train|deterministic|inference|causal|verbose", "False"),
)
_PLAIN = {"int": "1", "float": "1.0", "bool": "False", "str": '""'}


def by_name(name: str, annotation: str, below: int) -> Leaf | None:
    """What the name and the annotation of a parameter say; `None` if that is nothing. Embeddings have `below` rows, 0 without any."""
    name = name.lower()
    number = next((written for pattern, written in _NUMBERS if re.fullmatch(pattern, name)), None)
    plain = next((text for kind, text in _PLAIN.items() if annotation in (kind, f"<class '{kind}'>", f"typing.Optional[{kind}]")), None)
    if plain is not None:
        return Leaf(WRITTEN, written=number if number is not None and plain in ("1", "1.0") else plain)
    if below and re.fullmatch(_CLASSES, name):
        return Leaf(TOKENS, (BATCH,), below)
    if below and re.fullmatch(_SEQUENCES, name):
        return Leaf(TOKENS, (BATCH, STEPS), below)
    if re.fullmatch(_STEPS, name):
        return Leaf(TOKENS, (BATCH,), below or 100)
    if number is not None:
        return Leaf(WRITTEN, written=number)
    return named_part(name)


def is_state(name: str) -> bool:
    """Whether a parameter is called what is handed on from step to step: `hidden`, `state`, `hx`, `cache`."""
    return re.fullmatch(r"h|c|[hc]x|[hc]_?0|hidden\w*|(\w+_)?states?|hc|mem\w*|\w*cache\w*|prev\w*|past\w*", name.lower()) is not None


def named_part(name: str) -> Leaf | None:
    """What a name says wherever it stands, as a key of a dict too."""
    return next((leaf for pattern, leaf in _NAMED if re.fullmatch(pattern, name)), None)
