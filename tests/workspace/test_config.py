"""What config files say, and how they say that something is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnlint.findings import Applicability, Severity
from nnlint.workspace import ConfigError, DeepModel, DeepSettings, Workspace, read_assignment, read_layer
from tests.workspace.conftest import Tree


def settings(root: Path, name: str = "m.py"):
    return Workspace().settings_for(str(root / name))


def test_without_config_the_rules_that_are_on_by_default_run(tree: Tree) -> None:
    assert {"NN000", "NN501", "NN502"} <= settings(tree({"m.py": ""})).enabled


@pytest.mark.parametrize(
    "files",
    [
        {"nnlint.toml": 'ignore = ["NN502"]'},
        {"pyproject.toml": '[tool.nnlint]\nignore = ["output-without-bias"]'},
        {"nnlint.toml": 'ignore = ["NN502"]', "pyproject.toml": '[tool.nnlint]\nignore = ["NN501"]'},
    ],
    ids=["own file", "pyproject", "the own file wins"],
)
def test_config_files(tree: Tree, files: dict[str, str]) -> None:
    enabled = settings(tree(files)).enabled
    assert "NN502" not in enabled
    assert "NN501" in enabled


def test_the_nearest_config_of_each_file_holds(tree: Tree) -> None:
    root = tree(
        {
            "nnlint.toml": 'ignore = ["NN501"]',
            "sub/nnlint.toml": 'ignore = ["NN502"]',
            "sub/deep/pyproject.toml": "[project]\nname = 'x'  # nnlint is mentioned, but not configured",
        }
    )
    assert "NN501" not in settings(root).enabled
    deep = settings(root, "sub/deep/m.py").enabled
    assert "NN501" in deep
    assert "NN502" not in deep


@pytest.mark.parametrize(
    ("config", "on", "off"),
    [
        ('select = ["NN501"]', {"NN501"}, {"NN502"}),
        ('select = ["NN5"]\nignore = ["NN501"]', {"NN502"}, {"NN501"}),
        ('select = ["NN501"]\nignore = ["NN5"]', {"NN501"}, {"NN502"}),
        ('select = ["ALL"]\nignore = ["bias-before-norm"]', {"NN502"}, {"NN501"}),
        ('select = ["NN502"]\nextend-select = ["NN501"]', {"NN501", "NN502"}, {"NN001"}),
        ('select = ["nn501"]', {"NN501"}, {"NN502"}),
        ("select = []", {"NN000"}, {"NN501", "NN502"}),
        ('ignore = ["NN000"]', {"NN501"}, {"NN000"}),
    ],
)
def test_selection(tree: Tree, config: str, on: set[str], off: set[str]) -> None:
    enabled = settings(tree({"nnlint.toml": config})).enabled
    assert on <= enabled
    assert not off & enabled


def test_a_select_leaves_syntax_errors_on(tree: Tree) -> None:
    assert "NN000" in settings(tree({"nnlint.toml": 'select = ["NN501"]'})).enabled


def test_per_file_ignores(tree: Tree) -> None:
    root = tree({"nnlint.toml": '[per-file-ignores]\n"tests/**" = ["NN501"]\n"!keep.py" = ["NN502"]\n"a.py" = ["ALL"]'})
    assert {"NN501", "NN502"} & settings(root, "tests/x.py").enabled == set()
    assert {"NN501", "NN502"} & settings(root, "b.py").enabled == {"NN501"}
    assert {"NN501", "NN502"} & settings(root, "keep.py").enabled == {"NN501", "NN502"}
    assert settings(root, "a.py").enabled == frozenset()


def test_severities_and_grades_of_fixes(tree: Tree) -> None:
    found = settings(
        tree(
            {
                "nnlint.toml": """
                    unfixable = ["NN502"]
                    extend-safe-fixes = ["NN501"]
                    extend-unsafe-fixes = ["NN5"]
                    [severity]
                    ALL = "hint"
                    NN501 = "error"
                    """
            }
        )
    )
    assert found.severities["NN501"] is Severity.ERROR
    assert found.severities["NN502"] is Severity.HINT
    assert found.applicability("NN501", Applicability.UNSAFE) is Applicability.SAFE
    assert found.applicability("NN502", Applicability.UNSAFE) is Applicability.DISPLAY


def test_fixable_is_the_whole_list(tree: Tree) -> None:
    found = settings(tree({"nnlint.toml": 'fixable = ["NN501"]'}))
    assert found.applicability("NN501", Applicability.UNSAFE) is Applicability.UNSAFE
    assert found.applicability("NN502", Applicability.SAFE) is Applicability.DISPLAY


def test_extend_builds_on_another_file(tree: Tree) -> None:
    root = tree(
        {
            "base/shared.toml": 'ignore = ["NN501"]\nextend-exclude = ["gen"]\nseverity = {NN502 = "error"}',
            "nnlint.toml": 'extend = "base/shared.toml"\nignore = ["NN001"]\nextend-exclude = ["old"]',
        }
    )
    config = Workspace().config_for(str(root / "m.py"))
    found = config.settings_for(str(root / "m.py"))
    assert not {"NN501", "NN001"} & found.enabled
    assert found.severities["NN502"] is Severity.ERROR
    assert config.excludes.matches(str(root / "gen"))
    assert config.excludes.matches(str(root / "old"))
    origins = {row.origin for row in config.provenance() if row.key == "ignore"}
    assert origins == {str(root / "base/shared.toml"), str(root / "nnlint.toml")}


@pytest.mark.parametrize(
    ("name", "text", "row", "words"),
    [
        ("nnlint.toml", 'selct = ["NN501"]', 1, ("'selct'", "did you mean 'select'")),
        ("nnlint.toml", '\nper_file_ignores = {"a" = []}', 2, ("did you mean 'per-file-ignores'",)),
        ("nnlint.toml", "[tool.nnlint]\nselect = []", 1, ("'tool'", "at the top")),
        ("nnlint.toml", 'select = "NN501"', 1, ("'select'", "list of strings")),
        ("nnlint.toml", "select = [501]", 1, ("'select'", "list of strings")),
        ("nnlint.toml", 'ignore = ["NN999"]', 1, ("'ignore'", "unknown rule 'NN999'")),
        ("nnlint.toml", 'ignore = ["bias-before-nrm"]', 1, ("did you mean 'bias-before-norm'",)),
        ("nnlint.toml", '[severity]\nNN501 = "loud"', 1, ("'severity'", "'NN501'", "'loud'", "error, warning, info or hint")),
        ("nnlint.toml", 'severity = "error"', 1, ("'severity'", "table")),
        ("nnlint.toml", '[per-file-ignores]\n"tests" = "NN501"', 1, ("'per-file-ignores'", "'tests'", "list of strings")),
        ("nnlint.toml", 'baseline = "b.json"', 1, ("'baseline'", "not available in this version")),
        ("nnlint.toml", 'extend = "nowhere.toml"', 1, ("'extend'", "nowhere.toml")),
        ("nnlint.toml", 'extend = "nnlint.toml"', 1, ("extends itself",)),
        ("nnlint.toml", 'select = ["NN5"]\nselect = = 3', 2, ("TOML",)),
        ("nnlint.toml", "[deep]\nenabled = true", 1, ("'deep'", "'enabled'", "no project file may switch the deep check on")),
        ("nnlint.toml", '[deep]\npython = "/bin/sh"', 1, ("name a program to run",)),
        ("nnlint.toml", "[deep]\ntimout = 3", 1, ("'deep'", "did you mean 'timeout'")),
        ("nnlint.toml", "[deep]\ntimeout = -1", 1, ("'timeout'", "above 0")),
        ("nnlint.toml", "[deep]\nmodels = 3", 1, ("'models'", "array of tables")),
        ("nnlint.toml", '[[deep.models]]\ncall = "Net()"', 1, ("'models'", "no 'model'", "src/net.py::Net")),
        ("nnlint.toml", '[[deep.models]]\nmodel = "net.py"', 1, ("'model'", "a file and a class", "'net.py'")),
        ("nnlint.toml", '[[deep.models]]\nmodel = "net.py::Net"\ninputs = "(2, 3)"', 1, ("'inputs'", "did you mean 'input'")),
        ("nnlint.toml", '[[deep.models]]\nmodel = "net.py::Net"\ninput = "(2, 3"', 1, ("'input'", "Python expression", "'(2, 3'")),
        ("nnlint.toml", '[[deep.models]]\nmodel = "net.py::Net"\npython = "/bin/sh"', 1, ("'python'", "the keys are")),
        ("pyproject.toml", '[project]\nselect = 1\n[tool.nnlint]\nselct = ["NN5"]', 4, ("did you mean 'select'",)),
        ("pyproject.toml", "[tool]\nnnlint = 3", None, ("[tool.nnlint] must be a table",)),
    ],
)
def test_mistakes_name_file_place_and_cure(tree: Tree, name: str, text: str, row: int | None, words: tuple[str, ...]) -> None:
    root = tree({name: text})
    with pytest.raises(ConfigError) as error:
        settings(root)
    assert error.value.path == str(root / name)
    assert error.value.row == row
    assert str(error.value).startswith(f"{root / name}:")
    assert all(word in str(error.value) for word in words), str(error.value)


def test_every_key_of_the_config_is_taken(tree: Tree) -> None:
    found = settings(
        tree(
            {
                "base.toml": "",
                "pyproject.toml": """
                    [tool.nnlint]
                    select = ["ALL"]
                    ignore = ["NN001"]
                    extend-select = ["NN502"]
                    exclude = ["build"]
                    extend-exclude = ["gen"]
                    extend = "base.toml"
                    src = ["lib"]
                    severity = { NN5 = "warning" }
                    fixable = ["ALL"]
                    unfixable = []
                    extend-safe-fixes = []
                    extend-unsafe-fixes = []
                    per-file-ignores = { "tests/**" = ["ALL"] }
                    [tool.nnlint.deep]
                    timeout = 10
                    [[tool.nnlint.deep.models]]
                    model = "src/net.py::Net"
                    call = "Net(10)"
                    input = "(4, 3, 32, 32)"
                    target = "tokens(4, below=10)"
                    loss = "nn.CrossEntropyLoss()"
                    """,
            }
        )
    )
    assert found.severities["NN501"] is Severity.WARNING


def test_models_of_the_deep_check_lie_below_the_config(tree: Tree) -> None:
    root = tree({"nnlint.toml": '[deep]\ntimeout = 5\n[[deep.models]]\nmodel = "../net.py::Net"\ncall = " Net(3) "'})
    deep = Workspace().config_for(str(root / "m.py")).deep
    assert (deep.timeout, deep.origin) == (5.0, str(root / "nnlint.toml"))
    assert deep.models == (DeepModel(str(root.parent / "net.py"), "Net", "Net(3)"),)
    assert Workspace(isolated=True).config_for(str(root / "m.py")).deep == DeepSettings()


def test_overrides_are_stronger_than_files(tree: Tree) -> None:
    root = tree({"nnlint.toml": 'select = ["NN502"]'})
    layers = [read_assignment('ignore = ["NN502"]', str(root)), read_layer({"extend-select": ["NN501"]}, "editor", str(root))]
    enabled = Workspace(overrides=layers).settings_for(str(root / "m.py")).enabled
    assert "NN501" in enabled
    assert "NN502" not in enabled


def test_a_mistake_outside_a_file_names_its_origin() -> None:
    with pytest.raises(ConfigError, match="editor settings: unknown key 'selct'; did you mean 'select'"):
        read_layer({"selct": []}, "editor settings", "/")
    with pytest.raises(ConfigError, match=r"--config select=NN501: neither a file nor TOML"):
        read_assignment("select=NN501", "/")


def test_isolated_and_named_configs(tree: Tree) -> None:
    root = tree({"nnlint.toml": 'ignore = ["NN501"]', "other.toml": 'ignore = ["NN502"]'})
    path = str(root / "m.py")
    assert {"NN501", "NN502"} <= Workspace(isolated=True).settings_for(path).enabled
    named = Workspace(config_file=str(root / "other.toml")).settings_for(path).enabled
    assert "NN501" in named
    assert "NN502" not in named
    with pytest.raises(ConfigError, match="--isolated"):
        Workspace(isolated=True, config_file=str(root / "other.toml"))


def test_a_config_that_does_not_count_may_be_broken(tree: Tree) -> None:
    root = tree({"pyproject.toml": "[tool.nnlint]\nselect = = 1"})
    assert "NN501" in Workspace(isolated=True).settings_for(str(root / "m.py")).enabled
    assert Workspace(isolated=True).project_of(str(root / "m.py")).folder == str(root)


def test_an_unsaved_buffer_has_the_built_in_settings(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree({"nnlint.toml": 'ignore = ["NN501"]'}))
    workspace = Workspace()
    assert "NN501" in workspace.settings_for("untitled:Untitled-1").enabled
    assert workspace.project_of("untitled:Untitled-1").files == ()
