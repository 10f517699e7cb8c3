"""monai: its networks for medical images, small, in two and three dimensions, with several of its norms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from monai.networks import blocks, nets

Recipe = tuple[Callable[..., Any], dict[str, Any], list[tuple[int, ...]]]

_PLANE, _CUBE = (4, 1, 32, 32), (2, 1, 32, 32, 32)
_WIDTHS = {"channels": (4, 8, 12), "strides": (2, 2)}
_CODED = {"channels": (4, 8, 12), "strides": (2, 2, 1)}
_SMALL_KL = {"channels": (8, 8, 16), "num_res_blocks": 1, "norm_num_groups": 4, "attention_levels": (False, False, True)}


def _made() -> dict[str, Recipe]:
    made: dict[str, Recipe] = {}

    def add(name: str, cls: Callable[..., Any], *shapes: tuple[int, ...], **arguments: Any) -> None:
        made[name] = (cls, arguments, list(shapes))

    for norm in ("instance", "batch", ("group", {"num_groups": 2})):
        label = norm if isinstance(norm, str) else norm[0]
        add(f"unet/{label}", nets.UNet, _PLANE, spatial_dims=2, in_channels=1, out_channels=2, num_res_units=2, norm=norm, **_WIDTHS)
        add(f"basic_unet/{label}", nets.BasicUNet, _PLANE, spatial_dims=2, features=(4, 4, 8, 8, 8, 4), norm=norm)
        add(f"basic_unetpp/{label}", nets.BasicUNetPlusPlus, _PLANE, spatial_dims=2, features=(4, 4, 8, 8, 8, 4), norm=norm)
        add(
            f"autoencoder/{label}",
            nets.AutoEncoder,
            _PLANE,
            spatial_dims=2,
            in_channels=1,
            out_channels=1,
            inter_channels=(8,),
            norm=norm,
            **_CODED,
        )
        add(f"segresnet/{label}", nets.SegResNet, _PLANE, spatial_dims=2, norm=norm, dropout_prob=0.1)
        add(f"segresnet_ds/{label}", nets.SegResNetDS, _PLANE, spatial_dims=2, init_filters=8, norm=norm, blocks_down=(1, 1, 1), dsdepth=2)
        add(
            f"unetr/{label}",
            nets.UNETR,
            _PLANE,
            in_channels=1,
            out_channels=2,
            img_size=32,
            feature_size=4,
            hidden_size=24,
            mlp_dim=32,
            num_heads=2,
            norm_name=norm,
            spatial_dims=2,
        )
        add(
            f"swin_unetr/{label}",
            nets.SwinUNETR,
            (2, 1, 64, 64),
            in_channels=1,
            out_channels=2,
            feature_size=12,
            norm_name=norm,
            spatial_dims=2,
            depths=(1, 1, 1, 1),
            num_heads=(1, 1, 2, 2),
            window_size=4,
        )
        add(
            f"densenet/{label}",
            nets.DenseNet,
            _PLANE,
            spatial_dims=2,
            in_channels=1,
            out_channels=2,
            init_features=8,
            growth_rate=8,
            block_config=(2, 2),
            norm=norm,
        )
        add(f"regressor/{label}", nets.Regressor, _PLANE, in_shape=(1, 32, 32), out_shape=(2,), norm=norm, **_WIDTHS)
        for res in (False, True):
            add(
                f"dynunet/{label}/{res}",
                nets.DynUNet,
                _PLANE,
                spatial_dims=2,
                in_channels=1,
                out_channels=2,
                kernel_size=[3, 3, 3],
                strides=[1, 2, 2],
                upsample_kernel_size=[2, 2],
                filters=[4, 8, 8],
                norm_name=norm,
                res_block=res,
                trans_bias=res,
            )
    add("unet/plain", nets.UNet, _PLANE, spatial_dims=2, in_channels=1, out_channels=2, **_WIDTHS)
    add("unet/no norm", nets.UNet, _PLANE, spatial_dims=2, in_channels=1, out_channels=2, norm=None, adn_ordering="A", **_WIDTHS)
    add("unet/3d", nets.UNet, _CUBE, spatial_dims=3, in_channels=1, out_channels=2, num_res_units=1, **_WIDTHS)
    for mode in ("transpose", "nearest"):
        add(f"ahnet/{mode}", nets.AHNet, (1, 1, 64, 64, 32), spatial_dims=3, layers=(1, 1, 1, 1), psp_block_num=2, upsample_mode=mode)
        add(f"ahnet/2d/{mode}", nets.AHNet, (2, 1, 128, 128), spatial_dims=2, layers=(1, 1, 1, 1), psp_block_num=2, upsample_mode=mode)
    add("attention_unet", nets.AttentionUnet, _PLANE, spatial_dims=2, in_channels=1, out_channels=2, **_WIDTHS)
    add("autoencoder_kl", nets.AutoencoderKL, _PLANE, spatial_dims=2, latent_channels=4, **_SMALL_KL)
    add("classifier", nets.Classifier, _PLANE, in_shape=(1, 32, 32), classes=3, **_WIDTHS)
    add("classifier/batch", nets.Classifier, _PLANE, in_shape=(1, 32, 32), classes=3, norm="batch", num_res_units=0, **_WIDTHS)
    add("critic", nets.Critic, _PLANE, in_shape=(1, 32, 32), **_WIDTHS)
    add("discriminator", nets.Discriminator, _PLANE, in_shape=(1, 32, 32), **_WIDTHS)
    add("generator", nets.Generator, (4, 5), latent_shape=(5,), start_shape=(8, 4, 4), channels=(8, 4), strides=(2, 1))
    add("daf3d", nets.DAF3D, (1, 1, 32, 32, 32), in_channels=1, out_channels=2)
    add(
        "diffusion_encoder",
        nets.diffusion_model_unet.DiffusionModelEncoder,
        spatial_dims=2,
        in_channels=1,
        out_channels=2,
        input_shape=(32, 32),
        num_head_channels=4,
        **_SMALL_KL,
    )
    add("efficientnet", nets.EfficientNetBN, (2, 3, 64, 64), model_name="efficientnet-b0", pretrained=False)
    add(
        "flexible_unet/bias",
        nets.FlexibleUNet,
        (2, 3, 64, 64),
        in_channels=3,
        out_channels=2,
        backbone="efficientnet-b0",
        decoder_channels=(16, 8, 8, 8, 4),
        decoder_bias=True,
    )
    add(
        "flexible_unet/resnet",
        nets.FlexibleUNet,
        (2, 3, 64, 64),
        in_channels=3,
        out_channels=2,
        backbone="resnet18",
        decoder_channels=(16, 8, 8, 8, 4),
        upsample="deconv",
    )
    add("fully_connected", nets.FullyConnectedNet, (4, 7), in_channels=7, out_channels=3, hidden_channels=[8, 6], dropout=0.1)
    add("fully_connected/normed", nets.FullyConnectedNet, (4, 7), in_channels=7, out_channels=3, hidden_channels=[8, 6], adn_ordering="NDA")
    add(
        "var_fully_connected",
        nets.VarFullyConnectedNet,
        (4, 7),
        in_channels=7,
        out_channels=3,
        latent_size=3,
        encode_channels=[8],
        decode_channels=[8],
    )
    for bias in (False, True):
        add(f"highresnet/{bias}", nets.HighResNet, (2, 1, 16, 16), spatial_dims=2, bias=bias)
        add(f"vnet/{bias}", nets.VNet, (2, 1, 32, 32), spatial_dims=2, bias=bias)
        add(f"restormer/{bias}", nets.restormer.Restormer, (2, 3, 16, 16), dim=8, heads=(1, 1, 2, 2), num_refinement_blocks=1, bias=bias)
    for mode in ("original", "fast"):
        add(f"hovernet/{mode}", nets.HoVerNet, (1, 3, 270, 270) if mode == "original" else (1, 3, 256, 256), mode=mode, out_classes=3)
    add(
        "mae",
        nets.MaskedAutoEncoderViT,
        _PLANE,
        in_channels=1,
        img_size=32,
        patch_size=8,
        hidden_size=24,
        mlp_dim=32,
        num_layers=2,
        num_heads=2,
        decoder_hidden_size=24,
        decoder_mlp_dim=32,
        decoder_num_layers=1,
        decoder_num_heads=2,
        spatial_dims=2,
    )
    for norm in ("group", "layer"):
        add(
            f"mednext/{norm}",
            nets.MedNeXt,
            _PLANE,
            spatial_dims=2,
            init_filters=4,
            norm_type=norm,
            blocks_down=(1, 1),
            blocks_bottleneck=1,
            blocks_up=(1, 1),
            encoder_expansion_ratio=(2, 2),
            decoder_expansion_ratio=(2, 2),
            deep_supervision=True,
        )
    for mode in ("mean", "max", "att", "att_trans"):
        add(f"mil/{mode}", nets.MILModel, (2, 3, 3, 64, 64), num_classes=2, mil_mode=mode, pretrained=False, backbone="resnet18")
    for norm in ("instance", "batch"):
        add(
            f"patch_discriminator/{norm}",
            nets.PatchDiscriminator,
            _PLANE,
            spatial_dims=2,
            channels=4,
            in_channels=1,
            norm=norm,
            bias=True,
            num_layers_d=2,
        )
        add(
            f"patch_discriminator/{norm}/default",
            nets.MultiScalePatchDiscriminator,
            (2, 1, 64, 64),
            num_d=2,
            num_layers_d=2,
            spatial_dims=2,
            channels=4,
            in_channels=1,
            norm=norm,
        )
    for se in ("None", "CSE"):
        add(f"quicknat/{se}", nets.Quicknat, _PLANE, num_channels=1, num_filters=8, se_block=se)
    for pooling, skip in ((True, False), (False, True)):
        add(
            f"regunet/{pooling}",
            nets.RegUNet,
            _PLANE,
            spatial_dims=2,
            in_channels=1,
            num_channel_initial=4,
            depth=2,
            pooling=pooling,
            concat_skip=skip,
        )
        add(
            f"localnet/{pooling}",
            nets.LocalNet,
            _PLANE,
            spatial_dims=2,
            in_channels=1,
            num_channel_initial=4,
            extract_levels=(0, 1, 2),
            pooling=pooling,
            concat_skip=skip,
            use_additive_sampling=pooling,
        )
        add(
            f"globalnet/{pooling}",
            nets.GlobalNet,
            _PLANE,
            image_size=[32, 32],
            spatial_dims=2,
            in_channels=1,
            num_channel_initial=4,
            depth=2,
            pooling=pooling,
            concat_skip=skip,
        )
    for shortcut in ("A", "B"):
        for bias in (False, True):
            add(
                f"resnet/{shortcut}/{bias}",
                nets.ResNet,
                (2, 1, 64, 64),
                block="basic" if bias else "bottleneck",
                layers=[1, 1, 1, 1],
                block_inplanes=[8, 8, 16, 16],
                spatial_dims=2,
                n_input_channels=1,
                shortcut_type=shortcut,
                num_classes=3,
                bias_downsample=bias,
            )
    add("segresnet_vae", nets.SegResNetVAE, _PLANE, input_image_size=(32, 32), spatial_dims=2, init_filters=8)
    add("senet", nets.SEResNet50, (2, 1, 64, 64), spatial_dims=2, in_channels=1, num_classes=3, layers=(1, 1, 1, 1))
    add("senet/next", nets.SEResNext50, (2, 1, 64, 64), spatial_dims=2, in_channels=1, num_classes=3, layers=(1, 1, 1, 1))
    add("senet/154", nets.SENet154, (2, 1, 64, 64), spatial_dims=2, in_channels=1, num_classes=3, layers=(1, 1, 1, 1))
    add("torchvision_fc", nets.TorchVisionFCModel, (2, 3, 224, 224), use_conv=True)
    add(
        "var_autoencoder",
        nets.VarAutoEncoder,
        _PLANE,
        spatial_dims=2,
        in_shape=(1, 32, 32),
        out_channels=1,
        latent_size=3,
        inter_channels=(8,),
        **_CODED,
    )
    for proj in ("conv", "perceptron"):
        add(
            f"vit/{proj}",
            nets.ViT,
            _PLANE,
            in_channels=1,
            img_size=32,
            patch_size=8,
            hidden_size=24,
            mlp_dim=32,
            num_layers=2,
            num_heads=2,
            proj_type=proj,
            spatial_dims=2,
            classification=True,
            qkv_bias=True,
        )
    add(
        "vit_autoencoder",
        nets.ViTAutoEnc,
        _PLANE,
        in_channels=1,
        img_size=32,
        patch_size=4,
        hidden_size=24,
        mlp_dim=32,
        num_layers=2,
        num_heads=2,
        spatial_dims=2,
    )
    add(
        "voxelmorph/instance",
        nets.VoxelMorphUNet,
        (2, 2, 32, 32),
        spatial_dims=2,
        in_channels=2,
        unet_out_channels=4,
        channels=(4, 8, 4, 4),
        final_conv_channels=(4,),
        norm="instance",
    )
    add(
        "vqvae",
        nets.VQVAE,
        _PLANE,
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        channels=(8, 8),
        num_res_channels=(8, 8),
        num_res_layers=1,
        downsample_parameters=((2, 4, 1, 1),) * 2,
        upsample_parameters=((2, 4, 1, 1, 0),) * 2,
        embedding_dim=4,
        num_embeddings=8,
    )
    for norm in ("batch", "instance"):
        for dimensions, shape in ((2, (2, 4, 16, 16)), (3, (2, 4, 8, 8, 8))):
            common = {"spatial_dims": dimensions, "in_channels": 4}
            add(f"block/aspp/{norm}/{dimensions}", blocks.SimpleASPP, shape, conv_out_channels=4, norm_type=norm, bias=True, **common)
            add(f"block/residual/{norm}/{dimensions}", blocks.ResidualUnit, shape, out_channels=6, norm=norm, subunits=3, **common)
            add(
                f"block/convolution/{norm}/{dimensions}",
                blocks.Convolution,
                shape,
                out_channels=6,
                norm=norm,
                is_transposed=True,
                strides=2,
                **common,
            )
            add(
                f"block/unet/{norm}/{dimensions}",
                blocks.UnetResBlock,
                shape,
                out_channels=6,
                kernel_size=3,
                stride=2,
                norm_name=norm,
                **common,
            )
            add(f"block/dense/{norm}/{dimensions}", blocks.ConvDenseBlock, shape, channels=[4, 6], norm=norm, **common)
            add(f"block/fcn/{norm}/{dimensions}", blocks.ResidualSELayer, shape, **common)
            add(
                f"block/se/{norm}/{dimensions}",
                blocks.SEResNeXtBottleneck,
                (2, 16, *shape[2:]),
                spatial_dims=dimensions,
                inplanes=16,
                planes=4,
                groups=2,
                reduction=2,
            )
    for crf in ("FCN", "MCFCN", "GCN", "Refine"):
        if crf in ("FCN", "MCFCN"):
            add(f"block/{crf}", getattr(blocks.fcn, crf), (2, 3, 64, 64), pretrained=False, out_channels=2)
        else:
            add(
                f"block/{crf}",
                getattr(blocks.fcn, crf),
                (2, 8, 16, 16),
                **({"inplanes": 8, "planes": 4} if crf == "GCN" else {"planes": 8}),
            )
    add(
        "diffusion_unet",
        nets.DiffusionModelUNet,
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        with_conditioning=True,
        cross_attention_dim=6,
        num_head_channels=4,
        **_SMALL_KL,
    )
    add(
        "diffusion_unet/plain",
        nets.DiffusionModelUNet,
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        resblock_updown=True,
        num_head_channels=4,
        **_SMALL_KL,
    )
    add("spade", nets.SPADENet, spatial_dims=2, in_channels=1, out_channels=1, label_nc=3, input_shape=[32, 32], channels=[8, 8], z_dim=6)
    add(
        "decoder_only",
        nets.DecoderOnlyTransformer,
        num_tokens=9,
        max_seq_len=8,
        attn_layers_dim=16,
        attn_layers_depth=2,
        attn_layers_heads=2,
    )
    add("block/cross_attention", blocks.CrossAttentionBlock, hidden_size=16, num_heads=2, qkv_bias=True)
    add("block/self_attention", blocks.SABlock, (2, 7, 16), hidden_size=16, num_heads=2, qkv_bias=True, use_combined_linear=False)
    return made


RECIPES = _made()


def recipes() -> list[str]:
    return list(RECIPES)


def build(recipe: str) -> Any:
    cls, arguments, _ = RECIPES[recipe]
    return cls(**arguments)


def inputs(model: Any, recipe: str) -> Iterator[tuple[Any, ...]]:
    name = recipe.partition("/")[0]
    for shape in RECIPES[recipe][2]:
        yield (torch.randn(shape),)
    if name == "diffusion_unet":
        yield torch.randn(2, 1, 32, 32), torch.tensor([3, 5]), torch.randn(2, 4, 6)
    if name in ("diffusion_unet", "diffusion_encoder"):
        yield torch.randn(2, 1, 32, 32), torch.tensor([3, 5])
    if name == "spade":
        yield torch.randn(2, 3, 32, 32), torch.randn(2, 1, 32, 32)
    if name == "decoder_only":
        yield (torch.randint(9, (2, 8)),)
    if recipe == "block/cross_attention":
        yield torch.randn(2, 7, 16), torch.randn(2, 5, 16)
