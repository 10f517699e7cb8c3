"""Reads checkpoints without running any code of theirs, and writes them again: torch's own files and safetensors."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..failures import first_line
from ..problems import NoAnswer

_SAFETENSORS = ".safetensors"
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
_HEADER_SIZE = 8  # bytes of the number that says how long the header is
_LONGEST_HEADER = 100_000_000  # bytes, by the specification
_METADATA = "__metadata__"
_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8",
    "BOOL": "bool", "C64": "complex64",
}  # fmt: skip


@dataclass
class TorchFile:
    """What `torch.save()` wrote. Tensors keep their strides and the storages that they share."""

    content: Any

    def write(self, path: str) -> None:
        with open(path, "xb") as file:
            torch.save(self.content, file)
            _finish(file)


@dataclass(frozen=True)
class _Entry:
    """A tensor of a safetensors file: its line in the header, and its bytes."""

    described: dict[str, Any]
    data: memoryview
    tensor: Tensor


@dataclass
class SafetensorsFile:
    """A safetensors file: names and tensors in `content`, which may be changed. What is not is written byte for byte."""

    content: dict[str, Tensor]
    metadata: Any
    entries: dict[str, _Entry]

    def write(self, path: str) -> None:
        header: dict[str, Any] = {} if self.metadata is None else {_METADATA: self.metadata}
        bytes_of = {name: self._bytes(name, tensor) for name, tensor in self.content.items()}
        stored = sorted(self.content, key=lambda name: self.entries[name].described["data_offsets"])
        ends = dict(zip(stored, _running_sums(len(bytes_of[name]) for name in stored)))
        for name in self.content:
            header[name] = {**self.entries[name].described, "data_offsets": [ends[name] - len(bytes_of[name]), ends[name]]}
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
        text += b" " * (-len(text) % _HEADER_SIZE)
        with open(path, "xb") as file:
            file.write(len(text).to_bytes(_HEADER_SIZE, "little") + text)
            for name in stored:
                file.write(bytes_of[name])
            _finish(file)

    def _bytes(self, name: str, tensor: Tensor) -> memoryview:
        entry = self.entries[name]
        return entry.data if tensor is entry.tensor else bytes_of(tensor)


def read(path: str) -> TorchFile | SafetensorsFile:
    """The checkpoint at a path; raises `NoAnswer` for what is none, or could only be loaded by running code."""
    try:
        if path.endswith(_SAFETENSORS):
            return _read_safetensors(path)
        return TorchFile(torch.load(path, map_location="cpu", weights_only=True))
    except NoAnswer:
        raise
    except OSError as error:
        raise NoAnswer(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception as error:  # whatever a file that is none makes of the unpickler
        raise NoAnswer(_no_checkpoint(path, error)) from None


def bytes_of(tensor: Tensor) -> memoryview:
    """The numbers of a tensor as they lie in a contiguous one."""
    data = bytearray(tensor.numel() * tensor.element_size())
    if data:
        torch.frombuffer(data, dtype=tensor.dtype).copy_(tensor.detach().reshape(-1))
    return memoryview(data)


def _no_checkpoint(path: str, error: Exception) -> str:
    found = _GLOBAL.search(str(error))
    if found is not None:
        return (
            f"{path} cannot be loaded without running code: it holds `{found[1]}`, which weights_only=True does not let in; "
            "save what state_dict() returns instead of whole objects"
        )
    return f"{path} is no checkpoint that can be loaded with weights_only=True: {first_line(error)}"


def _finish(file: Any) -> None:
    """Sees to it that a file is on the disk before anybody is told that it is there."""
    file.flush()
    os.fsync(file.fileno())


# --- safetensors (https://github.com/huggingface/safetensors#format) ---


def _read_safetensors(path: str) -> SafetensorsFile:
    with open(path, "rb") as file:
        content = bytearray(file.read())
    length = int.from_bytes(content[:_HEADER_SIZE], "little")
    if len(content) < _HEADER_SIZE or length > min(_LONGEST_HEADER, len(content) - _HEADER_SIZE):
        raise NoAnswer(f"{path} is no safetensors file, or was cut off: its header is said to be {length:,} bytes long")
    start = _HEADER_SIZE + length
    try:
        header = json.loads(content[_HEADER_SIZE:start].decode("utf-8"), object_pairs_hook=_without_repetition)
        metadata = header.pop(_METADATA, None)
        data = memoryview(content)[start:]
        entries = {name: _entry(name, described, data) for name, described in header.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NoAnswer(f"{path} is no safetensors file: {first_line(error)}") from None
    _check_that_nothing_is_left(path, entries, len(data))
    return SafetensorsFile({name: entry.tensor for name, entry in entries.items()}, metadata, entries)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in the header")
    return found


def _entry(name: str, described: dict[str, Any], data: memoryview) -> _Entry:
    begin, end = described["data_offsets"]
    shape = [int(size) for size in described["shape"]]
    own = data[begin:end]
    dtype = getattr(torch, _DTYPES.get(described["dtype"], ""), None)
    if not 0 <= begin <= end or len(own) != end - begin:
        raise ValueError(f"{name} ends at byte {end:,} of {len(data):,}: the file was cut off")
    if dtype is None:  # carried along as it is
        return _Entry(described, own, _tensor(own, torch.uint8))
    tensor = _tensor(own, dtype)
    return _Entry(described, own, tensor.reshape(shape))


def _tensor(data: memoryview, dtype: Any) -> Tensor:
    return torch.frombuffer(data, dtype=dtype) if len(data) else torch.empty(0, dtype=dtype)


def _check_that_nothing_is_left(path: str, entries: dict[str, _Entry], size: int) -> None:
    """The tensors lie one behind the other, with nothing between them or after the last."""
    at = 0
    for begin, end in sorted(entry.described["data_offsets"] for entry in entries.values()):
        if begin != at:
            raise NoAnswer(
                f"{path} is no safetensors file: nothing says what bytes {min(at, begin):,} to {max(at, begin):,} of its data are"
            )
        at = end
    if at != size:
        raise NoAnswer(f"{path} is no safetensors file: {size - at:,} bytes more than its header speaks of")


def _running_sums(numbers: Iterable[int]) -> list[int]:
    sums = []
    total = 0
    for number in numbers:
        total += number
        sums.append(total)
    return sums
