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
        ("patch|patch_size|scale|factor|reduction|ratio|expansion|expand|upscale|mul|mult|multiplier", "4"),
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
_WORDS = [
    (re.compile("norm"), "'batch'"),
    (re.compile("pad"), "'zeros'"),
    (re.compile("act|nonlin"), "'relu'"),
    (re.compile("upsample|interp|mode"), "'nearest'"),
    (re.compile("device"), "'cpu'"),
]
_LISTS = frozenset({"List", "list", "Sequence", "Iterable", "Collection"})
_TUPLES = frozenset({"Tuple", "tuple"})


def conventional(parameter: low.Parameter) -> str | None:
    """The text of a plain number, flag or word for a parameter, or of two in a list; `None` where name and annotation say too little."""
    match parameter.annotation:
        case None if parameter.name.endswith(("_type", "_name", "_mode")):
            return _word(parameter.name)
        case None:
            return _by_name(parameter.name)
        case low.Name(id=annotation) | low.Constant(value=str(annotation)):
            return _of_kind(annotation, parameter.name)
        case low.Subscript(value=low.Name(id=outer) | low.Attribute(name=outer), item=low.Name(id=kind)) if outer in _LISTS:
            item = _of_kind(kind, parameter.name)
            return None if item is None else f"[{item}, {item}]"
        case low.Subscript(value=low.Name(id=outer) | low.Attribute(name=outer), item=low.Display(items=kinds)) if outer in _TUPLES:
            return _tuple_of(kinds, parameter.name)
        case _:
            return None


def _tuple_of(kinds: tuple[low.Node, ...], name: str) -> str | None:
    """A tuple of numbers as `Tuple[int, int]` or `Tuple[int, ...]` asks for."""
    is_open = isinstance(kinds[-1], low.Constant) and kinds[-1].value is ...
    items = [_of_kind(kind.id, name) if isinstance(kind, low.Name) else None for kind in ((kinds[0],) * 2 if is_open else kinds)]
    known = [item for item in items if item is not None]
    return f"({', '.join(known)})" if len(known) == len(items) > 1 else None


def _of_kind(annotation: str, name: str) -> str | None:
    if annotation == "bool":
        return _BY_ANNOTATION["bool"]
    if annotation == "str":
        return _word(name)
    if annotation not in ("int", "float"):
        return None
    by_name = _by_name(name)
    return by_name if by_name is not None and (annotation == "float" or by_name.isdigit()) else _BY_ANNOTATION[annotation]


def _word(name: str) -> str | None:
    return next((text for pattern, text in _WORDS if pattern.search(name.lower())), None)


def _by_name(name: str) -> str | None:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().strip("_")
    return next((text for pattern, text in _BY_NAME if pattern.search(words)), None)
