"""What one run of `lsp-check` is about: its options, the files it checks and what was found in them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nnlint.cli.check_options import CheckOptions
from nnlint.cli.checking import ProjectCheck, available_jobs, check_projects, split_by_project
from nnlint.cli.output import Notes
from nnlint.cli.style import Style, wants_color
from nnlint.cli.targets import Stdin, read_stdin, targets
from nnlint.engine import CheckResult, Construction
from nnlint.findings import Finding


@dataclass(frozen=True)
class Outcome:
    """What was found in one project. `texts` are those that differ from the disk, as fixes have left them."""

    check: ProjectCheck
    result: CheckResult
    texts: Mapping[str, str] = field(default_factory=dict)

    def text(self, path: str) -> str | None:
        changed = self.texts.get(path)
        return self.check.sources.text(path) if changed is None else changed


@dataclass(frozen=True)
class Session:
    """A run's files, by absolute path with the names as given, and the outcome of checking each project."""

    options: CheckOptions
    notes: Notes
    stdin: Stdin | None
    names: Mapping[str, str]
    outcomes: tuple[Outcome, ...]

    @property
    def style(self) -> Style:
        """The colours of the report."""
        return Style(self.options.output_file is None and wants_color(self.options.color, sys.stdout))


def open_session(options: CheckOptions) -> Session:
    """Finds and checks the files. Raises `UsageMistake` and `ConfigError`."""
    notes = Notes(options.verbose - options.quiet, Style(wants_color(options.color, sys.stderr)))
    workspace_options = options.workspace()
    workspace = workspace_options.open()
    stdin = _stdin(options, notes) if options.reads_stdin else None
    given = options.named if stdin is None else (stdin.name,)
    names = targets(given, workspace, force_exclude=options.force_exclude, respect_gitignore=not options.no_respect_gitignore, notes=notes)
    if not names and stdin is None:
        notes.warning(f"no Python files to check in {', '.join(given)}")
    checks = split_by_project(names, workspace, stdin)
    for check in checks:
        notes.detail(_description(check))
    with notes.busy(f"checking {len(names)} files"):
        results = check_projects(checks, workspace_options, options.cache_folder, options.jobs or available_jobs(), options.statistics)
    for check, result in zip(checks, results, strict=True):
        if result.left_out:
            notes.warning(_words_of_what_is_left_out(check, result.left_out))
    return Session(options, notes, stdin, names, tuple(map(Outcome, checks, results)))


def _stdin(options: CheckOptions, notes: Notes) -> Stdin:
    for path in options.paths:
        if path != "-":
            notes.warning(f"{path}: not checked, as the source comes from standard input")
    return read_stdin(options.stdin_filename)


def _description(check: ProjectCheck) -> str:
    config = check.workspace.config_in(check.project.folder).config.path or "none"
    return f"project {check.project.folder}: checking {len(check.paths)} of {len(check.project.files)} files, config: {config}"


def _words_of_what_is_left_out(check: ProjectCheck, count: int) -> str:
    return (
        f"project {check.project.folder} is too large for one check: {count:,} of its classes, functions and scripts were not run, "
        "and nothing that they could change is reported; check a folder of it to hear more"
    )


def findings_of(outcomes: Sequence[Outcome]) -> list[Finding]:
    return [finding for outcome in outcomes for finding in outcome.result.findings]


def constructions_of(outcomes: Sequence[Outcome]) -> list[Construction] | None:
    """The layers that the checked files construct; `None` where they were not counted, as after fixing."""
    counted = [outcome.result.constructions for outcome in outcomes]
    return None if any(one is None for one in counted) else [found for one in counted for found in one or ()]
