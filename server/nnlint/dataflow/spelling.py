"""How the author of a file would write something of torch's: by the names that the file's imports bind."""

from __future__ import annotations

from nnlint.semantics.binding import names_bound_in
from nnlint.semantics.definitions import ExternalDefinition
from nnlint.semantics.program import Module, Program, is_import
from nnlint.semantics.torch_names import USUAL_NAMES, canonical_name
from nnlint.syntax.parser import ParsedBlock


def spelling(program: Program, module: Module, block: ParsedBlock | None, target: str) -> str | None:
    """The shortest way to write `target` (as `torch.nn.functional.softmax`) in a block, or at the end of the module where there is none;
    `None` where no import of the file brings it.

    A name that the block itself binds may mean something else there, and is not used.
    """
    own = frozenset() if block is None else names_bound_in(block.body)
    names = [name for name, tops in module.names.items() if name not in own and all(is_import(top) for top in tops)]
    if module.stars:
        names += [name for name in (*USUAL_NAMES, target.rpartition(".")[2]) if name not in module.names and name not in own]
    written = (_written(program, module, name, target) for name in names)
    return min((w for w in written if w is not None), key=lambda w: (w.count("."), len(w), w), default=None)


def _written(program: Program, module: Module, name: str, target: str) -> str | None:
    found = program.lookup(module, name)
    if not isinstance(found, ExternalDefinition):
        return None
    if found.name == canonical_name(target):
        return name
    return f"{name}{target[len(found.name) :]}" if target.startswith(f"{found.name}.") else None
