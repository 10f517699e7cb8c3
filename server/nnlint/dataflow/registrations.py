"""Registries: containers and objects of a module's top level that other top-level statements fill, by decorators as a rule.

    NORMS = Registry()                     NORMS = {}

    @NORMS.register("bn")                  def register_norm(name): ...
    class BN(nn.BatchNorm2d): ...          @register_norm("bn")

Importing the project runs those statements in some order; here they are run when the container is first looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from nnlint.dataflow import values as val
from nnlint.dataflow.heap import Journal
from nnlint.dataflow.values import Value
from nnlint.semantics.definitions import ClassDefinition, FunctionDefinition
from nnlint.semantics.program import Module, Origin, is_import
from nnlint.syntax import lowered as low
from nnlint.syntax.parser import TopLevel

if TYPE_CHECKING:
    from nnlint.dataflow.machine import Machine

MAX_STATEMENTS = 60


def run_registrations(machine: Machine, module: Module, name: str, container: Value) -> bool:
    """Runs every top-level statement of the project that mentions `name` of `module`, or a function of `module` that does.

    The changes stay, whatever branch was being run when somebody looked. Returns whether the statements were few enough: a table
    of hundreds of models is no registry of parts.
    """
    names = {name, *registrars(module, name)}
    found = list(islice(_mentions(machine, module, names), MAX_STATEMENTS + 1))
    if len(found) > MAX_STATEMENTS:
        return False
    journal, machine.journal = machine.journal, Journal(machine.journal.clock)
    try:
        for user, top in found:
            if user is not module or top not in module.names.get(name, ()):
                _run(machine, user, top, names)
    finally:
        journal.clock = machine.journal.clock
        machine.journal = journal
    for part in (container, *val.parts_of(container)):
        if isinstance(part, val.Mapping_):
            part.state["open"] = True  # some other code may add more
    return True


def registrars(module: Module, name: str) -> Iterator[str]:
    """The functions at the module's top level that mention a name."""
    names_of = {id(top): bound for bound, tops in module.names.items() for top in tops}
    for top, words in module.top_level_words:
        if name in words and top.block.block.text.lstrip().startswith("def "):
            yield names_of.get(id(top), name)


def _mentions(machine: Machine, module: Module, names: set[str]) -> Iterator[tuple[Module, TopLevel]]:
    """The statements that mention one of the names, those of the module itself first."""
    program = machine.program
    for path in sorted(program.paths, key=lambda p: (p != module.path, p)):
        if not any(program.mentions(path, name) for name in names):
            continue
        user = program.module(path)
        for top, words in user.top_level_words if user is not None else ():
            if user is not None and may_fill(top) and any(program.origin(user, n) == Origin(module.path, n) for n in names & words):
                yield user, top


def may_fill(top: TopLevel) -> bool:
    """Whether a statement could fill a registry, by its first word: what only uses one stands inside definitions without decorators."""
    return not is_import(top) and not top.block.block.text.lstrip().startswith(("def ", "class ", "async "))


def _run(machine: Machine, user: Module, top: TopLevel, names: set[str]) -> None:
    frame = machine.module_frame(user, top.block.name)
    for statement in top.block.block.body:
        if not isinstance(statement, (low.FunctionDef, low.ClassDef)):
            if _fills(statement, names):
                machine.statement(frame, statement)
            continue
        value = _defined(machine, user, top, statement)
        for decorator in reversed(statement.decorators) if value is not None else ():
            if _head(decorator) in names and value is not None:
                machine.caller.call_simply(machine.evaluate(frame, decorator), value)


def _fills(statement: low.Node, names: set[str]) -> bool:
    """Whether a statement does nothing but change what the names stand for: `NORMS["bn"] = …`, `NORMS.register(…)`, or a loop of such."""
    match statement:
        case low.ExpressionStatement(value=low.Call(function=function)):
            return _head(function) in names
        case low.Assign(targets=targets):
            return all(isinstance(t, (low.Subscript, low.Attribute)) and _head(t) in names for t in targets)
        case low.AugmentedAssign(target=target):
            return _head(target) in names
        case low.For(body=body, orelse=orelse) | low.If(body=body, orelse=orelse):
            return all(_fills(s, names) or isinstance(s, low.Pass) for s in (*body, *orelse))
        case _:
            return False


def _defined(machine: Machine, user: Module, top: TopLevel, statement: low.FunctionDef | low.ClassDef) -> Value | None:
    is_class = isinstance(statement, low.ClassDef)
    match machine.program.class_at(user, top) if is_class else machine.program.lookup(user, statement.name):
        case ClassDefinition() as definition:
            return val.Class(definition)
        case FunctionDefinition() as definition:
            return val.Function(definition)
        case _:
            return None


def _head(node: low.Node) -> str | None:
    """The name that an expression begins with: `NORMS` in `NORMS.register("bn")`; of `parts.NORMS.register` the second."""
    while True:
        match node:
            case low.Name(id=name):
                return name
            case low.Attribute(value=low.Name(), name=name) if name.isupper():
                return name
            case low.Attribute(value=value) | low.Subscript(value=value):
                node = value
            case low.Call(function=function):
                node = function
            case _:
                return None
