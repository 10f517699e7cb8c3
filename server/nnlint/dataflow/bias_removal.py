"""What the rules on biases report, and their fix: it constructs the layer without a bias, and guards code that would crash then."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from nnlint.dataflow.explanation import chain_of, layer_label, load_of, short_name, wasted_words
from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.hazards import BiasRead
from nnlint.dataflow.load_hook import folding_of, insert_load_hook
from nnlint.dataflow.redundancy import RedundantBias
from nnlint.findings import Applicability, FileEdit, Finding, Fix, Severity


def report(graph: ProjectGraph, bias: RedundantBias, code: str, name: str, severity: Severity, how: str) -> Finding:
    """The finding on a bias without effect; `how` says in what way `{norm}` cancels it."""
    cancelled = how.format(norm=f"`{layer_label(bias.trace.cancelled_by[0])}`")
    return Finding(
        code=code,
        name=name,
        message=f"bias of `{short_name(bias.layer.target)}` is cancelled {cancelled}{wasted_words(bias)}",
        path=bias.site.path,
        span=graph.span(bias.site),
        severity=severity,
        fixes=tuple(remove_bias(graph, bias)),
        related=tuple(chain_of(graph, bias)),
    )


def remove_bias(graph: ProjectGraph, bias: RedundantBias) -> Iterator[Fix]:
    """The fix that constructs the layer without a bias, and one that lets older checkpoints load besides.

    None where a layer without bias could crash and a guard would not do; the second only where the bias can be folded exactly.
    """
    alike = (read for read in graph.bias_reads if read.may_be(bias.layer.target, bias.names, bias.site.path))
    reads = [read for read in alike if graph.holders.may_meet(read, bias.site)]
    guards = _guards(graph, reads)
    if guards is None or graph.passes_unknown(bias.site, "bias", any(layer.has_open_keywords for layer in graph.layers[bias.site])):
        return
    also = f" and guard {_guarded_words(reads)}" if reads else ""
    edits = (*graph.set_argument(bias.site, "bias", "False"), *guards)
    load = load_of(graph, bias)
    loaded = "" if load is None else f", and saved weights are loaded in {posixpath.basename(load.path)}"
    yield Fix(f"insert bias=False{also} (unsafe: the bias leaves the state_dict{loaded})", Applicability.UNSAFE, edits)
    folding = folding_of(graph, bias)
    hook = None if folding is None else insert_load_hook(graph, bias, folding)
    if folding is not None and hook is not None:
        title = f"drop the bias{also}, and {folding.words} when an older checkpoint is loaded (unsafe: the bias leaves the state_dict)"
        yield Fix(title, Applicability.UNSAFE, (*edits, *hook))


def _guards(graph: ProjectGraph, reads: Sequence[BiasRead]) -> tuple[FileEdit, ...] | None:
    """Edits that ask before each of the reads whether there is a bias; `None` where that cannot be done."""
    edits: dict[FileEdit, None] = {}
    for read in reads:
        guard = None if read.statement is None else graph.guard(read.statement, f"{read.place}.bias is not None")
        if guard is None:
            return None
        edits |= dict.fromkeys(guard)
    return tuple(edits)


def _guarded_words(reads: Sequence[BiasRead]) -> str:
    first = reads[0]
    where = f" in {first.function}()" if first.function else ""
    others = len({read.statement for read in reads}) - 1
    more = f" and {others} more place{'' if others == 1 else 's'}" if others else ""
    return f"`{first.place}.bias`{where}{more}"
