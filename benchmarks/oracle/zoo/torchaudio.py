"""torchaudio: its models for speech and music, made small where their parameters allow it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torchaudio import models

_WAV2VEC = {
    "extractor_conv_layer_config": [(16, 10, 5), (16, 3, 2), (16, 3, 2)], "extractor_conv_bias": True, "encoder_embed_dim": 32,
    "encoder_projection_dropout": 0.1, "encoder_pos_conv_kernel": 4, "encoder_pos_conv_groups": 2, "encoder_num_layers": 2,
    "encoder_num_heads": 2, "encoder_attention_dropout": 0.1, "encoder_ff_interm_features": 64, "encoder_ff_interm_dropout": 0.1,
    "encoder_dropout": 0.1, "encoder_layer_norm_first": False, "encoder_layer_drop": 0.1, "aux_num_out": 5,
}  # fmt: skip


def _wavlm(mode: str) -> Any:
    rest = _WAV2VEC | {"encoder_num_buckets": 8, "encoder_max_distance": 16}
    return models.wavlm_model(extractor_mode=mode, **rest)


MODELS: dict[str, tuple[Callable[[], Any], Callable[[], tuple[Any, ...]]]] = {
    "conformer": (lambda: models.Conformer(16, 2, 32, 2, 3, dropout=0.1), lambda: (torch.randn(2, 20, 16), torch.tensor([20, 15]))),
    "conformer/group": (
        lambda: models.Conformer(16, 2, 32, 2, 3, use_group_norm=True, convolution_first=True),
        lambda: (torch.randn(2, 20, 16), torch.tensor([20, 15])),
    ),
    "conv_tasnet": (lambda: models.ConvTasNet(2, 8, 16, 3, 16, 24, 3, 2), lambda: (torch.randn(2, 1, 200),)),
    "conv_tasnet/softmax": (
        lambda: models.ConvTasNet(2, 8, 16, 3, 16, 24, 3, 2, msk_activate="relu"), lambda: (torch.randn(2, 1, 200),),
    ),
    "deepspeech": (lambda: models.DeepSpeech(16, n_hidden=24, n_class=5, dropout=0.1), lambda: (torch.randn(2, 1, 12, 16),)),
    "emformer": (
        lambda: models.Emformer(16, 2, 32, 2, 4, right_context_length=1), lambda: (torch.randn(2, 9, 16), torch.tensor([8, 8])),
    ),
    "emformer/memory": (
        lambda: models.Emformer(16, 2, 32, 2, 4, right_context_length=1, left_context_length=2, max_memory_size=2, tanh_on_mem=True),
        lambda: (torch.randn(2, 9, 16), torch.tensor([8, 8])),
    ),
    "hdemucs": (
        lambda: models.HDemucs(["a", "b"], audio_channels=2, channels=8, nfft=256, depth=4, norm_starts=2),
        lambda: (torch.randn(1, 2, 4096),),
    ),
    "hdemucs/normed": (
        lambda: models.HDemucs(["a", "b"], audio_channels=2, channels=8, nfft=4096, depth=6, norm_starts=1),
        lambda: (torch.randn(1, 2, 65536),),
    ),
    "rnnt": (
        lambda: models.emformer_rnnt_model(
            input_dim=8, encoding_dim=16, num_symbols=6, segment_length=4, right_context_length=1, time_reduction_input_dim=8,
            time_reduction_stride=2, transformer_num_heads=2, transformer_ffn_dim=16, transformer_num_layers=2, transformer_dropout=0.1,
            transformer_activation="gelu", transformer_left_context_length=4, transformer_max_memory_size=0,
            transformer_weight_init_scale_strategy="depthwise", transformer_tanh_on_mem=True, symbol_embedding_dim=8, num_lstm_layers=1,
            lstm_layer_norm=True, lstm_layer_norm_epsilon=1e-3, lstm_dropout=0.1,
        ),
        lambda: (torch.randn(2, 9, 8), torch.tensor([8, 8]), torch.randint(5, (2, 3)), torch.tensor([3, 3])),
    ),
    "squim_objective": (models.squim_objective_base, lambda: (torch.randn(1, 8000),)),
    "tacotron2": (
        lambda: models.Tacotron2(
            n_mels=8, n_symbol=10, symbol_embedding_dim=16, encoder_embedding_dim=16, decoder_rnn_dim=16, attention_rnn_dim=16,
            attention_hidden_dim=12, attention_location_n_filter=4, attention_location_kernel_size=5, prenet_dim=8,
            postnet_embedding_dim=16,
        ),
        lambda: (torch.randint(10, (2, 7)), torch.tensor([7, 6]), torch.randn(2, 8, 9), torch.tensor([9, 8])),
    ),
    "wav2letter": (lambda: models.Wav2Letter(num_classes=5, input_type="mfcc", num_features=8), lambda: (torch.randn(2, 8, 80),)),
    "wav2letter/waveform": (lambda: models.Wav2Letter(num_classes=5, num_features=1), lambda: (torch.randn(1, 1, 16000),)),
    "wav2vec2/group": (lambda: models.wav2vec2_model(extractor_mode="group_norm", **_WAV2VEC), lambda: (torch.randn(2, 800),)),
    "wav2vec2/layer": (lambda: models.wav2vec2_model(extractor_mode="layer_norm", **_WAV2VEC), lambda: (torch.randn(2, 800),)),
    "wavlm/group": (lambda: _wavlm("group_norm"), lambda: (torch.randn(2, 800),)),
    "wavernn": (
        lambda: models.WaveRNN([4, 4], 8, 16, n_res_block=2, n_rnn=16, n_fc=16, kernel_size=3, n_freq=8, n_hidden=16, n_output=12),
        lambda: (torch.randn(2, 1, (10 - 2) * 16), torch.randn(2, 1, 8, 10)),
    ),
}  # fmt: skip


def recipes() -> list[str]:
    return list(MODELS)


def build(recipe: str) -> Any:
    return MODELS[recipe][0]()


def inputs(model: Any, recipe: str) -> Iterator[tuple[Any, ...]]:
    yield MODELS[recipe][1]()
