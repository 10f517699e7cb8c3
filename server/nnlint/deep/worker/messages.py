"""What nnlint and the worker say to each other: a line of JSON a message, never pickles.

The one module that both sides import, so it knows neither torch nor nnlint, and runs on Python 3.9.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, TypeVar, Union

PROTOCOL = 1
LONGEST_MESSAGE = 64 * 2**20  # bytes; whatever is longer was not written by the worker

CONFIRMED = "confirmed"
REFUTED = "refuted"
NO_ANSWER = "no answer"

CHECK, RECIPE, MIGRATE = "check", "recipe", "migrate"

T = TypeVar("T")


class BadMessage(ValueError):
    """A line that is no message of this protocol."""


@dataclass(frozen=True)
class Place:
    """A stretch of a file: an absolute path, rows and columns from 1, columns in code points, the end column the one after."""

    path: str
    row: int
    column: int
    end_row: int
    end_column: int


@dataclass(frozen=True)
class Way:
    """One way to build a model and to call it.

    `model` is a Python expression, evaluated in the namespace of `module` (a dotted name, imported from the project's roots) or, where
    that cannot be imported by name, of `path`. `inputs` is one too: a tuple of sizes stands for a random float tensor,
    `tokens(4, 16, below=1000)` for integers; a list holds positional arguments, a dict keyword arguments. Empty: the worker finds
    inputs itself. `origin` says for people where this way was seen. `is_part`: models of other classes hold such an object.
    """

    origin: str
    module: str
    path: str
    model: str
    inputs: str = ""
    target: str = ""
    loss: str = ""
    is_part: bool = False


@dataclass(frozen=True)
class Hint:
    """What is known of one parameter of `forward()`: sizes (`None` where not known), and the attribute path of the first layer it meets."""

    name: str
    sizes: tuple[int | None, ...] | None = None
    layer: str = ""
    is_integer: bool = False


@dataclass(frozen=True)
class Question:
    """A finding that the run is to confirm or refute. `related` are the places that the finding names besides its own."""

    id: str
    code: str
    place: Place
    related: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Limits:
    """How far one run may go, in seconds of wall clock, bytes and processes."""

    seconds: float = 30.0
    memory: int = 8 * 2**30
    file_size: int = 256 * 2**20
    output: int = 64 * 2**20
    processes: int = 64


@dataclass(frozen=True)
class Request:
    """One run: what to do, with which model. `ways` are tried in order until one can be built and called.

    `roots` are the folders that modules are imported from. `options` are those of the task: a recipe's number of steps, a migration's
    files.
    """

    task: str
    name: str
    roots: tuple[str, ...]
    ways: tuple[Way, ...]
    questions: tuple[Question, ...] = ()
    hints: tuple[Hint, ...] = ()
    limits: Limits = field(default_factory=Limits)
    device: str = "cpu"
    options: dict[str, Any] = field(default_factory=dict)
    protocol: int = PROTOCOL


@dataclass(frozen=True)
class Progress:
    """What is being done; `share` of it is behind us, from 0 to 1, where that is known."""

    text: str
    share: float | None = None


@dataclass(frozen=True)
class Verdict:
    """What the run says of one question. `numbers` are what it measured, by what a person would call them."""

    id: str
    kind: str
    message: str
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Discovery:
    """A mistake that the run found and nobody asked about."""

    code: str
    place: Place
    message: str
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What one run came to. `problem` says why there is none to some or all of it, and what would help.

    `origin`, `model` and `inputs` are the way that was taken; `details` the task's own results.
    """

    verdicts: tuple[Verdict, ...] = ()
    discoveries: tuple[Discovery, ...] = ()
    problem: str = ""
    origin: str = ""
    model: str = ""
    inputs: str = ""
    parameters: int | None = None
    seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


Message = Union[Request, Progress, Answer]
_MESSAGES: dict[str, type[Any]] = {"request": Request, "progress": Progress, "answer": Answer}
_NESTED: dict[tuple[type[Any], str], type[Any]] = {
    (Request, "ways"): Way,
    (Request, "questions"): Question,
    (Request, "hints"): Hint,
    (Request, "limits"): Limits,
    (Question, "place"): Place,
    (Question, "related"): Place,
    (Answer, "verdicts"): Verdict,
    (Answer, "discoveries"): Discovery,
    (Discovery, "place"): Place,
}


def encode(message: Message) -> bytes:
    """The message as a line. Numbers that JSON does not know (infinities) are written as Python reads them back."""
    kind = next(kind for kind, cls in _MESSAGES.items() if isinstance(message, cls))
    return json.dumps({kind: dataclasses.asdict(message)}).encode("ascii") + b"\n"


def decode(line: bytes) -> Message:
    """The message of a line; raises `BadMessage` for anything else, such as what a user's code wrote into the pipe."""
    if len(line) > LONGEST_MESSAGE:
        raise BadMessage("longer than any message may be")
    try:
        (kind, content), *rest = json.loads(line).items()
        if rest:
            raise BadMessage("more than one message in a line")
        return _made(_MESSAGES[kind], content)
    except BadMessage:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadMessage(f"not a message: {error}") from None


class Lines:
    """Cuts what comes out of a pipe into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that these bytes complete; raises `BadMessage` where one is longer than any message may be."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_MESSAGE:
            raise BadMessage("longer than any message may be")
        return lines


def _made(cls: type[T], content: Any) -> T:
    """An object of plain JSON data, with the types that its class declares."""
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if not isinstance(content, dict) or not content.keys() <= fields.keys():
        raise BadMessage(f"not a {cls.__name__}")
    values = {name: _value(cls, name, str(fields[name].type), value) for name, value in content.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise BadMessage(str(error)) from None


def _value(cls: type[Any], name: str, declared: str, value: Any) -> Any:
    nested = _NESTED.get((cls, name))
    if declared.endswith(" | None"):
        if value is None:
            return None
        declared = declared[: -len(" | None")]
    if declared.startswith("tuple"):
        if not isinstance(value, list):
            raise BadMessage(f"{cls.__name__}.{name} is no list")
        return tuple(value if nested is None else (_made(nested, item) for item in value))
    if nested is not None:
        return _made(nested, value)
    plain: tuple[type[Any], ...] = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}.get(declared, (dict,))
    if not isinstance(value, plain) or (isinstance(value, bool) and declared != "bool"):
        raise BadMessage(f"{cls.__name__}.{name} is no {declared}")
    return value
