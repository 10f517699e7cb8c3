"""The worker's part of `nnlint migrate`, on real files and real models: what is folded, what is kept, and what is refused."""

from __future__ import annotations

import json
import pickle
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nnlint.deep.worker.messages import Answer
from tests.deep.asking import PRELUDE, Told, request_for

pytestmark = pytest.mark.torch
torch: Any = pytest.importorskip("torch")

BLOCK = """\
class Block(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv = nn.Conv2d(i, o, 3, padding=1)  # ? NN501 nn.Conv2d(i, o, 3, padding=1)
        self.norm = nn.BatchNorm2d(o)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)))


class Net(nn.Module):
    def __init__(self, classes=5):
        super().__init__()
        self.body = nn.Sequential(Block(3, 6), Block(6, 8))
        self.head = nn.Linear(8, classes)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))
"""
FIXED = BLOCK.replace("  # ? NN501 nn.Conv2d(i, o, 3, padding=1)", "").replace("padding=1)", "padding=1, bias=False)")
BIASES = ["body.0.conv.bias", "body.1.conv.bias"]
MEANS = ["body.0.norm.running_mean", "body.1.norm.running_mean"]
INPUTS = "(4, 3, 8, 8)"


def load(source: str) -> SimpleNamespace:
    names: dict[str, Any] = {}
    exec(PRELUDE + source, names)
    return SimpleNamespace(**names)


def trained(source: str = BLOCK, model: str = "Net()", sizes: tuple[int, ...] = (4, 3, 8, 8), steps: int = 3) -> tuple[Any, Any]:
    """A model whose parameters and running statistics have moved, and its optimizer."""
    torch.manual_seed(1)
    net = eval(model, vars(load(source)))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        net(torch.randn(sizes)).square().mean().backward()
        optimizer.step()
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name.endswith("bias"):
                parameter += torch.randn(parameter.shape)
    return net, optimizer


def migrate(folder: Path, old: Path, source: str = BLOCK, model: str = "Net()", inputs: str = INPUTS) -> tuple[Answer, Path]:
    from nnlint.deep.worker import migration

    new = folder / f"new{old.suffix}"
    request = request_for(folder, source, model, "migrate", inputs=inputs)
    answer = migration.run(replace(request, options={"checkpoint": str(old), "output": str(new)}), Told())
    return answer, new


def refusal(folder: Path, old: Path, **how: Any) -> str:
    """Why a checkpoint is not migrated; it was not touched, and nothing was written."""
    from nnlint.deep.worker.problems import NoAnswer

    before = old.read_bytes()
    with pytest.raises(NoAnswer) as refused:
        migrate(folder, old, **how)
    assert old.read_bytes() == before
    return str(refused.value)


def saved(folder: Path, content: Any, name: str = "old.pt") -> Path:
    path = folder / name
    torch.save(content, path)
    return path


def loaded(path: Path) -> Any:
    return torch.load(path, weights_only=True)


def is_same(one: Any, other: Any) -> bool:
    """Whether two tensors are the same bit for bit, laid out alike."""
    if (one.dtype, one.shape, one.stride(), one.requires_grad) != (other.dtype, other.shape, other.stride(), other.requires_grad):
        return False
    return torch.equal(one.reshape(-1).view(torch.uint8), other.reshape(-1).view(torch.uint8)) if one.numel() else True


def folded(state: Any, new: Any, prefix: str = "", biases: list[str] = BIASES, means: list[str] = MEANS) -> None:
    """The one state is the other without its biases, which the running means have taken over; everything else is the same."""
    assert [key for key in state if key not in {prefix + bias for bias in biases}] == list(new)
    for bias, mean in zip(biases, means, strict=True):
        assert is_same(new[prefix + mean], state[prefix + mean] - state[prefix + bias])
    for key in new.keys() - {prefix + mean for mean in means}:
        assert is_same(new[key], state[key]), key


