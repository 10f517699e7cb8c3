"""The projects of the open documents: their configs, their files, and what the engine says of them. Lives in the worker's thread."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nnlint import engine
from nnlint.findings import Finding
from nnlint.lsp.analysis import NOTHING_ENABLED, Analysis
from nnlint.lsp.disk_watch import DiskWatch, config_places
from nnlint.lsp.documents import Document
from nnlint.lsp.preferences import Preferences
from nnlint.settings import Settings
from nnlint.workspace import (
    Config,
    ConfigError,
    DiskSources,
    Layer,
    OverlaySources,
    Project,
    ResolvedConfig,
    Workspace,
    check_files,
    disk_sources,
)

if TYPE_CHECKING:
    from nnlint.deep.plan import Plan

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a file stands on. `error` says why these are not the config and project of now but the last that could be read."""

    config: ResolvedConfig
    project: Project
    error: ConfigError | None = None


@dataclass(frozen=True)
class Roots:
    """The folders open in the client, each with the preferences that hold in it; `default` holds elsewhere."""

    default: Preferences = field(default_factory=Preferences)
    by_folder: Mapping[str, Preferences] = field(default_factory=dict)

    def folder_of(self, path: str) -> str | None:
        """The innermost open folder that holds a path."""
        holding = [folder for folder in self.by_folder if path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)]
        return max(holding, key=len, default=None)

    def preferences_for(self, path: str) -> Preferences:
        folder = self.folder_of(path)
        return self.default if folder is None else self.by_folder[folder]


