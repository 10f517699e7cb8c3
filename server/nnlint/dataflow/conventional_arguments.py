"""What an argument is likely to be by the name and the annotation of its parameter, where nobody is known to give one.

All widths are the same number, so that what is added, divided into heads or grouped fits together.
"""

from __future__ import annotations

import re

from nnlint.syntax import lowered as low

_WIDTH = "32"
# The first pattern that occurs in the name as whole words decides.
_BY_NAME = [
    (re.compile(rf"(?:^|_)(?:{pattern})(?:_|\d|$)"), text)
    for pattern, text in (
        ("vocab|vocabulary|ntoken|n?tokens|num_embeddings|n_words|voc", "100"),
        ("n?class(?:es)?|labels?|categories", "10"),
        ("n?heads?|nhead", "4"),
        ("n?layers?|depth|n?blocks?|repeats|stages|n", "2"),
        ("kernels?|kernel_size|ksize|ks|k", "3"),
        ("strides?|groups?|dilations?|cardinality", "1"),
        ("pad|paddings?", "1"),
        ("p|dropout|drop|drop_?(?:rate|prob|path)?|prob|rate|momentum", "0.1"),
        ("eps|epsilon", "1e-05"),
        ("seq|seq_len|max_len|length|len|context|block_size|window|positions?", "16"),
        ("patch|patch_size|scale|factor|reduction|ratio|expansion|expand|upscale|mult|multiplier", "4"),
        ("image|img|img_size|resolution|size|height|width|h|w", _WIDTH),
        ("temperature|alpha|beta|gamma|weight", "1.0"),
        (
            "in|out|input|output|inp|outp|oup|mid|ch|chn|chan|chans|channels?|features?|feats?|dims?|hidden|hid|embed|emb|embedding"
            "|planes?|inplanes|outplanes|filters?|units|ngf|ndf|nf|c|ic|oc|cin|cout|d|d_?model|state|latent|z|nin|nout|ninp|nhid|units",
            _WIDTH,
        ),
    )
]
_BY_ANNOTATION = {"int": "4", "float": "0.5", "bool": "False"}
_COMPATIBLE = {"int": int, "float": float}


def conventional(parameter: low.Parameter) -> str | None:
    """The text of a plain number or flag for a parameter; `None` where neither its name nor its annotation says enough."""
    annotation = _annotation(parameter.annotation)
    if annotation == "bool":
        return _BY_ANNOTATION["bool"]
    if annotation not in (None, "int", "float"):
        return None
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", parameter.name).lower().strip("_")
    by_name = next((text for pattern, text in _BY_NAME if pattern.search(words)), None)
    if by_name is not None and (annotation != "int" or by_name.isdigit()):
        return by_name
    return None if annotation is None else _BY_ANNOTATION[annotation]


def _annotation(node: low.Node | None) -> str | None:
    """The name of an annotation; `None` where there is none, empty where it is more than a name."""
    match node:
        case None:
            return None
        case low.Name(id=name) | low.Constant(value=str(name)):
            return name
        case _:
            return ""
