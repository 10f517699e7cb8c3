"""transformers: the base model of every configuration and the models for images, sound and series, with small numbers put into each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import torch
import transformers
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

# Imports what nearly every model does; each is judged in a fork of this process.
import_module("transformers.models.bert.modeling_bert")

TASKS = (
    "MODEL", "MODEL_FOR_IMAGE_CLASSIFICATION", "MODEL_FOR_OBJECT_DETECTION", "MODEL_FOR_SEMANTIC_SEGMENTATION",
    "MODEL_FOR_UNIVERSAL_SEGMENTATION",
    "MODEL_FOR_INSTANCE_SEGMENTATION", "MODEL_FOR_DEPTH_ESTIMATION", "MODEL_FOR_KEYPOINT_DETECTION", "MODEL_FOR_IMAGE_TO_IMAGE",
    "MODEL_FOR_IMAGE_MATTING", "MODEL_FOR_POSE_ESTIMATION", "MODEL_FOR_TEXT_RECOGNITION", "MODEL_FOR_TABLE_RECOGNITION", "MODEL_FOR_CTC",
    "MODEL_FOR_AUDIO_XVECTOR", "MODEL_FOR_SPEECH_SEQ_2_SEQ", "MODEL_FOR_TEXT_TO_SPECTROGRAM", "MODEL_FOR_TEXT_TO_WAVEFORM",
    "MODEL_FOR_TIME_SERIES_PREDICTION", "MODEL_FOR_VIDEO_CLASSIFICATION", "MODEL_FOR_MASKED_IMAGE_MODELING",
)  # fmt: skip
# How much is made small: everything, or (where sizes depend on one another in their own way) only what repeats.
SCALES = ("small", "shallow")


def _names() -> Iterator[str]:
    for task in TASKS:
        for model_type, classes in getattr(modeling_auto, f"{task}_MAPPING_NAMES").items():
            for name in [classes] if isinstance(classes, str) else classes:
                yield f"{model_type}/{name}"


def recipes() -> list[str]:
    return [f"{name}/{scale}" for name in dict.fromkeys(_names()) for scale in SCALES]


def _at_most(limit: int) -> Callable[[int], int]:
    return lambda value: min(value, limit)


def _narrow(value: int) -> int:
    return max(8, value // 64 * 8) if value > 32 else value


# What a configuration's number is, by its name: the first pattern that is found in the name decides.
_REPEATS: tuple[tuple[str, Callable[[int], int]], ...] = (
    (r"vocab_size|num_embeddings|codebook_size$", _at_most(99)),
    (r"(^|_)(n_layers?|layers|depths?|num_blocks|num_layers|num_hidden_layers|num_stages_per)$|_layers$|^num_.*_blocks$", _at_most(2)),
    (r"experts_per_tok|top_k|moe_topk", _at_most(2)),
    (r"num_.*experts|n_routed_experts", _at_most(4)),
    (r"num_queries|num_.*_queries$|num_query_tokens", _at_most(12)),
    (r"token_id$|token_index$", lambda value: value if value < 90 else 1),
)
_SIZES: tuple[tuple[str, Callable[[int], int]], ...] = (
    (r"max_(source|target)_positions|max_position|n_positions|max_seq", _at_most(256)),
    (r"image_size|input_size$|crop_size", _at_most(64)),
    (r"key_value_heads|kv_heads|num_kv", _at_most(2)),
    (r"heads$|n_head$|num_attention_heads|attention_heads", _at_most(4)),
    (r"head_dim|d_kv|kv_channels", _at_most(8)),
    (r"intermediate_size|ffn|d_ff|mlp_dim|d_inner|n_inner|feedforward", _at_most(48)),
    (r"num_channels|in_channels|input_dim|num_labels|mel|kernel|stride|ratio|group", lambda value: value),
    (r"hidden_sizes|embed_dims|channels$|widths?$|neck_hidden|dims$|conv_dim|tdnn_dim|out_features", _narrow),
    (r"hidden|d_model|embed|dim$|width|channels|_size$|n_embd", lambda value: 32 if value > 32 else value),
)


def _smaller(name: str, value: Any, scale: str) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_smaller(name, v, scale) for v in value)
    if type(value) is not int:
        return value
    rules = _REPEATS + _SIZES if scale == "small" else _REPEATS
    return next((change(value) for pattern, change in rules if re.search(pattern, name)), value)


def _configuration(cls: Any, scale: str) -> Any:
    usual = cls()
    changed: dict[str, Any] = {}
    for name, value in vars(usual).items():
        if name.startswith("_"):
            continue
        if isinstance(value, transformers.PreTrainedConfig):
            changed[name] = _configuration(type(value), scale)
        elif (smaller := _smaller(name, value, scale)) != value:
            changed[name] = smaller
    for name in ("use_cache", "output_hidden_states", "use_pretrained_backbone"):
        if hasattr(usual, name):
            changed[name] = False  # what is kept for the next call would count as output
    return cls(**changed)


def build(recipe: str) -> Any:
    model_type, name, scale = recipe.split("/")
    return getattr(transformers, name)(_configuration(CONFIG_MAPPING[model_type], scale))


def _number(config: Any, *names: str, default: int) -> int:
    for part in (config, *(v for v in vars(config).values() if isinstance(v, transformers.PreTrainedConfig))):
        for name in names:
            value = getattr(part, name, None)
            if isinstance(value, (list, tuple)) and value and isinstance(value[0], int):
                value = value[0]
            if isinstance(value, int) and not isinstance(value, bool):
                return value
    return default


def _tokens(config: Any, length: int) -> torch.Tensor:
    return torch.randint(3, max(4, min(90, _number(config, "vocab_size", default=90))), (2, length))


def _candidates(model: Any) -> Iterator[dict[str, Any]]:
    config, main = model.config, model.main_input_name
    channels = _number(config, "num_channels", "in_channels", "in_chans", default=3)
    if main == "pixel_values":
        for side in dict.fromkeys((_number(config, "image_size", default=64), 64, 128, 224)):
            yield {main: torch.randn(2, channels, side, side)}
        side = _number(config, "image_size", default=64)
        yield {main: torch.randn(2, _number(config, "num_frames", default=4), channels, side, side)}
    elif main == "input_values":
        mel = _number(config, "num_mel_bins", default=80)
        yield {main: torch.randn(2, 2000)}
        yield {main: torch.randn(2, 1, 4000)}
        yield {main: torch.randn(2, _number(config, "max_length", default=128), mel)}
    elif main in ("input_features", "spectrogram"):
        mel = _number(config, "num_mel_bins", "input_feat_per_channel", "feature_size", "input_dim", default=80)
        yield {main: torch.randn(2, mel, 2 * _number(config, "max_source_positions", default=50))}
        yield {main: torch.randn(2, 60, mel)}
        yield {main: torch.randn(2, mel, 60)}
        yield {main: torch.randn(2, 1, 1001, 64), "is_longer": torch.tensor([[False], [False]])}
    elif main == "past_values":
        yield from _series(config)
    else:
        tokens = {main: _tokens(config, 12)}
        yield tokens
        yield {**tokens, "bbox": torch.zeros(2, 12, 4, dtype=torch.long)}
        side = _number(config, "image_size", default=64)
        yield {**tokens, "pixel_values": torch.randn(2, channels, side, side)}
        yield {**tokens, "input_values": torch.randn(2, 2000)}
        yield {**tokens, "input_features": torch.randn(2, 60, _number(config, "num_mel_bins", default=80))}


def _series(config: Any) -> Iterator[dict[str, Any]]:
    length = _number(config, "context_length", default=32)
    inputs = _number(config, "num_input_channels", "input_size", default=1)
    shape = (2, length, inputs)
    yield {"past_values": torch.randn(shape)}
    yield {"past_values": torch.randn(2, length)}
    past = length + max(getattr(config, "lags_sequence", None) or [0])
    future = _number(config, "prediction_length", default=8)
    features = _number(config, "num_time_features", default=0)
    yield {
        "past_values": torch.randn(2, past), "past_time_features": torch.randn(2, past, features),
        "past_observed_mask": torch.ones(2, past), "future_values": torch.randn(2, future),
        "future_time_features": torch.randn(2, future, features),
    }  # fmt: skip


def inputs(model: Any, recipe: str) -> Iterator[dict[str, Any]]:
    taken = inspect.signature(model.forward).parameters
    quiet = {name: False for name in ("use_cache", "output_hidden_states", "output_attentions") if name in taken}
    for given in _candidates(model):
        yield given | quiet
        if "decoder_input_ids" in taken:
            yield given | quiet | {"decoder_input_ids": _tokens(model.config, 7)}
        if "decoder_input_values" in taken:
            yield given | quiet | {"decoder_input_values": torch.randn(2, 8, _number(model.config, "num_mel_bins", default=80))}