def difference(old: Any, new: Any, sizes: tuple[int, ...] = (4, 3, 8, 8)) -> float:
    x = torch.randn(sizes, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        one, other = old.double().eval()(x), new.double().eval()(x)
    return float((one - other).abs().max() / one.abs().max())


# --- what is folded, and what is kept ---


@pytest.mark.parametrize("source", [BLOCK, FIXED], ids=["file before the fix", "file after the fix"])
def test_a_state_dict_loads_strictly_into_the_fixed_model_and_evaluates_alike(source: str, tmp_path: Path) -> None:
    net, _ = trained()
    answer, new = migrate(tmp_path, saved(tmp_path, net.state_dict()), source)
    folded(net.state_dict(), loaded(new))
    fixed = load(FIXED).Net()
    fixed.load_state_dict(loaded(new), strict=True)
    assert difference(net, fixed) <= 1e-6
    assert answer.problem == ""
    assert [(layer["layer"], layer["norms"]) for layer in answer.details["layers"]] == [
        ("body.0.conv", ["body.0.norm"]),
        ("body.1.conv", ["body.1.norm"]),
    ]
    assert answer.details["exact"] <= 1e-9
    assert answer.details["written"] <= 1e-6


def test_the_container_of_a_state_and_its_versions_stay(tmp_path: Path) -> None:
    net, _ = trained()
    state = net.state_dict()
    _, new = migrate(tmp_path, saved(tmp_path, state))
    assert type(loaded(new)) is OrderedDict
    assert loaded(new)._metadata == state._metadata


@pytest.mark.parametrize(
    ("key", "prefix"),
    [("state_dict", "model."), ("model", ""), ("model", "module."), ("net", "_orig_mod."), ("net", "module._orig_mod.")],
)
def test_states_in_mappings_and_behind_prefixes_are_found(key: str, prefix: str, tmp_path: Path) -> None:
    net, _ = trained()
    state = {prefix + name: value for name, value in net.state_dict().items()}
    content = {"epoch": 3, key: state, "best": 0.5, "name": "net", "rng": torch.arange(5, dtype=torch.uint8)}
    _, new = migrate(tmp_path, saved(tmp_path, content))
    found = loaded(new)
    folded(state, found[key], prefix)
    assert list(found) == list(content)
    assert (found["epoch"], found["best"], found["name"]) == (3, 0.5, "net")
    assert torch.equal(found["rng"], content["rng"])


def test_what_a_compiled_part_is_called_does_not_matter(tmp_path: Path) -> None:
    net, _ = trained()
    state = {name.replace("body.", "body._orig_mod."): value for name, value in net.state_dict().items()}
    _, new = migrate(tmp_path, saved(tmp_path, state))
    folded(
        state,
        loaded(new),
        biases=[bias.replace("body.", "body._orig_mod.") for bias in BIASES],
        means=[mean.replace("body.", "body._orig_mod.") for mean in MEANS],
    )


def test_keys_of_other_things_beside_a_model_are_kept(tmp_path: Path) -> None:
    net, _ = trained()
    state = {f"model.{name}": value for name, value in net.state_dict().items()} | {"criterion.weight": torch.ones(5)}
    _, new = migrate(tmp_path, saved(tmp_path, {"state_dict": state}))
    folded(state, loaded(new)["state_dict"], "model.")


def test_an_average_of_the_whole_model_is_folded_by_its_own_biases(tmp_path: Path) -> None:
    net, _ = trained()
    average = {key: value * 0.9 if value.is_floating_point() else value for key, value in net.state_dict().items()}
    _, new = migrate(tmp_path, saved(tmp_path, {"model": net.state_dict(), "ema": average}))
    folded(net.state_dict(), loaded(new)["model"])
    folded(average, loaded(new)["ema"])


def test_two_copies_under_two_prefixes_of_one_state_are_folded(tmp_path: Path) -> None:
    net, _ = trained()
    other = {key: value * 2 if value.is_floating_point() else value for key, value in net.state_dict().items()}
    state = {f"student.{k}": v for k, v in net.state_dict().items()} | {f"teacher.{k}": v for k, v in other.items()}
    _, new = migrate(tmp_path, saved(tmp_path, state))
    found = loaded(new)
    for prefix, before in (("student.", net.state_dict()), ("teacher.", other)):
        own = {key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)}
        folded(before, own)


def test_strides_and_shared_storages_stay(tmp_path: Path) -> None:
    net, _ = trained()
    state = net.state_dict()
    flat = torch.randn(200)
    state["head.weight"] = flat[:40].view(8, 5).t()
    state["head.bias"] = flat[40:45]
    state["body.0.conv.weight"] = state["body.0.conv.weight"].to(memory_format=torch.channels_last)
    _, new = migrate(tmp_path, saved(tmp_path, state))
    found = loaded(new)
    folded(state, found)
    assert found["head.weight"].untyped_storage().data_ptr() == found["head.bias"].untyped_storage().data_ptr()
    assert found["head.weight"].untyped_storage().nbytes() == flat.untyped_storage().nbytes()


