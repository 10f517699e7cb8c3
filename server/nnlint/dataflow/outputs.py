"""Which layers are the outputs of models: the question behind NN502, asked backward from what a model returns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nnlint.dataflow.graph import CALL, CONSTANT, INPUT, JOIN, OUTPUT, PARAMETER, Graph, Node, ProjectGraph
from nnlint.dataflow.redundancy import has_bias
from nnlint.dataflow.torch_calls import BIAS_USED, ESCAPED, WEIGHT_TIED
from nnlint.dataflow.transfer.linear import BIASED_LAYERS
from nnlint.dataflow.values import Const, Layer, Symbol, Tensor, Value
from nnlint.semantics.definitions import Site

# What may stand between the output layer and the result without taking over the work of its bias.
_PASSING = re.compile(
    r"""^(?:part|output|torch\.unbind\.part
    |torch\.(?:nn\.|nn\.functional\.|Tensor\.)?(?:
        [Ff]latten|[Uu]nflatten|view|reshape|permute|transpose|squeeze|unsqueeze|movedim|swapaxes|t|contiguous|clone|detach|to|float|half|double|chunk|split|__getitem__
        |narrow|flip|[Dd]ropout\w*|[Ss]oftmax\w*|log_softmax|LogSoftmax|[Ss]igmoid|[Tt]anh|logsigmoid|LogSigmoid|exp|softplus|Softplus|Identity|clamp\w*|interpolate|Upsample\w*|UpsamplingNearest2d
        |UpsamplingBilinear2d|mean|sum|Adaptive(?:Avg|Max)Pool\dd|adaptive_(?:avg|max)_pool\dd|[Aa]vg_?[Pp]ool\dd|PixelShuffle|pixel_shuffle|masked_fill|cat|stack|neg|logit|type_as|cpu|cuda|roll|unbind
    ))$""",
    re.VERBOSE,
)
_BENDING = re.compile(r"oftmax|igmoid|anh|exp|oftplus|clamp|[Mm]ax|logit", re.ASCII)
_SCALING = re.compile(r"^torch\.(?:Tensor\.)?(?:mul|div|true_divide|divide|multiply)_?$")
_SHIFTING = re.compile(r"^torch\.(?:Tensor\.)?(?:add|sub)_?$")
_UNBIASED_BY_CUSTOM = re.compile(r"vocab|token|n_words|num_words|dictionary|alphabet|codebook|embed|proj|latent", re.IGNORECASE)
# Losses and operations that compare outputs with each other: an offset of all of them is nothing to learn.
_COMPARISONS = (
    "TripletMarginLoss",
    "triplet_margin_loss",
    "CosineEmbeddingLoss",
    "cosine_embedding_loss",
    "cosine_similarity",
    "CosineSimilarity",
    "F.normalize",
    "functional.normalize",
)
_NORMALIZING = frozenset({"torch.nn.functional.normalize", "torch.nn.functional.cosine_similarity"})
_MAX_STEPS = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """A construction call whose layers, in every instance, are outputs of models and have no bias."""

    site: Site
    layer: Layer
    call: Node


def outputs_without_bias(project: ProjectGraph) -> Iterator[Output]:
    """Every construction call that makes output layers without a bias, and nothing else."""
    reached: dict[int, Node] = {}
    for graph in project.graphs:
        if graph.is_model:
            for node in _output_calls(graph):
                assert node.layer is not None
                reached.setdefault(id(node.layer.origin), node)
    for site, layers in sorted(project.layers.items(), key=lambda item: (item[0].path, item[0].block, item[0].index)):
        called = [layer for layer in layers if project.calls_of(layer)]
        if called and layers[0].target in BIASED_LAYERS and all(_is_plain_output(project, layer, reached) for layer in called):
            yield Output(site, called[0], reached[id(called[0].origin)])


def _is_plain_output(project: ProjectGraph, layer: Layer, reached: dict[int, Node]) -> bool:
    call = reached.get(id(layer.origin))
    return (
        call is not None
        and has_bias(layer) is False
        and not {ESCAPED, WEIGHT_TIED, BIAS_USED} & layer.origin.marks.keys()
        and not _is_vocabulary(project, layer)
        and not _is_compared(project, call)
        and _has_depth(call)
        and not _follows_a_bias(call)
    )


def _is_vocabulary(project: ProjectGraph, layer: Layer) -> bool:
    """Whether the layer projects to the tokens of an embedding: language models leave that bias out."""
    size = layer.arguments.get("out_features", layer.arguments.get("out_channels"))
    if size is None or _names(size, _UNBIASED_BY_CUSTOM):
        return True
    for site, others in project.layers.items():
        if (
            others[0].target in ("torch.nn.Embedding", "torch.nn.EmbeddingBag")
            and site.path == layer.site.path
            and any(other.arguments.get("num_embeddings") == size for other in others)
        ):
            return True
    return False


def _is_compared(project: ProjectGraph, call: Node) -> bool:
    """Whether the file of the model, or one that names it, compares outputs."""
    program, owner = project.program, call.graph.owner
    assert program is not None
    assert call.layer is not None
    files = {call.layer.site.path}
    if owner is not None:
        files |= {path for path in program.paths if program.mentions(path, owner[1])}
    return any(program.mentions(path, word) for path in files for word in _COMPARISONS)


def _follows_a_bias(call: Node) -> bool:
    """Whether a biased layer stands before this one with nothing between that is not linear: its bias does the work."""
    stack = list(call.inputs)
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.layer is not None and node.operation in BIASED_LAYERS:
            return has_bias(node.layer) is not False
        if node.operation == OUTPUT and node.inputs[0].callee is not None:
            stack.append(node.inputs[0].callee.results[node.output])
        elif node.operation == JOIN or (_PASSING.match(node.operation) and not _BENDING.search(node.operation)):
            stack += node.inputs
    return False


def _names(value: Value, pattern: re.Pattern[str]) -> bool:
    """Whether an unknown size is called something that matches."""
    return (
        isinstance(value, Symbol)
        and pattern.search(str(value.key[3:] if isinstance(value.key, tuple) and value.key[0] == "parameter" else value.key)) is not None
    )


def _has_depth(call: Node) -> bool:
    """Whether other layers with parameters, and something that is not linear, stand before the output layer: a model, not a part."""
    seen: set[int] = set()
    stack = [(node, call.graph) for node in call.inputs]
    while stack and len(seen) < _MAX_STEPS:
        node, graph = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.layer is not None and node.operation in BIASED_LAYERS | {
            "torch.nn.LSTM",
            "torch.nn.GRU",
            "torch.nn.RNN",
            "torch.nn.Embedding",
        }:
            return True
        stack += [(n, n.graph) for n in node.inputs]
        if node.operation == OUTPUT and node.inputs[0].callee is not None:
            stack.append((node.inputs[0].callee.results[node.output], node.inputs[0].callee))
        if node.operation == INPUT and node in graph.inputs:
            stack += [(caller.inputs[graph.inputs.index(node)], caller.graph) for caller in graph.callers]
    return False


def _output_calls(graph: Graph) -> Iterator[Node]:
    """The calls of layers whose results a graph returns, through what changes neither scale nor place of an offset."""
    stack: list[tuple[Node, tuple[Node, ...]]] = [(node, ()) for node in graph.results]
    seen: set[tuple[int, int]] = set()
    while stack and len(seen) < _MAX_STEPS:
        node, calls = stack.pop()
        key = (id(node), id(calls[-1]) if calls else 0)
        if key in seen:
            continue
        seen.add(key)
        if node.operation in BIASED_LAYERS:
            if not any(n.operation in _NORMALIZING for n in node.inputs):
                yield node
        elif node.operation == OUTPUT:
            call = node.inputs[0]
            if call.operation == CALL and call.callee is not None:
                stack.append((call.callee.results[node.output], (*calls, call)))
        elif node.operation == INPUT and calls and node in node.graph.inputs:
            stack.append((calls[-1].inputs[node.graph.inputs.index(node)], calls[:-1]))
        elif node.operation == JOIN or _PASSING.match(node.operation):
            stack += [(n, calls) for n in node.inputs]
        elif _SCALING.match(node.operation) or _SHIFTING.match(node.operation):
            stack += [(n, calls) for n in _main_operand(node)]


def _main_operand(node: Node) -> list[Node]:
    """The operand that is scaled or shifted by a number; nothing where a tensor may do the bias's work."""
    values = [node.arguments.get("input"), node.arguments.get("other")]
    tensors = [v.node for v in values if isinstance(v, Tensor)]
    if len(tensors) == 1:
        return tensors if not _SHIFTING.match(node.operation) or any(isinstance(v, Const) for v in values) else []
    if _SCALING.match(node.operation):
        varying = [n for n in tensors if n.operation not in (PARAMETER, CONSTANT)]
        return varying if len(varying) == 1 else []
    return []
