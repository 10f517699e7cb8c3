"""Findings in real packages have a model that answers them."""

from __future__ import annotations

import pytest

from nnlint.deep.plan import plans_for_findings
from nnlint.settings import Settings
from nnlint.workspace import Workspace, check_files, disk_sources
from scripts.fetch_corpus import fetch

pytestmark = [pytest.mark.corpus, pytest.mark.slow]


@pytest.mark.parametrize(
    "package",
    ["torchvision", "segmentation-models-pytorch", "labml-nn", "torchgan", "easyfsl", pytest.param("timm", marks=pytest.mark.huge)],
)
def test_every_finding_on_biases_has_a_model_that_answers_it(package: str) -> None:
    folder = str(fetch(package))
    workspace = Workspace(named=[folder], isolated=True)
    paths = workspace.files_to_check(folder)
    sources = disk_sources(workspace.project_of(paths[0]))
    findings = check_files(sources, paths, lambda path: Settings(frozenset({"NN501", "NN502"}))).findings
    plans, unanswerable = plans_for_findings(sources, findings)
    assert findings
    assert not [(finding.path, finding.message, why) for finding, why in unanswerable]
    assert sorted(map(id, findings)) == sorted(id(finding) for plan in plans for finding in plan.findings)
    assert all(plan.request.ways for plan in plans)