TIED = BLOCK.replace("self.head = ", "self.again = self.body[1]\n        self.head = ")


def test_a_layer_that_is_held_twice_is_folded_under_both_names(tmp_path: Path) -> None:
    net, _ = trained(TIED)
    state = net.state_dict()
    answer, new = migrate(tmp_path, saved(tmp_path, state), TIED)
    folded(state, loaded(new), biases=[*BIASES, "again.conv.bias"], means=[*MEANS, "again.norm.running_mean"])
    shared = [loaded(new)[f"{name}.norm.running_mean"].untyped_storage()._cdata for name in ("body.1", "again")]
    assert len(set(shared)) == 2 or shared  # two loads: compared below within one
    once = loaded(new)
    assert once["body.1.norm.running_mean"].data_ptr() == once["again.norm.running_mean"].data_ptr()
    assert len(answer.details["layers"]) == 2


ELSEWHERE = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 4, 1)  # ? NN501 nn.Conv2d(3, 4, 1)
        self.b = nn.Conv2d(3, 2, 3)  # ? NN501 nn.Conv2d(3, 2, 3)
        self.point = nn.Conv2d(6, 6, 1)  # ? NN501 nn.Conv2d(6, 6, 1)
        self.norm = nn.BatchNorm2d(6)
        self.c = nn.Conv2d(6, 4, 1)  # ? NN501 nn.Conv2d(6, 4, 1)
        self.plain = nn.InstanceNorm2d(4)
        self.out = nn.Linear(4, 4)  # ? NN501 nn.Linear(4, 4)
        self.last = nn.BatchNorm1d(4)

    def forward(self, x):
        x = torch.cat([F.max_pool2d(self.a(x), 3, 1), self.b(x)], 1)
        x = torch.relu(self.norm(self.point(x)))
        x = torch.tanh(self.plain(self.c(x))).flatten(2).transpose(1, 2)
        return self.last(self.out(x).transpose(1, 2))
