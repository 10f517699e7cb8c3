"""A run's or a server's view of the disk: whose config holds for a file, which project it is in, and that project's texts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace

from nnlint.settings import Settings
from nnlint.workspace.asked import files_to_check, is_left_out
from nnlint.workspace.config import Config, Layer, config_file_in, load_config
from nnlint.workspace.errors import ConfigError
from nnlint.workspace.globs import PathPatterns
from nnlint.workspace.project import Project, ProjectFinder, import_roots, project_files
from nnlint.workspace.resolved import ResolvedConfig
from nnlint.workspace.sources import DiskSources


class Workspace:
    """Remembers what it has looked up; where configs, or files come and go, a new one is made. All paths are absolute.

    A path that is not absolute (an unsaved buffer's) is in no project and has no config file.
    """

    def __init__(
        self, *, named: Iterable[str] = (), overrides: Sequence[Layer] = (), config_file: str | None = None, isolated: bool = False
    ) -> None:
        """`named` are the folders that a person named or opened. `overrides` are stronger than every file, the last one most.

        `config_file` holds in place of all that would be found; `isolated` leaves all config files aside.
        """
        self._overrides = tuple(overrides)
        self._fixed = _fixed_config(config_file, isolated)
        self._configs: dict[str | None, ResolvedConfig] = {}
        self._config_files: dict[str, str | None] = {}
        self._finder = ProjectFinder(frozenset(named), self._config_file)
        self._projects: dict[str, Project] = {}

    def config_for(self, path: str) -> ResolvedConfig:
        """The config that holds for a file; raises `ConfigError`."""
        return self.config_in(os.path.dirname(path))

    def config_in(self, folder: str) -> ResolvedConfig:
        """The config that holds for the files of a folder; raises `ConfigError`."""
        found = None if self._fixed is not None else self._config_file(folder)
        if found not in self._configs:
            config = self._fixed or (Config() if found is None else load_config(found))
            self._configs[found] = ResolvedConfig(config.with_layers(self._overrides))
        return self._configs[found]

    def settings_for(self, path: str) -> Settings:
        """The settings of a file; raises `ConfigError`."""
        return self.config_for(path).settings_for(path)

    def project_of(self, path: str) -> Project:
        """The project that a file is in; raises `ConfigError`."""
        if not os.path.isabs(path):
            return Project("", (), ())
        folder, marked = self._finder.project_folder(os.path.dirname(path))
        if folder not in self._projects:
            extra = self.config_in(folder).source_folders
            self._projects[folder] = Project(folder, import_roots(folder, extra), project_files(folder, marked, extra))
        return self._projects[folder]

    def files_to_check(self, folder: str, *, respect_gitignore: bool = True) -> list[str]:
        """The Python files that are checked where `folder` is named, sorted; raises `ConfigError`."""
        return files_to_check(folder, self._excludes_in, respect_gitignore)

    def is_left_out(self, path: str, *, respect_gitignore: bool = True) -> bool:
        """Whether a file is checked only where it is named itself; raises `ConfigError`."""
        return is_left_out(path, self._excludes_in, respect_gitignore)

    def _excludes_in(self, folder: str) -> PathPatterns:
        return self.config_in(folder).excludes

    def _config_file(self, folder: str) -> str | None:
        if not os.path.isabs(folder):
            return None
        if folder not in self._config_files:
            parent = os.path.dirname(folder)
            self._config_files[folder] = self._config_file_in(folder) or (None if parent == folder else self._config_file(parent))
        return self._config_files[folder]

    def _config_file_in(self, folder: str) -> str | None:
        try:
            return config_file_in(folder)
        except ConfigError:
            if self._fixed is None:
                raise
            # Where no config file counts, one that is broken cannot be in the way.
            return None


def _fixed_config(config_file: str | None, isolated: bool) -> Config | None:
    """The config that holds everywhere, where there is one. As in ruff, paths in a config that is named start at the current folder."""
    if config_file is None:
        return Config() if isolated else None
    if isolated:
        raise ConfigError(f"--isolated leaves config files aside, so --config {config_file} cannot be used with it")
    config = load_config(config_file)
    return Config((*config.layers[:-1], replace(config.layers[-1], folder=os.getcwd())), config.path)


def disk_sources(project: Project, asked: Iterable[str] = ()) -> DiskSources:
    """The texts of a project, and of files that were asked for though the project does not list them."""
    return DiskSources(project.import_roots, {*project.files, *asked})
