"""Classes of packages on PyPI whose constructors want something particular, and inputs that are found for them.

What the packages import besides torch is not installed: what their modules do with it is left out.
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from nnlint.deep.worker.building import Built, build
from nnlint.deep.worker.messages import Limits, Request, Way
from nnlint.deep.worker.running.sites import construction_of
from scripts.fetch_corpus import fetch

pytestmark = [pytest.mark.torch, pytest.mark.corpus, pytest.mark.slow]

# Package, module, what to construct, and the inputs that are found for it.
AWKWARD = [
    # A function from one layer to the next, and pairs of sizes.
    ("labml-nn", "labml_nn.gan.cycle_gan", "GeneratorResNet(3, 2)", "(4, 3, 32, 32)"),
    ("labml-nn", "labml_nn.gan.cycle_gan", "Discriminator((3, 64, 64))", "(4, 3, 32, 32)"),
    # Layers that are given to be copied, each constructed with arguments of its own.
    (
        "labml-nn",
        "labml_nn.conv_mixer",
        "ConvMixer(ConvMixerLayer(16, 7), 2, PatchEmbeddings(16, 4, 3), ClassificationHead(16, 10))",
        "(4, 3, 32, 32)",
    ),
    ("labml-nn", "labml_nn.transformers.gmlp", "GMLPBlock(32, 64, 20)", '{"x": (4, 16, 32)}'),
    # A matrix of groups of columns.
    (
        "pytorch-tabnet",
        "pytorch_tabnet.tab_network",
        "TabNetPretraining(12, 0.2, group_attention_matrix=torch.eye(12))",
        "(4, 12)",
    ),
    ("elegantrl", "elegantrl.net", "ActorSAC(32, state_dim=5, action_dim=2, if_use_dn=True)", "(4, 5)"),
    ("torchgan", "torchgan.models.dcgan", "DCGANDiscriminator(in_size=64, in_channels=1, step_channels=8)", "(4, 1, 64, 64)"),
    (
        "torchgan",
        "torchgan.models.conditional",
        "ConditionalGANGenerator(num_classes=5, encoding_dims=16, out_size=32)",
        '{"z": (4, 16), "y": tokens(4, below=5)}',
    ),
    # A class of neurons in place of the activation.
    ("spikingjelly", "spikingjelly.activation_based.model.spiking_resnet", "spiking_resnet18(spiking_neuron=nn.ReLU)", "(4, 3, 32, 32)"),
    # Configurations as dicts.
    (
        "open-clip-torch",
        "open_clip.model",
        "CLIP(embed_dim=32, vision_cfg={'image_size': 32, 'layers': 2, 'width': 64, 'head_width': 32, 'patch_size': 8},"
        " text_cfg={'context_length': 12, 'vocab_size': 100, 'width': 32, 'heads': 2, 'layers': 2})",
        "(4, 3, 32, 32)",
    ),
    ("open-clip-torch", "open_clip.modified_resnet", "ModifiedResNet([1, 1, 1, 1], 16, heads=2, image_size=64, width=8)", "(4, 3, 64, 64)"),
    (
        "timm",
        "timm.models.swin_transformer",
        "SwinTransformer(img_size=56, patch_size=2, embed_dim=24, depths=(2, 2), num_heads=(2, 4))",
        "(4, 3, 56, 56)",
    ),
    # A class of blocks, and how many.
    ("timm", "timm.models.resnet", "ResNet(BasicBlock, [1, 1, 1, 1], num_classes=5)", "(4, 3, 32, 32)"),
    (
        "joeynmt",
        "joeynmt.encoders",
        "RecurrentEncoder(hidden_size=16, emb_size=12, num_layers=2)",
        '{"src_embed": (4, 16, 12), "src_length": torch.arange(16, 12, -1), "mask": torch.ones(4, 16)}',
    ),
    ("d2l", "d2l.torch", "BERTModel(200, 32, 64, 4, 2, 0.2)", '{"tokens": tokens(4, 16, below=200), "segments": tokens(4, 16, below=2)}'),
    ("yolov5", "yolov5.models.common", "C3(16, 32, n=2)", "(4, 16, 32, 32)"),
    ("semilearn", "semilearn.nets.wrn.wrn", "WideResNet(first_stride=1, num_classes=10, depth=10, widen_factor=1)", "(4, 3, 32, 32)"),
    # Several samples are packed into one: 4 x 8 features.
    ("ctgan", "ctgan.synthesizers.ctgan", "Discriminator(8, (16, 16), pac=4)", "(4, 32)"),
    ("pfrl", "pfrl.q_functions", "DuelingDQN(4)", "(4, 4, 84, 84)"),
    ("deepctr-torch", "deepctr_torch.layers.interaction", "CIN(8, (16, 16))", "(4, 8, 16)"),
]


def _built(package: str, module: str, model: str) -> Built:
    root = fetch(package)
    file = root.joinpath(*module.split("."))
    path = file.with_suffix(".py") if file.with_suffix(".py").exists() else file / "__init__.py"
    roots = (str(root), str(fetch("timm")))  # open-clip-torch imports it
    way = Way("a call", module, str(path), model)
    return build(Request("check", model.partition("(")[0], roots, (way,), limits=Limits(seconds=60)), lambda *_: None)


@pytest.mark.parametrize(
    ("package", "module", "model", "inputs"), AWKWARD, ids=[f"{package}-{model[:24]}" for package, _, model, _ in AWKWARD]
)
def test_an_awkward_class_is_built_and_called(package: str, module: str, model: str, inputs: str) -> None:
    built = _built(package, module, model)
    assert built.described == inputs
    with torch.no_grad():
        built.model(*built.args, **built.kwargs)
    layers = [m for m in built.model.modules() if m is not built.model and any(True for _ in m.parameters(recurse=False))]
    made = [construction_of(layer) for layer in layers]
    assert layers and all(made)
    root = Path(fetch(package)).resolve()
    assert any(Path(place.path).is_relative_to(root) for construction in made if construction is not None for place in construction.places)