"""


def test_biases_that_take_a_way_to_the_norm_arrive_as_what_they_have_become(tmp_path: Path) -> None:
    net, _ = trained(ELSEWHERE)
    state = net.state_dict()
    answer, new = migrate(tmp_path, saved(tmp_path, state), ELSEWHERE)
    found = loaded(new)
    assert [key for key in state if key not in found] == ["a.bias", "b.bias", "point.bias", "c.bias", "out.bias"]
    joined = torch.cat([state["a.bias"], state["b.bias"]]).double()
    arrived = state["point.weight"].flatten(1).double() @ joined + state["point.bias"].double()
    assert torch.allclose(found["norm.running_mean"].double(), state["norm.running_mean"].double() - arrived, atol=1e-6)
    assert torch.equal(found["last.running_mean"], state["last.running_mean"] - state["out.bias"])
    norms = {layer["layer"]: layer["norms"] for layer in answer.details["layers"]}
    assert norms == {"a": ["norm"], "b": ["norm"], "point": ["norm"], "c": ["plain"], "out": ["last"]}
    assert answer.details["means"] == ["norm.running_mean", "last.running_mean"]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_precisions_keep_their_type_and_say_what_rounding_costs(dtype: str, tmp_path: Path) -> None:
    net, _ = trained()
    state = net.to(getattr(torch, dtype)).state_dict()
    answer, new = migrate(tmp_path, saved(tmp_path, state))
    found = loaded(new)
    assert {value.dtype for value in found.values() if value.is_floating_point()} == {getattr(torch, dtype)}
    for bias, mean in zip(BIASES, MEANS, strict=True):
        assert torch.equal(found[mean], (state[mean].double() - state[bias].double()).to(getattr(torch, dtype)))
    assert answer.details["dtypes"] == [dtype]
    assert answer.details["exact"] <= 1e-9
    assert (answer.details["written"] > 1e-6) == (dtype != "float64")


# --- safetensors ---


def safetensors(path: Path, state: dict[str, Any], metadata: dict[str, str] | None = None) -> Path:
    """Writes a safetensors file by the specification, tensors in the order of the mapping."""
    kinds = {torch.float32: "F32", torch.float16: "F16", torch.int64: "I64"}
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    data = b""
    for name, value in state.items():
        own = bytes(value.contiguous().reshape(-1).view(torch.uint8).tolist())
        header[name] = {"dtype": kinds[value.dtype], "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(own)]}
        data += own
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def read_safetensors(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The header, and the bytes of each tensor."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    assert start + max(ends) == len(content)
    return header, {
        name: content[start + entry["data_offsets"][0] : start + entry["data_offsets"][1]]
        for name, entry in header.items()
        if name != "__metadata__"
    }


def test_a_safetensors_file_stays_one_and_keeps_all_other_bytes(tmp_path: Path) -> None:
    net, _ = trained()
    state = net.state_dict()
    old = safetensors(tmp_path / "old.safetensors", state, {"format": "pt", "made by": "größe"})
    _, new = migrate(tmp_path, old)
    (header, before), (new_header, after) = read_safetensors(old), read_safetensors(new)
    assert int.from_bytes(new.read_bytes()[:8], "little") % 8 == 0, "torch wants its numbers aligned"
    assert new_header["__metadata__"] == header["__metadata__"]
    assert list(new_header) == [name for name in header if name not in BIASES]
    for name, data in after.items():
        assert {**new_header[name], "data_offsets": 0} == {**header[name], "data_offsets": 0}
        assert (data == before[name]) == (name not in MEANS), name
    for bias, mean in zip(BIASES, MEANS, strict=True):
        assert torch.equal(torch.frombuffer(bytearray(after[mean]), dtype=torch.float32), state[mean] - state[bias])


def test_a_safetensors_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    net, _ = trained()
    old = safetensors(tmp_path / "old.safetensors", net.state_dict())
    old.write_bytes(old.read_bytes()[:-10])
    assert "cut off" in refusal(tmp_path, old)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x05",
        b"\xff" * 100,
        (2).to_bytes(8, "little") + b"[]",
        (2).to_bytes(8, "little") + b"{}more",
        (9).to_bytes(8, "little") + b"{}",
    ],
    ids=["empty", "a byte", "garbage", "a list", "more data than described", "a header beyond the end"],
)
def test_what_is_no_safetensors_file_is_refused(content: bytes, tmp_path: Path) -> None:
    old = tmp_path / "old.safetensors"
    old.write_bytes(content)
    assert "safetensors" in refusal(tmp_path, old)


def test_overlapping_tensors_in_a_safetensors_file_are_refused(tmp_path: Path) -> None:
    header = json.dumps({name: {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]} for name in "ab"}).encode()
    old = tmp_path / "old.safetensors"
    old.write_bytes(len(header).to_bytes(8, "little") + header + b"12")
    assert "nothing says" in refusal(tmp_path, old)


# --- optimizers ---


def test_the_state_of_an_optimizer_loses_the_parameters_and_goes_on(tmp_path: Path) -> None:
    net, optimizer = trained()
    names = [name for name, _ in net.named_parameters()]
    content = {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "scheduler": {"last_epoch": 3, "_last_lr": [0.05]}}
    answer, new = migrate(tmp_path, saved(tmp_path, content))
    found = loaded(new)
    fixed = load(FIXED).Net()
    fixed.load_state_dict(found["model"])
    resumed = torch.optim.Adam(fixed.parameters(), lr=0.05)
    resumed.load_state_dict(found["optimizer"])
    kept = [name for name in names if name not in BIASES]
    assert kept == [name for name, _ in fixed.named_parameters()]
    for number, name in enumerate(kept):
        before = optimizer.state_dict()["state"][names.index(name)]
        after = found["optimizer"]["state"][number]
        assert before.keys() == after.keys()
        assert all(is_same(torch.as_tensor(after[key]), torch.as_tensor(before[key])) for key in before)
    assert found["optimizer"]["param_groups"][0]["params"] == list(range(len(kept)))
    assert found["scheduler"] == content["scheduler"]
    assert answer.details["optimizers"] == ["['optimizer']"]


def split_optimizer(net: Any, **options: Any) -> Any:
    weights = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() <= 1]
    return torch.optim.AdamW([{"params": weights}, {"params": others, "weight_decay": 0.0}], **options)


def test_groups_by_weight_decay_are_told_apart_by_the_shapes_in_the_state(tmp_path: Path) -> None:
    net, _ = trained()
    optimizer = split_optimizer(net)
    net(torch.randn(4, 3, 8, 8)).square().mean().backward()
    optimizer.step()
    _, new = migrate(tmp_path, saved(tmp_path, {"model": net.state_dict(), "optimizer": optimizer.state_dict()}))
    found = loaded(new)
    fixed = load(FIXED).Net()
    resumed = split_optimizer(fixed)
    resumed.load_state_dict(found["optimizer"])
    moments = {name: optimizer.state[p]["exp_avg"] for name, p in net.named_parameters()}
    for name, parameter in fixed.named_parameters():
        assert torch.equal(resumed.state[parameter]["exp_avg"], moments[name]), name


def test_an_optimizer_that_nothing_tells_the_order_of_is_refused(tmp_path: Path) -> None:
    net, _ = trained()
    optimizer = split_optimizer(net)  # no step, so no state with shapes
    reason = refusal(tmp_path, saved(tmp_path, {"model": net.state_dict(), "optimizer": optimizer.state_dict()}))
    assert "['optimizer']" in reason
    assert "leave the optimizer's state out" in reason


def test_a_parameter_of_the_same_shape_in_another_group_makes_an_optimizer_ambiguous(tmp_path: Path) -> None:
    net, _ = trained()
    first, *rest = net.parameters()
    body = dict(net.named_parameters())
    some = [body["body.0.norm.weight"]]
    optimizer = torch.optim.Adam([{"params": [p for p in (first, *rest) if p is not some[0]]}, {"params": some}])
    net(torch.randn(4, 3, 8, 8)).square().mean().backward()
    optimizer.step()
    reason = refusal(tmp_path, saved(tmp_path, {"model": net.state_dict(), "optimizer": optimizer.state_dict()}))
    assert "nothing says which" in reason


def test_named_parameters_of_an_optimizer_are_found_by_name(tmp_path: Path) -> None:
    net, _ = trained()
    backwards = list(net.named_parameters())[::-1]
    optimizer = torch.optim.SGD([(f"module.{name}", p) for name, p in backwards], lr=0.1)
    state = optimizer.state_dict()
    if "param_names" not in state["param_groups"][0]:
        pytest.skip("this torch does not save the names of parameters")
    _, new = migrate(tmp_path, saved(tmp_path, {"model": net.state_dict(), "optimizer": state}))
    (group,) = loaded(new)["optimizer"]["param_groups"]
    assert group["param_names"] == [f"module.{name}" for name, _ in backwards if name not in BIASES]
    assert group["params"] == list(range(len(group["param_names"])))


# --- what is refused ---


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "old.pt"
    old.write_bytes(b"these are not the tensors" * 10)
    assert "no checkpoint" in refusal(tmp_path, old)


class Runs:
    """What a pickle does to whoever loads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_pickle_that_would_run_code_is_refused_and_does_not_run_it(tmp_path: Path) -> None:
    trap = tmp_path / "it ran"
    old = tmp_path / "old.pt"
    torch.save({"model": Runs(trap)}, old)
    assert "without running code" in refusal(tmp_path, old)
    old.write_bytes(pickle.dumps(Runs(trap), protocol=2))
    assert refusal(tmp_path, old)
    assert not trap.exists()


