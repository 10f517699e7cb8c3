"""The options of `lsp-check` as they were given, and what follows from them alone."""

from __future__ import annotations

import os
from dataclasses import dataclass

from nnlint.cli.cache import default_folder
from nnlint.cli.checking import WorkspaceOptions
from nnlint.cli.errors import UsageMistake
from nnlint.cli.layers import command_line_layer, split_config
from nnlint.cli.targets import STDIN, named_folders
from nnlint.findings import Applicability, Severity


@dataclass(frozen=True)
class CheckOptions:
    """Fields are called as the options on the command line are."""

    paths: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[str, ...] = ()
    output_format: str | None = None
    output_file: str | None = None
    fix: bool = False
    unsafe_fixes: bool = False
    diff: bool = False
    fix_only: bool = False
    add_ignore: str | None = None
    statistics: bool = False
    exit_zero: bool = False
    fail_on: str = "info"
    stdin_filename: str | None = None
    exclude: tuple[str, ...] = ()
    extend_exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    no_respect_gitignore: bool = False
    config: tuple[str, ...] = ()
    isolated: bool = False
    no_cache: bool = False
    cache_dir: str | None = None
    jobs: int | None = None
    deep: bool = False
    python: str | None = None
    timeout: float | None = None
    color: str = "auto"
    quiet: bool = False
    verbose: bool = False

    @property
    def reads_stdin(self) -> bool:
        return STDIN in self.paths or self.stdin_filename is not None

    @property
    def named(self) -> tuple[str, ...]:
        """The files and folders that are named; the current folder where none is."""
        return self.paths or (os.curdir,)

    @property
    def format(self) -> str:
        return self.output_format or ("github" if os.environ.get("GITHUB_ACTIONS") == "true" else "full")

    @property
    def grades(self) -> frozenset[Applicability]:
        """The fixes that `--fix` applies in this run, or would apply."""
        return frozenset({Applicability.SAFE, Applicability.UNSAFE} if self.unsafe_fixes else {Applicability.SAFE})

    @property
    def lowest_failing(self) -> Severity:
        return Severity.parse(self.fail_on)

    @property
    def cache_folder(self) -> str | None:
        return None if self.no_cache else self.cache_dir or default_folder()

    def workspace(self) -> WorkspaceOptions:
        """Raises `UsageMistake` and `ConfigError`."""
        if self.reads_stdin and self.add_ignore is not None:
            raise UsageMistake("--add-ignore changes files; it cannot be used with standard input")
        self._check_deep()
        config_file, assignments = split_config(self.config)
        words = command_line_layer(
            select=self.select,
            extend_select=self.extend_select,
            ignore=self.ignore,
            per_file_ignores=self.per_file_ignores,
            exclude=self.exclude,
            extend_exclude=self.extend_exclude,
        )
        named = () if self.reads_stdin else tuple(named_folders(self.named))
        return WorkspaceOptions(named, (*assignments, words), config_file, self.isolated)

    def _check_deep(self) -> None:
        """Models are run as their files are on the disk, and what they say holds for nothing else."""
        if not self.deep:
            given = {"--python": self.python, "--timeout": self.timeout}
            if lonely := next((name for name, value in given.items() if value is not None), None):
                raise UsageMistake(f"{lonely} says how models are run; it needs --deep")
            return
        if self.reads_stdin:
            raise UsageMistake("--deep runs files as they are on the disk; it cannot be used with standard input")
        changing = {"--fix": self.fix, "--fix-only": self.fix_only, "--diff": self.diff, "--add-ignore": self.add_ignore is not None}
        if name := next((name for name, is_given in changing.items() if is_given), None):
            raise UsageMistake(f"--deep reports and changes nothing; run {name} by itself, afterwards")
