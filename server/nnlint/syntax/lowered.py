"""The small, picklable form of a block: what the layers above see in place of libcst trees.

Nodes carry no positions. A node that may be reported carries `index`, its number within the block in lowering order;
`nnlint.syntax.location` finds its span again from the block's text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Node:
    """Base of all lowered nodes; compared by identity."""

    def fields(self) -> list[object]:
        """What the node holds, field by field: nodes, tuples of them, names and numbers."""
        slots: tuple[str, ...] = self.__slots__
        return [getattr(self, slot) for slot in slots]


def nodes_in(root: object) -> Iterator[Node]:
    """Every node in a node or a tuple of them, itself included."""
    stack: list[object] = [root]
    while stack:
        item = stack.pop()
        if isinstance(item, Node):
            yield item
            stack += item.fields()
        elif isinstance(item, tuple):
            stack += item


# --- expressions -------------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Opaque(Node):
    """An expression that is not lowered further; its children still count as used."""

    what: str
    children: tuple[Node, ...] = ()


@dataclass(slots=True, eq=False)
class Constant(Node):
    value: object


@dataclass(slots=True, eq=False)
class Name(Node):
    id: str


@dataclass(slots=True, eq=False)
class Attribute(Node):
    value: Node
    name: str


@dataclass(slots=True, eq=False)
class Argument(Node):
    """`value`, `keyword=value`, `*value` or `**value` (`star` is "", "*" or "**")."""

    value: Node
    keyword: str | None = None
    star: str = ""


@dataclass(slots=True, eq=False)
class Call(Node):
    function: Node
    arguments: tuple[Argument, ...]
    index: int


@dataclass(slots=True, eq=False)
class Subscript(Node):
    value: Node
    item: Node


@dataclass(slots=True, eq=False)
class SliceExpr(Node):
    lower: Node | None
    upper: Node | None
    step: Node | None


@dataclass(slots=True, eq=False)
class Display(Node):
    """A tuple, list or set display; `kind` is "tuple", "list" or "set". Items may be `Starred`."""

    kind: str
    items: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class Starred(Node):
    value: Node


@dataclass(slots=True, eq=False)
class DictDisplay(Node):
    """Pairs of key and value; a key of `None` stands for `**value`."""

    items: tuple[tuple[Node | None, Node], ...]


@dataclass(slots=True, eq=False)
class Binary(Node):
    operator: str
    left: Node
    right: Node
    index: int


@dataclass(slots=True, eq=False)
class Unary(Node):
    operator: str
    operand: Node


@dataclass(slots=True, eq=False)
class Boolean(Node):
    """`left and right` or `left or right`."""

    operator: str
    left: Node
    right: Node


@dataclass(slots=True, eq=False)
class Compare(Node):
    left: Node
    comparisons: tuple[tuple[str, Node], ...]


@dataclass(slots=True, eq=False)
class Conditional(Node):
    test: Node
    body: Node
    orelse: Node


@dataclass(slots=True, eq=False)
class Parameter(Node):
    name: str
    default: Node | None
    annotation: Node | None = None


@dataclass(slots=True, eq=False)
class Parameters(Node):
    positional_only: tuple[Parameter, ...]
    positional: tuple[Parameter, ...]
    star: str | None
    keyword_only: tuple[Parameter, ...]
    double_star: str | None


@dataclass(slots=True, eq=False)
class LambdaExpr(Node):
    parameters: Parameters
    body: Node


@dataclass(slots=True, eq=False)
class Generator(Node):
    target: Node
    iterable: Node
    conditions: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class Comprehension(Node):
    """`kind` is "list", "set", "dict" or "generator"; `key` only for dictionaries."""

    kind: str
    element: Node
    key: Node | None
    generators: tuple[Generator, ...]


@dataclass(slots=True, eq=False)
class FormattedString(Node):
    """An f-string: text pieces and expressions in order."""

    parts: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class YieldExpr(Node):
    value: Node | None
    is_from: bool


@dataclass(slots=True, eq=False)
class NamedExpression(Node):
    target: Node
    value: Node


# --- statements --------------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class ExpressionStatement(Node):
    value: Node


@dataclass(slots=True, eq=False)
class Assign(Node):
    targets: tuple[Node, ...]
    value: Node | None  # None: a bare annotation
    annotation: Node | None
    index: int


@dataclass(slots=True, eq=False)
class AugmentedAssign(Node):
    target: Node
    operator: str
    value: Node
    index: int


@dataclass(slots=True, eq=False)
class If(Node):
    test: Node
    body: tuple[Node, ...]
    orelse: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class For(Node):
    target: Node
    iterable: Node
    body: tuple[Node, ...]
    orelse: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class While(Node):
    test: Node
    body: tuple[Node, ...]
    orelse: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class Handler(Node):
    type: Node | None
    name: str | None
    body: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class Try(Node):
    body: tuple[Node, ...]
    handlers: tuple[Handler, ...]
    orelse: tuple[Node, ...]
    finalbody: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class With(Node):
    items: tuple[tuple[Node, Node | None], ...]
    body: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class Return(Node):
    value: Node | None


@dataclass(slots=True, eq=False)
class Raise(Node):
    value: Node | None


@dataclass(slots=True, eq=False)
class Break(Node):
    pass


@dataclass(slots=True, eq=False)
class Continue(Node):
    pass


@dataclass(slots=True, eq=False)
class Pass(Node):
    pass


@dataclass(slots=True, eq=False)
class Delete(Node):
    targets: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class Assert(Node):
    test: Node


@dataclass(slots=True, eq=False)
class ScopeDeclaration(Node):
    """`global` or `nonlocal`."""

    kind: str
    names: tuple[str, ...]


@dataclass(slots=True, eq=False)
class ImportModule(Node):
    """`import a.b as c`: one per alias."""

    name: str
    alias: str | None


@dataclass(slots=True, eq=False)
class ImportFrom(Node):
    """`from ..a import b as c`; `names is None` for a star."""

    module: str
    level: int
    names: tuple[tuple[str, str | None], ...] | None


@dataclass(slots=True, eq=False)
class FunctionDef(Node):
    name: str
    parameters: Parameters
    body: tuple[Node, ...]
    decorators: tuple[Node, ...]
    is_async: bool
    is_generator: bool


@dataclass(slots=True, eq=False)
class ClassDef(Node):
    name: str
    arguments: tuple[Argument, ...]
    body: tuple[Node, ...]
    decorators: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class Case(Node):
    pattern: Node  # Opaque where it is more than a constant, a name or alternatives of these
    guard: Node | None
    body: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class Match(Node):
    subject: Node
    cases: tuple[Case, ...]
