"""Training loops as the text has them, and what says that a project has overfitted one batch before (the questions of NN101)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nnlint.dataflow.graph import ProjectGraph
from nnlint.semantics.binding import names_bound_in, target_names
from nnlint.semantics.definitions import Site
from nnlint.semantics.program import Module, Program
from nnlint.syntax import lowered as low
from nnlint.syntax.expressions import Part
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
_WRAPPERS = frozenset({"enumerate", "tqdm", "trange", "iter", "track"})


@dataclass(frozen=True, slots=True, eq=False)
class TrainingLoop:
    """A loop over batches inside a loop over epochs. `update` is the call of `backward()` in it, `loader` what gives the batches."""

    update: Site
    loader: str
    epochs: low.For | low.While
    batches: low.For


def unchecked_training_loop(graph: ProjectGraph) -> TrainingLoop | None:
    """The first training loop of a project in which nothing says that a batch was ever overfitted."""
    program = graph.program
    assert program is not None
    if any(program.mentions(path, word) for path in program.paths for word in _CHECKED):
        return None
    paths = (path for path in sorted(program.paths) if program.mentions(path, "DataLoader") and program.mentions(path, "backward"))
    first = next((loop for path in paths for loop in _loops_in(program, path)), None)
    return first if first is not None and first.update.path in graph.wanted else None


def overfit_check(graph: ProjectGraph, loop: TrainingLoop) -> str | None:
    """Code that repeats the updates of a loop on its first batch, in the author's own words: the loop's statements up to the step, but
    those that the update does not need. `None` where they rest on what the loop over epochs does besides."""
    text = graph.loop_text(loop.update)
    loss = graph.written(loop.update, Part.VALUE)
    body = loop.batches.body
    if text is None or loss is None or not loss.isidentifier() or len(text.body) != len(body) or text.iterable.count(loop.loader) == 0:
        return None
    kept: list[int] = []
    needed: set[str] = set()
    for at in reversed(range(len(body))):
        if _is_of_the_update(body[at]) or (kept and names_bound_in(body[at]) & needed and not isinstance(body[at], low.AugmentedAssign)):
            kept.insert(0, at)
            needed |= _names(body[at])
    own = names_bound_in(tuple(body[at] for at in kept)) | set(target_names(loop.batches.target))
    if needed & (names_bound_in(loop.epochs) - own):
        return None
    batch = text.iterable.replace(loop.loader, f"[next(iter({loop.loader}))] * {ROUNDS}", 1)
    lines = [f"    {line}" if line.strip() else "" for at in kept for line in text.body[at].split("\n")]
    head = "# Overfit one batch: what cannot learn a single batch by heart has a mistake in it. The model is trained by this."
    report = f'print(f"loss on one batch after {ROUNDS} updates: {{{loss}.item():.4f}}")'
    return "\n".join([head, f"for {text.target} in {batch}:", *lines, report])


def _is_of_the_update(statement: low.Node) -> bool:
    calls = [n for n in low.nodes_in(statement) if isinstance(n, low.Call) and isinstance(n.function, low.Attribute)]
    names = {c.function.name for c in calls if isinstance(c.function, low.Attribute) and "sched" not in _holder(c)}
    return bool(names & {"backward", "step", "zero_grad"})


def _names(statement: low.Node) -> set[str]:
    return {node.id for node in low.nodes_in(statement) if isinstance(node, low.Name)}


def _loops_in(program: Program, path: str) -> Iterator[TrainingLoop]:
    module = program.module(path)
    if module is None or any(program.mentions(path, word) for word in _OTHERWISE) or not _is_script(program, module):
        return
    for placed in module.parsed.blocks:
        if ".backward" in placed.block.text:
            yield from _loops_in_block(path, placed)


def _is_script(program: Program, module: Module) -> bool:
    """Whether a file is run, and not only imported."""
    at_top = (s for top in module.parsed.top_level for s in top.block.block.body)
    return program.mentions(module.path, "__main__") or any(isinstance(s, (low.For, low.While)) for s in at_top)


def _loops_in_block(path: str, placed: PlacedBlock) -> Iterator[TrainingLoop]:
    for epochs in low.nodes_in(placed.block.body):
        if not isinstance(epochs, (low.For, low.While)):
            continue
        for batches in low.nodes_in(epochs.body):
            loader = _written(_unwrapped(batches.iterable)) if isinstance(batches, low.For) else None
            update = _update(batches) if isinstance(batches, low.For) and loader is not None else None
            if (
                isinstance(batches, low.For)
                and update is not None
                and loader is not None
                and _is_next_in(epochs, batches)
                and loader.partition(".")[0] not in names_bound_in(epochs.body)
            ):
                yield TrainingLoop(Site(path, placed.name, update.index), loader, epochs, batches)


def _is_next_in(epochs: low.For | low.While, batches: low.For) -> bool:
    """Whether no other loop is between two."""
    between = [n for n in low.nodes_in(epochs.body) if isinstance(n, (low.For, low.While)) and n is not batches]
    return not any(node is batches for loop in between for node in low.nodes_in(loop.body))


def _update(batches: low.For) -> low.Call | None:
    """The only `backward()` of a loop that makes one step with one optimizer, and no other loop inside it."""
    calls = [n for n in low.nodes_in(batches.body) if isinstance(n, low.Call) and isinstance(n.function, low.Attribute)]
    backward = [c for c in calls if isinstance(c.function, low.Attribute) and c.function.name == "backward" and not c.arguments]
    steps = [c for c in calls if isinstance(c.function, low.Attribute) and c.function.name == "step" and "sched" not in _holder(c)]
    has_loops = any(isinstance(n, (low.For, low.While)) for n in low.nodes_in(batches.body))
    return backward[0] if len(backward) == len(steps) == 1 and not has_loops else None


def _holder(call: low.Call) -> str:
    return (_written(call.function.value) or "") if isinstance(call.function, low.Attribute) else ""


def _unwrapped(iterable: low.Node) -> low.Node:
    """What is iterated over, behind `enumerate` and progress bars."""
    while isinstance(iterable, low.Call) and iterable.arguments:
        name = iterable.function.id if isinstance(iterable.function, low.Name) else getattr(iterable.function, "name", "")
        if name not in _WRAPPERS:
            break
        iterable = iterable.arguments[0].value
    return iterable


def _written(node: low.Node) -> str | None:
    """A dotted name as text."""
    if isinstance(node, low.Name):
        return node.id
    inner = _written(node.value) if isinstance(node, low.Attribute) else None
    return f"{inner}.{node.name}" if isinstance(node, low.Attribute) and inner is not None else None
