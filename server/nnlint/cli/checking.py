"""Checks the targets project by project, from the cache or in several processes where that is worth it. The result is the same."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from nnlint.cli.cache import Cache, content_key, entry_name
from nnlint.cli.targets import Stdin
from nnlint.engine import CheckResult
from nnlint.settings import Settings
from nnlint.workspace import DiskSources, Layer, OverlaySources, Project, Workspace, check_files, disk_sources

# Starting a process costs about what checking this many files does.
_FILES_PER_PROCESS = 40


@dataclass(frozen=True)
class WorkspaceOptions:
    """What makes a workspace, so that another process can make the same."""

    named: tuple[str, ...] = ()
    overrides: tuple[Layer, ...] = ()
    config_file: str | None = None
    isolated: bool = False

    def open(self) -> Workspace:
        return Workspace(named=self.named, overrides=self.overrides, config_file=self.config_file, isolated=self.isolated)


@dataclass(frozen=True)
class ProjectCheck:
    """The files to check of one project, with the texts of all of it."""

    project: Project
    paths: tuple[str, ...]
    workspace: Workspace
    stdin: Stdin | None = None

    @cached_property
    def disk(self) -> DiskSources:
        return disk_sources(self.project, self.paths)

    @cached_property
    def sources(self) -> DiskSources | OverlaySources:
        if self.stdin is None:
            return self.disk
        if self.stdin.source is None:
            return OverlaySources(self.disk, {}, {self.stdin.path: self.stdin.problem or ""})
        return OverlaySources(self.disk, {self.stdin.path: self.stdin.source.text})

    def settings_for(self, path: str) -> Settings:
        return self.workspace.settings_for(path)

    def check(self, cache: Cache | None = None, counts_layers: bool = False) -> CheckResult:
        """The cache remembers no layers, so what counts them goes without it."""
        if cache is None or self.stdin is not None or counts_layers:
            return check_files(self.sources, self.paths, self.settings_for, counts_layers=counts_layers)
        entry = entry_name(self.project.folder, self.paths)
        key = content_key(self.disk, self.paths, self.settings_for)
        known = cache.load(entry, key)
        if known is not None:
            return known
        result = check_files(self.sources, self.paths, self.settings_for)
        if not result.internal_errors:
            cache.store(entry, key, result)
        return result


def split_by_project(paths: Iterable[str], workspace: Workspace, stdin: Stdin | None) -> list[ProjectCheck]:
    """One check a project, in the order of their folders."""
    projects: dict[str, tuple[Project, list[str]]] = {}
    for path in paths:
        project = workspace.project_of(path)
        projects.setdefault(project.folder, (project, []))[1].append(path)
    return [ProjectCheck(project, tuple(sorted(own)), workspace, stdin) for _, (project, own) in sorted(projects.items())]


def check_projects(
    checks: Sequence[ProjectCheck], options: WorkspaceOptions, cache_folder: str | None, jobs: int, counts_layers: bool = False
) -> list[CheckResult]:
    """The result of each check. A project is one piece of work, so the number of jobs cannot change what is found in it."""
    workers = min(jobs, len(checks), sum(len(check.paths) for check in checks) // _FILES_PER_PROCESS)
    cache = None if cache_folder is None else Cache(cache_folder)
    if workers < 2:
        return [check.check(cache, counts_layers) for check in checks]
    # Read before the other processes do: if a file changes in between, fixing notices that the disk is not what was read here.
    for check in checks:
        check.disk.read_all()
    # Slow imports that a run in one process does not need.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    tasks = [(options, check.project, check.paths, cache_folder, counts_layers) for check in checks]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_interrupts_to_parent) as pool:
        return list(pool.map(_check_elsewhere, tasks))


def _check_elsewhere(task: tuple[WorkspaceOptions, Project, tuple[str, ...], str | None, bool]) -> CheckResult:
    options, project, paths, cache_folder, counts_layers = task
    return ProjectCheck(project, paths, options.open()).check(None if cache_folder is None else Cache(cache_folder), counts_layers)


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def available_jobs() -> int:
    """The processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
