"""`nnlint config`: the settings in force for a file and where each came from."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from nnlint.cli.errors import UsageMistake
from nnlint.cli.output import write_report

if TYPE_CHECKING:
    pass


@click.command("config")
@click.argument("file", metavar="FILE")
@click.option("--config", "configs", multiple=True, metavar="FILE|KEY=VALUE", help="A config file, or one setting as TOML.")
@click.option("--isolated", is_flag=True, help="Leave all config files aside.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(file: str, configs: tuple[str, ...], isolated: bool, output_format: str) -> None:
    """Shows the settings in force for FILE (it need not exist) and where each came from."""
    from nnlint.cli.layers import split_config
    from nnlint.workspace import ConfigError, Workspace

    try:
        config_file, assignments = split_config(configs)
        facts = _facts(Workspace(overrides=assignments, config_file=config_file, isolated=isolated), os.path.abspath(file))
    except ConfigError as error:
        raise UsageMistake(str(error)) from None
    write_report(json.dumps(facts, indent=2, ensure_ascii=False) + "\n" if output_format == "json" else _as_text(facts), None)


def _facts(workspace: Any, path: str) -> dict[str, Any]:
    from nnlint.rules import all_rules

    is_folder = os.path.isdir(path)
    probe = os.path.join(path, "_.py") if is_folder else path
    config, project, settings = workspace.config_for(probe), workspace.project_of(probe), workspace.settings_for(probe)
    loudness = {code: settings.severities.get(code, rule.severity).label for code, rule in all_rules().items()}
    return {
        "file": path,
        "config": config.config.path,
        "project": project.folder,
        "import_roots": list(project.import_roots),
        "project_files": len(project.files),
        "excluded": not is_folder and workspace.is_left_out(path),
        "rules": {code: label if code in settings.enabled else "off" for code, label in loudness.items()},
        "settings": [{"key": row.key, "value": _plain(row.value), "origin": row.origin} for row in config.provenance()],
    }


def _plain(value: Any) -> Any:
    """A value as TOML and JSON write it."""
    if isinstance(value, tuple) and value and all(isinstance(item, tuple) and len(item) == 2 for item in value):
        return {key: _plain(item) for key, item in value}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.label if hasattr(value, "label") else value


def _as_text(facts: dict[str, Any]) -> str:
    rows = [
        ("file", facts["file"] + (" (excluded: checked only where it is named)" if facts["excluded"] else "")),
        ("config", facts["config"] or "none"),
        ("project", f"{facts['project']} ({facts['project_files']} files)"),
        ("import roots", ", ".join(facts["import_roots"])),
    ]
    lines = [f"{name + ':':<14}{value}" for name, value in rows]
    lines += ["", "Settings"]
    for row in facts["settings"]:
        lines += [f"  {row['key']} = {json.dumps(row['value'], ensure_ascii=False)}", f"      from {row['origin']}"]
    lines += ["", "Rules", *(f"  {code}  {state}" for code, state in facts["rules"].items())]
    return "".join(f"{line}\n" for line in lines)
