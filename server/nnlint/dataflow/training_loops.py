"""Training loops as the text has them, and what says that a project has overfitted one batch before (the questions of NN101).

A check can be written for any loop over batches with one `backward()` and one step; a missing one is complained of in scripts alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.source_text import SourceText
from nnlint.dataflow.written_names import names_open
from nnlint.semantics.binding import names_bound_in, target_names
from nnlint.semantics.definitions import Site
from nnlint.semantics.program import Module, Program
from nnlint.syntax import lowered as low
from nnlint.syntax.parser import PlacedBlock

ROUNDS = 200  # of the check that is inserted

# Who has one of these in a file of the project knows of the check, or has a framework that offers it.
_CHECKED = (
    "overfit", "Overfit", "OVERFIT", "single_batch", "one_batch", "tiny_batch", "sanity", "smoke", "memoriz", "memoris", "debug_batch",
    "fast_dev_run", "limit_train_batches", "next(iter(", "Subset(", "itertools.repeat",
)  # fmt: skip
# Training with no loss that could fall towards zero, or that something else drives.
_OTHERWISE = (
    "discriminator", "Discriminator", "GAN", "gym", "lightning", "fastai", "Trainer(", "deepspeed", "init_process_group", "Accelerator(",
    "ignite", "skorch", "horovod", "fit_one_cycle", "torch.distributed",
)  # fmt: skip
_WRAPPERS = frozenset({"enumerate", "tqdm", "iter", "track"})
_COUNTERS = frozenset({"range", "trange", "count"})


@dataclass(frozen=True, slots=True, eq=False)
class TrainingLoop:
    """A loop over batches. `update` is the call of `backward()` in it and `loss` the name of what that starts from.

    `epochs` is the loop around it, where it is in the same function and gives no name that the loop over batches needs.
    """

    update: Site
    loss: str | None
    batches: low.For
    epochs: low.For | low.While | None

    @property
    def loader(self) -> str | None:
        """What gives the batches, where it is a name."""
        return _written(_unwrapped(self.batches.iterable))

    @property
    def depth(self) -> int:
        """How many loops out of the one over batches a check has its place before."""
        return 0 if self.epochs is None else 1


def unchecked_training_loop(graph: ProjectGraph) -> TrainingLoop | None:
    """The first training loop of a project in which nothing says that a batch was ever overfitted."""
    program = graph.program
    assert program is not None
    if any(program.mentions(path, word) for path in program.paths for word in _CHECKED):
        return None
    paths = (path for path in sorted(program.paths) if program.mentions(path, "DataLoader") and program.mentions(path, "backward"))
    first = next(
        (loop for path in paths if _is_plain_script(program, path) for loop in training_loops(program, path) if _is_plain(loop)), None
    )
    return first if first is not None and first.update.path in graph.wanted else None


def training_loops(program: Program, path: str) -> Iterator[TrainingLoop]:
    """The loops of a file for which a check may be written, in the order of the text."""
    module = program.module(path)
    for placed in () if module is None else module.parsed.blocks:
        if ".backward" in placed.block.text:
            yield from sorted(_loops_in_block(path, placed), key=lambda loop: loop.update.index)


def overfit_check(source: SourceText, loop: TrainingLoop) -> str | None:
    """Code that repeats the updates of a loop on its first batch, in the author's own words, and prints what comes of the loss."""
    repeated = repeated_updates(source, loop)
    head = "# Overfit one batch: what cannot learn a single batch by heart has a mistake in it. The model is trained by this."
    report = f'print(f"loss on one batch after {ROUNDS} updates: {{{loop.loss}.item():.4f}}")'
    return None if repeated is None else f"{head}\n{repeated}\n{report}"


def repeated_updates(source: SourceText, loop: TrainingLoop) -> str | None:
    """A loop over the first batch alone: the statements up to the step, but those that the update does not need. `None` where they
    rest on what the loop over epochs does besides."""
    text = source.loop_text(loop.update)
    body = loop.batches.body
    if text is None or loop.loss is None or len(text.body) != len(body):
        return None
    kept: list[int] = []
    needed: set[str] = set()
    for at in reversed(range(len(body))):
        if _is_of_the_update(body[at]) or (kept and names_bound_in(body[at]) & needed and not isinstance(body[at], low.AugmentedAssign)):
            kept.insert(0, at)
            needed |= _names(body[at])
    loader = _loader_written(text.iterable)
    batch = text.iterable.replace(loader, f"[next(iter({loader}))] * {ROUNDS}", 1)
    lines = [f"    {line}" if line.strip() else "" for at in kept for line in text.body[at].split("\n")]
    repeated = "\n".join([f"for {text.target} in {batch}:", *lines])
    try:
        needs = names_open(ast.parse(repeated).body)
    except (SyntaxError, ValueError, RecursionError):
        return None
    return None if loop.epochs is not None and needs & _bound_outside(loop.epochs, loop.batches) else repeated


def _bound_outside(epochs: low.For | low.While, batches: low.For) -> frozenset[str]:
    """The names that a loop over epochs binds besides those in the loop over batches."""
    counted = frozenset(target_names(epochs.target)) if isinstance(epochs, low.For) else frozenset()
    inside = frozenset(low.nodes_in(batches))
    outside = [node for node in low.nodes_in(epochs.body) if node not in inside and batches not in low.nodes_in(node)]
    return counted | names_bound_in(tuple(outside))


