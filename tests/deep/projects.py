"""Projects on the disk, checked and planned as `lsp-check --deep` does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from nnlint.deep.plan import Plan, plan_for_class, plans_for_findings
from nnlint.deep.worker.messages import Way
from nnlint.findings import Finding
from nnlint.workspace import DeepSettings, Workspace, check_files, disk_sources

NET = """
    from torch import nn

    class Net(nn.Module):
        def __init__({parameters}):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)
            self.norm = nn.BatchNorm2d(8)

        def forward(self, x):
            return self.norm(self.conv(x))
"""


def net(*parameters: str) -> str:
    """The text of a class with one bias before a norm, and these parameters of its constructor."""
    return dedent(NET).format(parameters=", ".join(("self", *parameters)))


@dataclass(frozen=True)
class Project:
    """A folder of files; names are relative to it."""

    folder: Path

    def settings(self) -> DeepSettings:
        return Workspace(named=[str(self.folder)]).config_in(str(self.folder)).deep

    def findings(self, *codes: str) -> list[Finding]:
        """What is found in all files, of these rules alone if some are named."""
        workspace = Workspace(named=[str(self.folder)])
        paths = workspace.files_to_check(str(self.folder))
        found = check_files(self._sources(), paths, workspace.settings_for).findings
        return [finding for finding in found if not codes or finding.code in codes]

    def plans(self, *codes: str) -> tuple[list[Plan], list[tuple[Finding, str]]]:
        return plans_for_findings(self._sources(), self.findings(*codes), self.settings())

    def plan(self, *codes: str) -> Plan:
        """The one plan that there is, with nothing that it leaves out."""
        plans, unanswerable = self.plans(*codes)
        assert not unanswerable
        (plan,) = plans
        return plan

    def plan_for(self, name: str, class_name: str) -> Plan:
        return plan_for_class(self._sources(), str(self.folder / name), class_name, self.findings(), self.settings())

    def ways(self, *codes: str) -> list[Way]:
        return list(self.plan(*codes).request.ways)

    def _sources(self):
        workspace = Workspace(named=[str(self.folder)])
        (first, *_) = workspace.files_to_check(str(self.folder))
        return disk_sources(workspace.project_of(first))


MakeProject = Callable[[dict[str, str]], Project]


def project_in(folder: Path) -> MakeProject:
    """Makes files below a folder; every project is marked by a `pyproject.toml`, if it brings none."""

    def make(files: dict[str, str]) -> Project:
        for name, text in {"pyproject.toml": "", **files}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return Project(folder)

    return make
