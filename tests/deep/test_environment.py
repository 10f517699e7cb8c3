"""The variables that a model runs with."""

from __future__ import annotations

import pytest

from nnlint.deep.worker.processes.environment import environment

NAMES = [
    "http_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "WANDB_API_KEY",
    "AWS_PROFILE",
    "AWS_SECRET_ACCESS_KEY",
]


@pytest.mark.parametrize("name", [*NAMES, "GITHUB_TOKEN", "SSH_AUTH_SOCK", "MASTER_ADDR", "WORLD_SIZE", "PYTHONHOME"])
def test_what_leads_to_other_machines_or_processes_is_dropped(name: str) -> None:
    assert name not in environment({name: "x", "HOME": "/home/ada"}, "/tmp/run", "cpu")


@pytest.mark.parametrize("name", ["HOME", "PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "HF_HOME", "TORCH_HOME", "OMP_NUM_THREADS", "LANG"])
def test_what_finds_installed_things_is_kept(name: str) -> None:
    assert environment({name: "/somewhere"}, "/tmp/run", "cpu")[name] == "/somewhere"


def test_hubs_answer_offline_whatever_was_set() -> None:
    variables = environment({"HF_HUB_OFFLINE": "0", "WANDB_MODE": "online"}, "/tmp/run", "cpu")
    assert {variables[name] for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")} == {"1"}
    assert variables["WANDB_MODE"] == "disabled"


def test_gpus_are_hidden_unless_they_were_asked_for() -> None:
    given = {"CUDA_VISIBLE_DEVICES": "3"}
    assert environment(given, "/tmp/run", "cpu")["CUDA_VISIBLE_DEVICES"] == ""
    assert environment(given, "/tmp/run", "cuda:0")["CUDA_VISIBLE_DEVICES"] == "3"


def test_temporary_files_go_where_they_are_removed() -> None:
    assert environment({"TMPDIR": "/tmp"}, "/tmp/run", "cpu")["TMPDIR"] == "/tmp/run"