class Projects:
    """Remembers configs, file lists and texts until `renew` is called."""

    def __init__(self, roots: Roots | None = None, *, watches_files: bool = False) -> None:
        """With `watches_files`, changes to Python files are looked for as well as those to configs: nobody else tells of them."""
        self._roots = roots or Roots()
        self._watches_files = watches_files
        self._watch = DiskWatch()
        self._engine = engine.Engine()
        self._workspaces: dict[str | None, Workspace] = {}
        self._grounds: dict[str, Ground] = {}
        self._last_good: dict[str, Ground] = {}
        self._disks: dict[str, DiskSources] = {}
        self._outdated: dict[str, DiskSources] = {}

    def renew(self, roots: Roots | None = None) -> None:
        """Look at the disk again. Texts whose files did not change are kept, and so is the last good config of every folder."""
        self._roots = roots or self._roots
        self._workspaces.clear()
        self._grounds.clear()
        self._watch.forget()
        self.reread()

    def reread(self) -> None:
        """Take up what has been written to files that are known already."""
        self._outdated.update(self._disks)
        self._disks.clear()

    def has_changed_on_disk(self) -> tuple[bool, float]:
        """Whether a file that a check has leant on is no longer as it was then, and how many seconds it took to see that."""
        begin = time.perf_counter()
        return self._watch.has_changed(), time.perf_counter() - begin

    def ground_of(self, path: str) -> Ground:
        folder = os.path.dirname(path) if os.path.isabs(path) else ""
        if folder not in self._grounds:
            self._grounds[folder] = self._survey(path, folder)
        return self._grounds[folder]

    def check(self, target: Document, documents: Mapping[str, Document], is_cancelled: Callable[[], bool] | None = None) -> list[Analysis]:
        """The findings of a document, and of those open documents that come with it: one look at a project serves all of its files.

        Failures of nnlint itself are logged, and are no findings. Raises `engine.Cancelled` soon after `is_cancelled` says so.
        """
        begin = time.perf_counter()
        sources = OverlaySources(DiskSources((), ()), {target.path: target.text})
        checked: list[Document] = []
        settings: dict[str, Settings] = {}
        result = engine.CheckResult()
        try:
            sources = self.sources_for(target, documents)
            checked = [document for document in self._company(target, documents) if self.is_checked(document.path)]
            settings = {document.path: self.settings_for(document.path) for document in checked}
            result = self._result(checked, sources, is_cancelled)
        except engine.Cancelled:
            raise
        except Exception:
            log.exception("checking %s failed; please report this", target.uri)
        errors, seconds = self._config_errors(), time.perf_counter() - begin
        return [
            Analysis(
                document,
                tuple(f for f in result.findings if f.path == document.path),
                sources,
                documents,
                tuple(a for a in result.assists if a.path == document.path),
                tuple(m for m in result.models or () if m.path == document.path),
                settings.get(document.path, NOTHING_ENABLED),
                errors,
                seconds,
            )
            for document in {target.uri: target, **{document.uri: document for document in checked}}.values()
        ]

    def check_edit(self, target: Document, documents: Mapping[str, Document]) -> Analysis | None:
        """A first answer after an edit of a document that has been checked; `None` where only a full check can say anything."""
        begin = time.perf_counter()
        try:
            sources = self.sources_for(target, documents)
            result, settings = engine.CheckResult(), NOTHING_ENABLED
            if self.is_checked(target.path):
                settings = self.settings_for(target.path)
                first = self._engine.check_edit(sources, target.path, self.settings_for)
                if first is None:
                    return None
                result = first
        except Exception:
            log.exception("checking an edit of %s failed; please report this", target.uri)
            return None
        _log_errors(result)
        errors, seconds = self._config_errors(), time.perf_counter() - begin
        findings = tuple(result.findings)
        return Analysis(target, findings, sources, documents, settings=settings, config_errors=errors, seconds=seconds, is_provisional=True)

    def graph(self, target: Document, documents: Mapping[str, Document], class_name: str) -> str:
        """The dataflow graph of a class of the target, as text."""
        return engine.graph_text(self.sources_for(target, documents), target.path, class_name)

    def plan(self, target: Document, documents: Mapping[str, Document], class_name: str, findings: Sequence[Finding]) -> Plan:
        """How to run a class of the target, and what to ask of it."""
        from nnlint.deep.plan import plan_for_class

        sources = self.sources_for(target, documents)
        return plan_for_class(sources, target.path, class_name, findings, self.ground_of(target.path).config.deep)

    def sources_for(self, target: Document, documents: Mapping[str, Document]) -> OverlaySources:
        """The target's project as the client sees it: open documents in place of their files."""
        project = self.ground_of(target.path).project
        texts = {document.path: document.text for document in self._company(target, documents)}
        return OverlaySources(self._disk(project), texts)

    def is_checked(self, path: str) -> bool:
        """Whether findings of a file are wanted: its config does not exclude it, and the person has not switched nnlint off."""
        if not self._roots.preferences_for(path).enable:
            return False
        ground = self.ground_of(path)
        return not any(ground.config.excludes.matches(part) for part in _parts_below(path, ground.project.folder))

    def settings_for(self, path: str) -> Settings:
        return self.ground_of(path).config.settings_for(path)

    def _company(self, target: Document, documents: Mapping[str, Document]) -> list[Document]:
        """The target, and the open documents of its project that it could import."""
        folder = self.ground_of(target.path).project.folder
        others = [document for document in documents.values() if document.is_importable and document.path != target.path]
        return [target, *(other for other in others if self._is_in(other.path, folder))]

    def _is_in(self, path: str, folder: str) -> bool:
        return os.path.isabs(path) and self.ground_of(path).project.folder == folder

    def _result(self, documents: list[Document], sources: OverlaySources, is_cancelled: Callable[[], bool] | None) -> engine.CheckResult:
        paths = [document.path for document in documents]
        result = check_files(sources, paths, self.settings_for, self._engine, is_cancelled, finds_assists=True, finds_models=True)
        _log_errors(result)
        return result

    def _config_errors(self) -> tuple[ConfigError, ...]:
        """What is wrong with the configs that were needed since the last look at the disk."""
        return tuple(ground.error for ground in self._grounds.values() if ground.error is not None)

    def _survey(self, path: str, folder: str) -> Ground:
        self._watch.add(config_places(folder))
        workspace = self._workspace_of(path)
        try:
            ground = Ground(workspace.config_for(path), workspace.project_of(path))
        except ConfigError as error:
            last = self._last_good.get(folder) or self._bare_ground(path, folder)
            return Ground(last.config, last.project, error)
        self._watch.add(layer.path for layer in ground.config.config.layers if layer.path)
        self._last_good[folder] = ground
        return ground

    def _bare_ground(self, path: str, folder: str) -> Ground:
        """What a file stands on whose config never could be read: the built-in settings, and its folder alone."""
        config = ResolvedConfig(Config().with_layers(self._overrides(self._roots.folder_of(path))))
        return Ground(config, Project(folder, (folder,), (path,)))

    def _workspace_of(self, path: str) -> Workspace:
        root = self._roots.folder_of(path)
        if root not in self._workspaces:
            self._workspaces[root] = Workspace(named=self._roots.by_folder, overrides=self._overrides(root))
        return self._workspaces[root]

    def _overrides(self, root: str | None) -> tuple[Layer, ...]:
        preferences = self._roots.default if root is None else self._roots.by_folder[root]
        return () if preferences.layer is None else (preferences.layer,)

    def _disk(self, project: Project) -> DiskSources:
        if project.folder not in self._disks:
            if self._watches_files:
                self._watch.add(project.files)
                self._watch.add({os.path.dirname(file) for file in project.files} | {project.folder})
            old = self._outdated.pop(project.folder, None)
            self._disks[project.folder] = old.refreshed(project.import_roots, project.files) if old else disk_sources(project)
        return self._disks[project.folder]


def _log_errors(result: engine.CheckResult) -> None:
    for error in result.internal_errors:
        log.error("%s", error)


def _parts_below(path: str, folder: str) -> Iterator[str]:
    """The path, and those of its parents that lie below a folder."""
    while len(path) > len(folder) and os.path.isabs(path):
        yield path
        path = os.path.dirname(path)
