"""The dataflow graph: what a rule may ask. A node is one operation on tensors, an edge says whose result goes where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from nnlint.dataflow.progress import Progress
from nnlint.dataflow.source_text import SourceText

if TYPE_CHECKING:
    from nnlint.dataflow.contexts import Made
    from nnlint.dataflow.hazards import BiasRead
    from nnlint.dataflow.holders import Holders
    from nnlint.dataflow.kinds.misuse import Misuses
    from nnlint.dataflow.layout.misreadings import Misreading
    from nnlint.dataflow.programs.entries import Programs
    from nnlint.dataflow.programs.mode_mistakes import WrongMode
    from nnlint.dataflow.programs.recording_mistakes import RecordingMistakes
    from nnlint.dataflow.programs.updates import WrongUpdate
    from nnlint.dataflow.redundancy import RedundantBias
    from nnlint.dataflow.values import Instance, Layer, Value
    from nnlint.semantics.definitions import ClassDefinition, Site

# Operations of the graph's own; all others are named as torch names them.
INPUT = "input"  # a parameter of the analyzed function
JOIN = "join"  # one of its inputs, after branches or round a loop
CALL = "call"  # another graph run on the inputs
OUTPUT = "output"  # one of the results of a CALL
ESCAPE = "escape"  # goes where nobody follows: stored, yielded, given to unknown code
UNKNOWN_OPERATION = "unknown"  # unknown code computes something from it
CONSTANT = "constant"  # a tensor that depends on no input or layer followed here
PARAMETER = "parameter"  # a parameter or buffer
NARROWED = "narrowed"  # its input, of which more is known from here on
OWN_OPERATIONS = frozenset({INPUT, JOIN, CALL, OUTPUT, ESCAPE, UNKNOWN_OPERATION, CONSTANT, PARAMETER, NARROWED})

WRITTEN_IN_PART = "written into in part"  # the reason of an ESCAPE: what others read of the tensor may be something else since

CONCATENATIONS = frozenset({"torch.cat", "torch.concat", "torch.concatenate", "torch.stack"})
_NO_ARGUMENTS: Mapping[str, Value] = MappingProxyType({})


@dataclass(slots=True, eq=False)
class Node:
    """One operation. `inputs` are the tensors that it reads; `arguments` its other arguments, by torch's parameter names.

    `rank` is the number of axes where it is known. `module` is the object whose `forward()` a CALL runs. `uses` are the nodes that
    read this one.
    """

    graph: Graph
    number: int
    operation: str
    inputs: tuple[Node, ...] = ()
    arguments: Mapping[str, Value] = field(default_factory=lambda: _NO_ARGUMENTS)
    layer: Layer | None = None
    site: Site | None = None
    rank: int | None = None
    callee: Graph | None = None
    module: Instance | None = None
    output: int = 0
    reason: str = ""
    uses: list[Node] = field(default_factory=list)

    def __repr__(self) -> str:
        reads = ", ".join(f"%{n.number}" for n in self.inputs)
        return f"%{self.number} = {self.operation}({reads})"


@dataclass(slots=True, eq=False)
class Graph:
    """What one function computes from its tensor parameters.

    `inputs` are the parameters in order, `results` the tensors that it returns, in the order of their places in the
    returned value. `callers` are the CALL nodes of other graphs that run this one; a graph with `is_root` may be run by
    anybody besides.
    """

    name: str
    nodes: list[Node] = field(default_factory=list)
    inputs: list[Node] = field(default_factory=list)
    results: list[Node] = field(default_factory=list)
    callers: list[Node] = field(default_factory=list)
    is_root: bool = False
    owner: tuple[str, str] | None = None  # path and name of the class whose method this is
    is_settled: bool = False  # ranks that follow from others are filled in
    least_ranks: tuple[int, ...] = ()  # of the inputs, once settled
    result_ranks: tuple[tuple[int, int] | None, ...] = ()  # which input a result has the rank of, and how many axes more; once settled
    is_model: bool = False  # the forward() of what no other module contains
    input_names: tuple[str, ...] = ()  # the parameters that the inputs are, empty for what is inside of a parameter

    def add(self, operation: str, inputs: tuple[Node, ...] = (), **fields: object) -> Node:
        node = Node(self, len(self.nodes), operation, inputs, **fields)  # type: ignore[arg-type]
        self.nodes.append(node)
        for read in inputs:
            read.uses.append(node)
        return node

    def link(self, node: Node, read: Node) -> None:
        """Adds an input to a JOIN: how loops are closed."""
        if read is not node and read not in node.inputs:
            node.inputs = (*node.inputs, read)
            read.uses.append(node)


@dataclass(eq=False)
class ProjectGraph(SourceText):
    """Everything that rules see of one project: graphs, the layers in them, and (`SourceText`) places in its text and edits."""

    graphs: list[Graph] = field(default_factory=list)
    calls: dict[int, list[Node]] = field(default_factory=dict)  # id of a layer's origin -> nodes that call it
    instances: list[Instance] = field(default_factory=list)  # one of every way in which a class is constructed
    progress: Progress = field(default_factory=Progress)
    make_programs: Callable[[], Programs] | None = None
    default_object: Callable[[ClassDefinition], Instance | None] | None = None  # an object built without arguments (see `default_objects`)
    wanted: frozenset[str] = frozenset()  # the files that are reported on
    made: list[Made] = field(default_factory=list)  # modules that functions of the project return
    sampled: frozenset[Site] = frozenset()  # construction calls of which further instances, of other sizes, were not looked at

    def calls_of(self, layer: Layer) -> list[Node]:
        return self.calls.get(id(layer.origin), [])

    def graphs_of(self, path: str, class_name: str) -> list[Graph]:
        return [graph for graph in self.graphs if graph.owner == (path, class_name)]

    @cached_property
    def programs(self) -> Programs:
        """What the scripts, training functions and trainers of the project do; run when first asked for."""
        from nnlint.dataflow.programs.entries import Programs

        return Programs() if self.make_programs is None else self.make_programs()

    @cached_property
    def wrong_updates(self) -> list[WrongUpdate]:
        """Every mistake in the order of zero_grad(), backward() and step()."""
        from nnlint.dataflow.programs.updates import wrong_updates

        return wrong_updates(self.programs)

    @cached_property
    def mode_mistakes(self) -> list[WrongMode]:
        """Every call of a module in the wrong mode."""
        from nnlint.dataflow.programs.mode_mistakes import ModeMistakes

        return list(ModeMistakes(self.programs).found()) if self.programs.runs else []

    @cached_property
    def recording_mistakes(self) -> RecordingMistakes:
        """Evaluations that record gradients in vain."""
        from nnlint.dataflow.programs.recording_mistakes import RecordingMistakes

        assert self.program is not None
        return RecordingMistakes(self.programs, self.program)

    @cached_property
    def bias_reads(self) -> list[BiasRead]:
        """Every unguarded `X.bias` of the project."""
        from nnlint.dataflow.hazards import unguarded_bias_reads

        assert self.program is not None
        return unguarded_bias_reads(self.program)

    @cached_property
    def redundant_biases(self) -> list[RedundantBias]:
        """Every construction call whose bias changes nothing, in the order of the text."""
        from nnlint.dataflow.redundancy import redundant_biases

        return list(redundant_biases(self))

    @cached_property
    def misuses(self) -> Misuses:
        """Losses that are given what they do not expect, and softmaxes of softmaxes."""
        from nnlint.dataflow.kinds.misuse import misuses_in

        return misuses_in(self.graphs, self.programs.graphs)

    @cached_property
    def misreadings(self) -> list[Misreading]:
        """Every view that is wrong, in the order of the text."""
        from nnlint.dataflow.layout.loose_code import loose_graphs
        from nnlint.dataflow.layout.misreadings import misreadings

        return misreadings([*self.graphs, *self.programs.graphs, *loose_graphs(self)])

    @cached_property
    def holders(self) -> Holders:
        """Which classes hold which layers."""
        from nnlint.dataflow.holders import Holders

        return Holders(self)

    @cached_property
    def weight_loads(self) -> dict[str, Site]:
        """For each file of the project that loads weights, the first place that says so."""
        from nnlint.dataflow.weight_loading import weight_loads

        assert self.program is not None
        return weight_loads(self.program)
