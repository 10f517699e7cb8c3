"""What the command line and the server know of the disk: configs, projects and their texts.

    workspace = Workspace(named=["/home/me/net"])            # remembers what it looked up; make a new one when configs or files change
    project = workspace.project_of("/home/me/net/model.py")  # its folder, import roots and files
    disk = disk_sources(project, asked=["/home/me/net/model.py"])
    sources = OverlaySources(disk, {"/home/me/net/model.py": "text of the open buffer"})
    result = check_files(sources, ["/home/me/net/model.py"], workspace.settings_for)

`disk.refreshed(project.import_roots, project.files)` is a new snapshot that keeps the texts of files that did not change.
"""

from nnlint.workspace.check import check_files
from nnlint.workspace.config import Config, Layer, read_assignment, read_layer
from nnlint.workspace.deep_settings import DeepModel, DeepSettings
from nnlint.workspace.disk import Workspace, disk_sources
from nnlint.workspace.errors import ConfigError, UnreadableSource
from nnlint.workspace.options import OPTIONS, Option
from nnlint.workspace.project import Project
from nnlint.workspace.resolved import Provenance, ResolvedConfig
from nnlint.workspace.sources import DiskSources, OverlaySources

__all__ = [
    "OPTIONS",
    "Config",
    "ConfigError",
    "DeepModel",
    "DeepSettings",
    "DiskSources",
    "Layer",
    "Option",
    "OverlaySources",
    "Project",
    "Provenance",
    "ResolvedConfig",
    "UnreadableSource",
    "Workspace",
    "check_files",
    "disk_sources",
    "read_assignment",
    "read_layer",
]
