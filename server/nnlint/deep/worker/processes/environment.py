"""The environment variables that a user's model runs with."""

from __future__ import annotations

from collections.abc import Mapping

# What reaches the network, or lets somebody into a service there: a run has no business with either.
_DROPPED = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "SSH_AUTH_SOCK", "MLFLOW_TRACKING_URI"})
_DROPPED_STARTS = ("AWS_", "AZURE_", "GOOGLE_")
_DROPPED_ENDS = ("_TOKEN", "_API_KEY", "_SECRET", "_SECRET_KEY", "_PASSWORD")
# What would make the run a member of a distributed job, or of another Python's installation.
_DROPPED_MEMBERSHIPS = frozenset({"RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "PYTHONHOME", "PYTHONINSPECT"})
_GPUS = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")

_SET = {
    # Hubs answer from what they have downloaded before, trackers not at all.
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "WANDB_MODE": "disabled",
    "COMET_MODE": "disabled",
    "MPLBACKEND": "Agg",  # opens no window
    "PYTHONDONTWRITEBYTECODE": "1",
    # Compiled, a model computes the same later, with compilers running in processes of their own.
    "TORCHDYNAMO_DISABLE": "1",
    "TORCHINDUCTOR_COMPILE_THREADS": "1",
}


def environment(given: Mapping[str, str], folder: str, device: str) -> dict[str, str]:
    """The variables of a run on `device` with its temporary files in `folder`, where this process has those `given`."""
    kept = {name: value for name, value in given.items() if not _is_dropped(name.upper())}
    hidden = {} if device.startswith("cuda") else dict.fromkeys(_GPUS, "")
    return {**kept, **_SET, **hidden, "TMPDIR": folder}


def _is_dropped(name: str) -> bool:
    return name in _DROPPED or name in _DROPPED_MEMBERSHIPS or name.startswith(_DROPPED_STARTS) or name.endswith(_DROPPED_ENDS)
