"""The line over a model class: what is known of it, and a word that starts the deep check or cancels it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lsprotocol import types

from nnlint.engine import DefinedModel
from nnlint.findings import Finding
from nnlint.lsp.convert import range_of
from nnlint.lsp.deep.outcomes import Outcome
from nnlint.lsp.deep.run import RUNNING, Run
from nnlint.lsp.deep.wording import counts, short_reason
from nnlint.lsp.documents import Document
from nnlint.text import Encoding

DEEP_CHECK = "nnlint.deepCheck"
CANCEL_DEEP_CHECK = "nnlint.cancelDeepCheck"
DEEP_RECIPE = "nnlint.deepRecipe"

_SPURIOUS_BIASES = frozenset({"NN501", "NN503", "NN504"})


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to say of a model: what is found in it, what its last run said, and the run that is under way."""

    model: DefinedModel
    findings: Sequence[Finding]
    outcome: Outcome | None
    run: Run | None


def lens_of(seen: Seen, document: Document, encoding: Encoding) -> types.CodeLens:
    """The lens of one class. Its command can be executed by any client as it stands."""
    command = DEEP_CHECK if seen.run is None else CANCEL_DEEP_CHECK
    title = " · ".join(_parts(seen, document))
    argument = {"uri": document.uri, "className": seen.model.name}
    return types.CodeLens(
        range_of(seen.model.span, document.index, encoding),
        types.Command(title[0].upper() + title[1:], command, arguments=[argument]),
        data={"state": _state(seen), "className": seen.model.name},
    )


def _state(seen: Seen) -> str:
    if seen.run is not None:
        return seen.run.state
    if seen.outcome is None:
        return "idle"
    return "done" if seen.outcome.has_answers else "failed"


def _parts(seen: Seen, document: Document) -> Iterator[str]:
    if seen.run is not None:
        doing = f"running {seen.run.kind}" if seen.run.state == RUNNING else f"{seen.run.kind} is waiting for another run"
        yield f"{doing} … (cancel)"
        return
    if seen.outcome is None:
        yield from _static_parts(seen)
        yield "run deep check"
        return
    if not seen.outcome.has_answers:
        yield f"no answer: {short_reason(seen.outcome.answer.problem)}"
    else:
        if seen.outcome.answer.parameters is not None:
            yield f"{seen.outcome.answer.parameters:,} parameters"
        yield from counts(seen.outcome) or ["nothing to confirm"]
    if seen.outcome.is_before_edits(document):
        yield "before later edits"
    yield "run again"


def _static_parts(seen: Seen) -> Iterator[str]:
    if seen.model.parameters is not None:
        yield f"{_rounded(seen.model.parameters)} parameters"
    biases = sum(finding.code in _SPURIOUS_BIASES for finding in seen.findings)
    if biases:
        yield f"{biases} spurious bias{'es' if biases > 1 else ''}"


def _rounded(count: int) -> str:
    """`11.2 M`: three figures are enough at a glance."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= 0.9995 * size:  # from here on three figures round to 1
            return f"{count / size:.3g} {unit}"
    return str(count)
