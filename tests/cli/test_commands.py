"""The other commands of `nnlint`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from nnlint.rules import all_rules
from tests.cli.conftest import MODEL, Commands


def test_rule(commands: Commands) -> None:
    by_code, by_name = commands.nnlint("rule", "nn501"), commands.nnlint("rule", "bias-before-norm")
    assert by_code.status == 0
    assert by_code.out == by_name.out
    assert by_code.text == all_rules()["NN501"].page + "\n"


def test_rule_as_json(commands: Commands) -> None:
    item = json.loads(commands.nnlint("rule", "NN501", "--output-format", "json").out)
    assert item["code"] == "NN501"
    assert item["name"] == "bias-before-norm"
    assert item["default"] is True
    assert item["summary"]
    everything = json.loads(commands.nnlint("rule", "--all", "--output-format", "json").out)
    assert [rule["code"] for rule in everything] == list(all_rules())
    assert item in everything


def test_all_rules_as_text(commands: Commands) -> None:
    text = commands.nnlint("rule", "--all").text
    assert all(rule.page in text for rule in all_rules().values())


def test_rule_mistakes(commands: Commands) -> None:
    for arguments in ([], ["NN501", "--all"]):
        assert commands.nnlint("rule", *arguments).status == 2
    done = commands.nnlint("rule", "bias-before-nrm")
    assert (done.status, done.out) == (2, b"")
    assert "did you mean 'bias-before-norm'?" in done.err


def test_config(commands: Commands) -> None:
    commands.write({"nnlint.toml": 'ignore = ["NN502"]\n[severity]\nNN501 = "warning"\n', "sub/net.py": MODEL})
    done = commands.nnlint("config", "sub/net.py", "--config", 'unfixable = ["NN501"]', "--output-format", "json")
    facts = json.loads(done.out)
    own = str(commands.folder / "nnlint.toml")
    assert facts["config"] == own
    assert facts["project"] == str(commands.folder)
    assert facts["rules"]["NN501"] == "warning"
    assert facts["rules"]["NN502"] == "off"
    origins = {row["key"]: (row["value"], row["origin"]) for row in facts["settings"]}
    assert origins["ignore"] == (["NN502"], own)
    assert origins["severity"] == ({"NN501": "warning"}, own)
    assert origins["unfixable"] == (["NN501"], '--config unfixable = ["NN501"]')
    assert origins["select"][1] == "default"


def test_config_as_text(commands: Commands) -> None:
    commands.write({"nnlint.toml": 'ignore = ["NN502"]\nextend-exclude = ["old"]\n', "old/net.py": MODEL})
    done = commands.nnlint("config", "old/net.py")
    assert done.status == 0
    assert f'  ignore = ["NN502"]\n      from {commands.folder / "nnlint.toml"}' in done.text
    assert "excluded" in done.text
    assert "  NN502  off" in done.text


def test_config_mistakes(commands: Commands) -> None:
    commands.write({"nnlint.toml": "x = 1"})
    done = commands.nnlint("config", "a.py")
    assert (done.status, done.out) == (2, b"")
    assert "nnlint.toml:1: unknown key 'x'" in done.err


def test_graph(commands: Commands) -> None:
    commands.write({"a.py": MODEL})
    done = commands.nnlint("graph", "a.py::Net")
    assert done.status == 0
    assert "Net.forward" in done.text
    assert done.text.index("Conv2d") < done.text.index("BatchNorm2d")


def test_graph_formats(commands: Commands) -> None:
    commands.write({"a.py": MODEL})
    for name, beginning in [("text", "Net.forward\n"), ("mermaid", "flowchart TD\n"), ("dot", "digraph forward {\n"), ("svg", "<svg ")]:
        done = commands.nnlint("graph", "a.py::Net", "--format", name, "-o", f"out.{name}")
        assert (done.status, done.out) == (0, b"")
        assert (commands.folder / f"out.{name}").read_text("utf-8").startswith(beginning)
    refused = commands.nnlint("graph", "a.py::Net", "--format", "png")
    assert (refused.status, refused.out) == (2, b"")
    assert "'png' is not one of 'text', 'mermaid', 'dot', 'svg'" in refused.err


def test_graph_mistakes(commands: Commands) -> None:
    commands.write({"a.py": MODEL, "b.py": b"\xff"})
    for target, words in [("a.py", "FILE::CLASS"), ("a.py::Nothing", "Nothing"), ("no.py::Net", "no.py"), ("b.py::Net", "utf-8")]:
        done = commands.nnlint("graph", target)
        assert (done.status, done.out) == (2, b""), target
        assert words in done.err


def test_check_is_lsp_check(commands: Commands) -> None:
    commands.write({"a.py": MODEL})
    one, other = commands.check("--no-cache"), commands.nnlint("check", "--no-cache")
    assert (one.status, one.out, one.err) == (other.status, other.out, other.err)


def test_the_scripts_are_those_of_the_package() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"nnlint": "nnlint.cli.main:main", "lsp-check": "nnlint.cli.main:lsp_check"}


def test_the_server_starts_from_its_command(commands: Commands) -> None:
    initialize = {"id": 1, "method": "initialize", "params": {"processId": None, "rootUri": None, "capabilities": {}}}
    messages = [initialize, {"id": 2, "method": "shutdown"}, {"method": "exit"}]
    bodies = [json.dumps({"jsonrpc": "2.0", **message}) for message in messages]
    done = commands.nnlint("server", stdin="".join(f"Content-Length: {len(body)}\r\n\r\n{body}" for body in bodies).encode())
    assert b'"serverInfo"' in done.out, done.err
    assert done.status == 0