def test_a_checkpoint_of_a_whole_module_is_refused(tmp_path: Path) -> None:
    old = saved(tmp_path, {"model": torch.nn.Linear(2, 2)})
    assert "torch.nn.modules.linear.Linear" in refusal(tmp_path, old)


def test_a_checkpoint_without_a_layer_of_the_model_is_refused(tmp_path: Path) -> None:
    net, _ = trained()
    state = net.state_dict()
    del state["head.weight"]
    assert "lacks `head.weight`" in refusal(tmp_path, saved(tmp_path, state))


def test_a_checkpoint_with_layers_that_the_model_lacks_is_refused(tmp_path: Path) -> None:
    net, _ = trained()
    reason = refusal(tmp_path, saved(tmp_path, {**net.state_dict(), "extra.weight": torch.ones(2), "extra.bias": torch.ones(2)}))
    assert "has `extra.weight`, `extra.bias`, which the model does not" in reason


def test_a_checkpoint_of_other_sizes_is_refused(tmp_path: Path) -> None:
    net, _ = trained(model="Net(7)")
    assert "`head.weight` is (7, 8), and (5, 8) in the model" in refusal(tmp_path, saved(tmp_path, net.state_dict()))


def test_the_first_way_of_building_that_the_checkpoint_fits_is_taken(tmp_path: Path) -> None:
    from nnlint.deep.worker import migration

    net, _ = trained(model="Net(7)")
    old = saved(tmp_path, net.state_dict())
    request = request_for(tmp_path, BLOCK, "Net()", "migrate", inputs=INPUTS)
    ways = tuple(replace(request.ways[0], model=model) for model in ("Net()", "Net('?')", "Net(7)"))
    options = {"checkpoint": str(old), "output": str(tmp_path / "new.pt")}
    answer = migration.run(replace(request, ways=ways, options=options), Told())
    assert answer.model == "Net(7)"