def _is_of_the_update(statement: low.Node) -> bool:
    calls = [n for n in low.nodes_in(statement) if isinstance(n, low.Call) and isinstance(n.function, low.Attribute)]
    names = {c.function.name for c in calls if isinstance(c.function, low.Attribute) and "sched" not in _holder(c)}
    of_scaler = {c.function.name for c in calls if isinstance(c.function, low.Attribute) and "scaler" in _holder(c)}
    return bool(names & {"backward", "step", "zero_grad"} or of_scaler & {"update", "unscale_"})


def _names(statement: low.Node) -> set[str]:
    return {node.id for node in low.nodes_in(statement) if isinstance(node, low.Name)}


def _is_plain_script(program: Program, path: str) -> bool:
    """Whether a file is run, with no framework and no adversary."""
    module = program.module(path)
    return module is not None and not any(program.mentions(path, word) for word in _OTHERWISE) and _is_script(program, module)


def _is_plain(loop: TrainingLoop) -> bool:
    """Whether a loop goes over batches of one loader in each epoch."""
    return loop.epochs is not None and loop.loader is not None


def _is_script(program: Program, module: Module) -> bool:
    """Whether a file is run, and not only imported."""
    at_top = (s for top in module.parsed.top_level for s in top.block.block.body)
    return program.mentions(module.path, "__main__") or any(isinstance(s, (low.For, low.While)) for s in at_top)


def _loops_in_block(path: str, placed: PlacedBlock) -> Iterator[TrainingLoop]:
    around = _loops_around(placed.block.body)
    for batches, outer in around.items():
        update = _update(batches) if isinstance(batches, low.For) and not _counts(batches.iterable) else None
        if isinstance(batches, low.For) and update is not None:
            epochs = outer if outer is not None and not _names(batches.iterable) & names_bound_in(outer) else None
            yield TrainingLoop(Site(path, placed.name, update.index), _loss(update), batches, epochs)


def _loops_around(root: object, outer: low.For | low.While | None = None) -> dict[low.For | low.While, low.For | low.While | None]:
    """Every loop, with the one next around it in its own function."""
    found: dict[low.For | low.While, low.For | low.While | None] = {}
    for item in root if isinstance(root, tuple) else (root,):
        if isinstance(item, (low.For, low.While)):
            found[item] = outer
        if isinstance(item, low.Node):
            inside = (
                None if isinstance(item, (low.FunctionDef, low.ClassDef)) else item if isinstance(item, (low.For, low.While)) else outer
            )
            found |= _loops_around(tuple(item.fields()), inside)
        elif isinstance(item, tuple):
            found |= _loops_around(item, outer)
    return found


def _update(batches: low.For) -> low.Call | None:
    """The only `backward()` of a loop that makes one step with one optimizer, and no other loop inside it."""
    calls = [n for n in low.nodes_in(batches.body) if isinstance(n, low.Call) and isinstance(n.function, low.Attribute)]
    backward = [c for c in calls if isinstance(c.function, low.Attribute) and c.function.name == "backward" and _is_bare(c)]
    steps = [c for c in calls if isinstance(c.function, low.Attribute) and c.function.name == "step" and "sched" not in _holder(c)]
    has_loops = any(isinstance(n, (low.For, low.While)) for n in low.nodes_in(batches.body))
    return backward[0] if len(backward) == len(steps) == 1 and not has_loops else None


def _is_bare(backward: low.Call) -> bool:
    """Whether a call starts from its own object: an argument by position would be a gradient, or the loss of a framework."""
    return all(argument.keyword is not None for argument in backward.arguments)


def _loss(backward: low.Call) -> str | None:
    """The name of the loss of `loss.backward()` or `scaler.scale(loss).backward()`."""
    held = backward.function.value if isinstance(backward.function, low.Attribute) else None
    if isinstance(held, low.Call) and len(held.arguments) == 1:
        held = held.arguments[0].value
    return held.id if isinstance(held, low.Name) else None


def _holder(call: low.Call) -> str:
    return (_written(call.function.value) or "") if isinstance(call.function, low.Attribute) else ""


def _unwrapped(iterable: low.Node) -> low.Node:
    """What is iterated over, behind `enumerate` and progress bars."""
    while isinstance(iterable, low.Call) and iterable.arguments and _called(iterable) in _WRAPPERS:
        iterable = iterable.arguments[0].value
    return iterable


def _counts(iterable: low.Node) -> bool:
    """Whether what is iterated over are numbers."""
    inner = _unwrapped(iterable)
    return isinstance(inner, low.Call) and _called(inner) in _COUNTERS


def _called(call: low.Call) -> str:
    return call.function.id if isinstance(call.function, low.Name) else getattr(call.function, "name", "")


def _loader_written(iterable: str) -> str:
    """What gives the batches, behind `enumerate` and progress bars, as it is written."""
    node = ast.parse(f"({iterable})", mode="eval").body
    while isinstance(node, ast.Call) and node.args and ast.unparse(node.func).rpartition(".")[2] in _WRAPPERS:
        node = node.args[0]
    return ast.get_source_segment(f"({iterable})", node) or iterable


def _written(node: low.Node) -> str | None:
    """A dotted name as text."""
    if isinstance(node, low.Name):
        return node.id
    inner = _written(node.value) if isinstance(node, low.Attribute) else None
    return f"{inner}.{node.name}" if isinstance(node, low.Attribute) and inner is not None else None
