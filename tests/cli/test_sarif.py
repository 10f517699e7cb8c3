"""SARIF as its readers take it: valid by the standard's schema, with the subset and the limits of GitHub code scanning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlparse

import pytest
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif

from nnlint.cli.report import Report
from nnlint.cli.reporters import sarif
from nnlint.cli.style import Style
from nnlint.findings import Finding, Severity, Verdict, VerdictKind
from nnlint.text import Edit, LineIndex, Position, Span, apply_edits
from tests.cli.conftest import BROKEN, FIXED, MODEL, Commands

WIDE = MODEL.replace("        self.conv", "        '😀漢é'; self.conv")
GITHUB_LONGEST_TEXT = 1024  # of a rule's descriptions
GITHUB_LARGEST_FILE = 10 * 2**20


@pytest.fixture
def models(commands: Commands) -> Commands:
    commands.write({"pyproject.toml": "[project]\n", "my models/ñ#1.py": WIDE, "broken.py": BROKEN})
    return commands


def run_of(commands: Commands, *arguments: object) -> dict[str, Any]:
    """The one run of a report, once it is valid by the schema."""
    text = commands.check("--output-format", "sarif", *arguments).text
    Sarif.model_validate_json(text)
    [run] = json.loads(text)["runs"]
    return run


def location_of(result: dict[str, Any]) -> dict[str, Any]:
    [location] = result["locations"]
    return location["physicalLocation"]


def text_at(region: dict[str, int], text: str) -> str:
    """What a reader that counts code points finds in a region."""
    index = LineIndex(text)
    start = index.offset(Position(region["startLine"] - 1, region["startColumn"] - 1))
    return text[start : index.offset(Position(region["endLine"] - 1, region["endColumn"] - 1))]


def path_of(artifact: dict[str, str], run: dict[str, Any]) -> Path:
    """The file of an artifact, found as the standard says."""
    base = run["originalUriBaseIds"][artifact["uriBaseId"]]["uri"] if "uriBaseId" in artifact else ""
    address = urlparse(urljoin(base, artifact["uri"]))
    assert address.scheme == "file"
    return Path(unquote(address.path))


def test_results_stand_where_the_mistakes_are(models: Commands) -> None:
    run = run_of(models)
    assert run["columnKind"] == "unicodeCodePoints"
    broken, bias = run["results"]
    assert (broken["ruleId"], broken["level"]) == ("NN000", "error")
    assert (bias["ruleId"], bias["level"]) == ("NN501", "note")
    assert location_of(bias)["artifactLocation"] == {"uri": "my%20models/%C3%B1%231.py", "uriBaseId": "%SRCROOT%"}
    assert text_at(location_of(bias)["region"], WIDE) == "nn.Conv2d(3, 8, 3)"
    assert path_of(location_of(bias)["artifactLocation"], run).read_text("utf-8") == WIDE
    assert [one["id"] for one in bias["relatedLocations"]] == [1, 2, 3]
    assert {text_at(one["physicalLocation"]["region"], WIDE) for one in bias["relatedLocations"]} >= {"nn.BatchNorm2d(8)"}


def test_files_that_lie_elsewhere_have_full_addresses(models: Commands, tmp_path: Path) -> None:
    other = tmp_path / "else where"
    other.mkdir()
    run = run_of(models, "--select", "NN501", models.folder)
    assert location_of(run["results"][0])["artifactLocation"]["uriBaseId"] == "%SRCROOT%", "named by an absolute path, yet below"
    text = models.check("--output-format", "sarif", models.folder / "broken.py", cwd=other).text
    [run] = json.loads(text)["runs"]
    artifact = location_of(run["results"][0])["artifactLocation"]
    assert "uriBaseId" not in artifact
    assert path_of(artifact, run) == models.folder / "broken.py"


def test_fixes_are_those_that_fix_would_make(models: Commands) -> None:
    run = run_of(models, "--select", "NN501")
    [bias] = [result for result in run["results"] if result["ruleId"] == "NN501"]
    fix = bias["fixes"][0]
    assert fix["properties"] == {"applicability": "unsafe"}
    [change] = fix["artifactChanges"]
    assert path_of(change["artifactLocation"], run).name == "ñ#1.py"
    index = LineIndex(WIDE)
    edits = []
    for replacement in change["replacements"]:
        region = replacement["deletedRegion"]
        start = index.offset(Position(region["startLine"] - 1, region["startColumn"] - 1))
        edits.append(Edit(Span(start, start + len(text_at(region, WIDE))), replacement["insertedContent"]["text"]))
    assert apply_edits(WIDE, edits) == WIDE.replace("8, 3)", "8, 3, bias=False)")


def test_rules_are_described_within_the_limits_of_github(models: Commands) -> None:
    run = run_of(models)
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["NN000", "NN501"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [result["ruleId"] for result in run["results"]]
    for rule in rules:
        assert rule["help"]["markdown"].startswith(f"# {rule['name']} ({rule['id']})")
        assert 0 < len(rule["shortDescription"]["text"]) <= GITHUB_LONGEST_TEXT
        assert 0 < len(rule["fullDescription"]["text"]) <= GITHUB_LONGEST_TEXT
        assert rule["properties"]["problem.severity"] in ("error", "warning", "recommendation")
        assert Path(unquote(urlparse(rule["helpUri"]).path)).is_file()
    assert rules[1]["defaultConfiguration"] == {"enabled": True, "level": "note"}


def test_every_rule_fits_into_one_file_that_github_takes() -> None:
    from nnlint.rules import all_rules

    text = "x = 1\n"
    findings = [Finding(code, rule.name, "message", "/a.py", Span(0, 1), Severity.INFO) for code, rule in all_rules().items()]
    report = sarif.render(Report(findings, str, lambda _: text, Style()))
    Sarif.model_validate_json(report)
    assert len(report.encode()) < GITHUB_LARGEST_FILE
    for rule in json.loads(report)["runs"][0]["tool"]["driver"]["rules"]:
        assert len(rule["shortDescription"]["text"]) <= GITHUB_LONGEST_TEXT


def test_fingerprints_stay_when_lines_move_and_differ_between_mistakes(commands: Commands) -> None:
    twice = MODEL.replace("        self.norm", "        self.other = nn.Conv2d(3, 8, 3)\n        self.norm").replace(
        "self.norm(self.conv(x))", "self.norm(self.conv(x)), nn.functional.instance_norm(self.other(x))"
    )

    def prints(text: str) -> list[str]:
        commands.write({"net.py": text})
        return [result["partialFingerprints"]["nnlint/v1"] for result in run_of(commands)["results"]]

    before = prints(twice)
    assert len(set(before)) == len(before) == 2
    assert prints("\n\n# moved\n" + twice) == before
    assert prints(FIXED) == []


def test_without_findings_there_is_a_run_without_results(commands: Commands) -> None:
    commands.write({"a.py": FIXED})
    run = run_of(commands)
    assert run["results"] == []
    assert run["tool"]["driver"]["rules"] == []


def test_a_verdict_is_told_in_words_and_as_data() -> None:
    verdict = Verdict(VerdictKind.CONFIRMED, "no output changes", (("largest change", 0.0), ("factor", float("inf"))))
    finding = Finding("NN501", "bias-before-norm", "the bias is cancelled", "/a.py", Span(0, 1), Severity.WARNING, verdict=verdict)
    text = sarif.render(Report([finding], str, lambda _: "x", Style()))
    Sarif.model_validate_json(text)
    [result] = json.loads(text, parse_constant=pytest.fail)["runs"][0]["results"]
    assert result["message"]["text"] == "the bias is cancelled\nconfirmed: no output changes"
    assert result["properties"]["verdict"] == {
        "kind": "confirmed",
        "message": "no output changes",
        "numbers": {"largest change": 0.0, "factor": "inf"},
    }
