"""A checkpoint that fits a model after NN501's fix: planned here, written by the worker, put in its place here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from nnlint.deep.plan import NoPlan, place_in, plan_for_class
from nnlint.deep.worker.messages import MIGRATE, Limits, Question, Request
from nnlint.engine import Sources
from nnlint.findings import Finding
from nnlint.text import LineIndex
from nnlint.workspace import DeepModel, DeepSettings

_SECONDS = 300.0  # what a migration may take unless somebody says otherwise: files may be large
_COPIES_IN_MEMORY = 6  # of a checkpoint, besides what a model takes
_SHARE_FOR_CHANGES = 1.1  # a file that is written again may grow by its own headers


class CannotMigrate(Exception):
    """The checkpoint stays as it is; the text says why."""


@dataclass(frozen=True)
class Files:
    """The checkpoint, and where the new one is to be; absolute paths. `replaces`: a file that is there may be replaced."""

    checkpoint: str
    output: str
    replaces: bool = False

    @contextmanager
    def draft(self) -> Iterator[str]:
        """A path beside the output, for what becomes the output when all is well, and is removed when it is not.

        Raises `CannotMigrate` where the files are not as they must be.
        """
        self._check()
        folder, name = os.path.split(self.output)
        path = os.path.join(folder, f".{name}.{os.getpid()}.nnlint{os.path.splitext(name)[1]}")
        try:
            yield path
            self._check()
            self._put_in_place(path)
        finally:
            if os.path.lexists(path):
                os.remove(path)

    def _put_in_place(self, draft: str) -> None:
        try:
            os.replace(draft, self.output)
            _settle(os.path.dirname(self.output))
        except OSError as error:
            raise CannotMigrate(f"{self.output} cannot be written: {error.strerror or error}") from None

    def _check(self) -> None:
        if not os.path.isfile(self.checkpoint):
            raise CannotMigrate(f"{self.checkpoint}: there is no such file")
        if os.path.exists(self.output) and os.path.samefile(self.checkpoint, self.output):
            raise CannotMigrate(f"{self.output} is the checkpoint itself; name another file for the new one")
        if os.path.lexists(self.output) and not (self.replaces and os.path.isfile(self.output)):
            cure = "" if os.path.isdir(self.output) else ", or say --force"
            raise CannotMigrate(f"{self.output} exists already; name another file{cure}")
        if not os.path.isdir(os.path.dirname(self.output)):
            raise CannotMigrate(f"{os.path.dirname(self.output)}: there is no such folder")
        if _is_safetensors(self.checkpoint) != _is_safetensors(self.output):
            raise CannotMigrate("a checkpoint keeps its format: either both files end in .safetensors, or neither does")


def migration_request(
    sources: Sources,
    path: str,
    class_name: str,
    findings: Iterable[Finding],
    settings: DeepSettings,
    call: str = "",
    inputs: str = "",
) -> Request:
    """How to build the model, and which layers NN501's fix leaves without a bias; `on_files` adds files and limits.

    `call` and `inputs` say how to build and call it, in the words of the pragma. Raises `CannotMigrate` where nothing says so.
    """
    own = DeepModel(path, class_name, call, inputs)
    if call:
        settings = replace(settings, models=(own, *settings.models))
    try:
        request = plan_for_class(sources, path, class_name, (), settings).request
    except NoPlan as error:
        raise CannotMigrate(f"{error}; or say how with --call") from None
    ways = request.ways
    if call:
        ways = tuple(replace(way, origin="--call") for way in ways if (way.model, way.inputs) == (call, inputs))
    return replace(
        request,
        task=MIGRATE,
        ways=tuple(replace(way, inputs=inputs or way.inputs) for way in ways),
        questions=tuple(_questions(sources, findings)),
    )


def _questions(sources: Sources, findings: Iterable[Finding]) -> Iterator[Question]:
    """The biases that the fix would take away, wherever in the project: the worker knows which of them the model has."""
    for number, finding in enumerate(findings):
        if finding.code == "NN501" and finding.fixes:
            place = place_in(finding.path, LineIndex(sources.text(finding.path) or ""), finding.span)
            yield Question(str(number), finding.code, place)


def on_files(request: Request, files: Files, draft: str, seconds: float | None) -> Request:
    """The request with the files that it is about, and with limits that leave room for them."""
    size = os.path.getsize(files.checkpoint)
    usual = Limits()
    limits = replace(
        usual,
        seconds=seconds or _SECONDS,
        memory=usual.memory + _COPIES_IN_MEMORY * size,
        file_size=usual.file_size + int(_SHARE_FOR_CHANGES * size),
    )
    return replace(request, limits=limits, options={"checkpoint": files.checkpoint, "output": draft})


def _is_safetensors(path: str) -> bool:
    return path.endswith(".safetensors")


def _settle(folder: str) -> None:
    """Has the name of a new file on the disk before anybody relies on it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