def test_a_checkpoint_that_fits_already_has_nothing_to_be_migrated(tmp_path: Path) -> None:
    net, _ = trained(FIXED)
    assert "fits it as it is" in refusal(tmp_path, saved(tmp_path, net.state_dict()), source=FIXED)


def test_a_copy_that_was_migrated_already_is_refused(tmp_path: Path) -> None:
    net, _ = trained()
    done = {key: value for key, value in net.state_dict().items() if key not in BIASES}
    old = saved(tmp_path, {"model": net.state_dict(), "ema": done})
    assert "migrated before" in refusal(tmp_path, old, source=FIXED)


def test_averages_of_the_parameters_alone_are_refused(tmp_path: Path) -> None:
    net, _ = trained()
    named = {name: p.detach() for name, p in net.named_parameters()}
    assert "['ema']['body.0.conv.bias']" in refusal(tmp_path, saved(tmp_path, {"model": net.state_dict(), "ema": named}))
    plain = {"decay": 0.99, "shadow_params": list(named.values())}
    assert "['shadow_params'] is a list" in refusal(tmp_path, saved(tmp_path, {"model": net.state_dict(), "ema": plain}))


def test_a_bias_that_is_needed_is_refused(tmp_path: Path) -> None:
    source = BLOCK.replace("self.norm(self.conv(x))", "self.norm(torch.relu(self.conv(x)))")
    net, _ = trained(source)
    reason = refusal(tmp_path, saved(tmp_path, net.state_dict()), source=source)
    assert "`body.0.conv`, `body.1.conv` is not cancelled" in reason


def test_a_layer_that_the_run_does_not_reach_is_refused(tmp_path: Path) -> None:
    source = BLOCK.replace("self.head = ", "self.unused = Block(3, 4)\n        self.head = ")
    net, _ = trained(source)
    assert "`unused.conv` computes" in refusal(tmp_path, saved(tmp_path, net.state_dict()), source=source)


FUNCTIONAL = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)  # ? NN501 nn.Conv2d(3, 4, 3)
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("var", torch.ones(4))

    def forward(self, x):
        return F.batch_norm(self.conv(x), self.mean, self.var, training=self.training)
"""


def test_running_means_that_no_module_keeps_as_such_are_refused(tmp_path: Path) -> None:
    net, _ = trained(FUNCTIONAL)
    assert "the bias of `conv`" in refusal(tmp_path, saved(tmp_path, net.state_dict()), source=FUNCTIONAL)


LEAKING = {
    "to the output besides": ("norm(conv(x)) + conv(x)", "by other ways"),
    "not the same over a channel": ("norm(F.pad(conv(x), (1, 1)))", "not one number for each channel"),
    "at one of two calls": ("norm(conv(x)) + norm(x)", "at some of them only"),
}


@pytest.mark.parametrize(("forward", "reason"), LEAKING.values(), ids=LEAKING)
def test_a_bias_that_does_not_arrive_as_a_constant_is_refused(forward: str, reason: str) -> None:
    from nnlint.deep.worker.migration.folding import Evaluation
    from nnlint.deep.worker.problems import NoAnswer

    conv, norm = torch.nn.Conv2d(3, 3, 1).double(), torch.nn.BatchNorm2d(3).double()
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    names = {"conv": conv, "norm": norm, "F": torch.nn.functional, "x": x}
    evaluation = Evaluation(torch.nn.ModuleDict({"conv": conv, "norm": norm}), lambda: eval(forward, names))
    reference = evaluation.reference()
    conv.bias = None
    with pytest.raises(NoAnswer, match=reason):
        evaluation.shifts(reference)


HOOKED = FIXED.replace(
    """self.norm = nn.BatchNorm2d(o)
""",
    """self.norm = nn.BatchNorm2d(o)
        self._register_load_state_dict_pre_hook(self._absorb_bias_of_conv)

    @staticmethod
    def _absorb_bias_of_conv(state_dict, prefix, *_):
        bias = state_dict.pop(f"{prefix}conv.bias", None)
        mean = f"{prefix}norm.running_mean"
        if bias is not None and mean in state_dict:
            state_dict[mean] = state_dict[mean] - bias
""",
)


def test_a_file_whose_class_folds_old_biases_itself_is_migrated_all_the_same(tmp_path: Path) -> None:
    net, _ = trained()
    _, new = migrate(tmp_path, saved(tmp_path, net.state_dict()), HOOKED)
    folded(net.state_dict(), loaded(new))
