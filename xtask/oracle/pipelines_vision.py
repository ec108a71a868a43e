"""Goldens of the pictures: files in every format, as HF's `load_image` reads them, and as HF's image processors on PIL prepare them."""

import json
import platform
import shutil
import struct
import zlib

import numpy
import PIL
import torch
import transformers
from goldens import lively
from PIL import Image
from safetensors.numpy import save_file
from transformers.image_utils import load_image
from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil


def drawn(width, height, seed, noise=12.0):
    """Slopes, a disc, stripes and a little noise."""
    random = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:height, 0:width].astype(numpy.float64)
    red = 255 * x / max(width - 1, 1)
    green = 255 * y / max(height - 1, 1)
    blue = 127 + 120 * numpy.sin(x * 1.7 + seed) * numpy.cos(y * 0.9)
    disc = (x - width * 0.4) ** 2 + (y - height * 0.55) ** 2 < (min(width, height) * 0.3) ** 2
    picture = numpy.stack([red, green, blue], -1)
    picture[disc] = [230, 40, 90]
    picture += random.normal(0, noise, picture.shape)
    return numpy.clip(picture, 0, 255).astype(numpy.uint8)


def png(path, rows, color_type, depth):
    """A PNG of samples that PIL cannot write."""
    height, width = rows.shape[:2]
    lines = b"".join(b"\0" + line.astype(">u2" if depth == 16 else "u1").tobytes() for line in rows)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


def pictures(out):
    rgb = Image.fromarray(drawn(40, 28, 1))
    smooth = Image.fromarray(drawn(48, 36, 2, noise=0.0))
    alpha = Image.fromarray(numpy.tile(numpy.linspace(0, 255, 40).astype(numpy.uint8), (28, 1)))
    clear = rgb.copy()
    clear.putalpha(alpha)
    rgb.save(out / "rgb.png")
    rgb.convert("L").save(out / "grey.png")
    clear.save(out / "alpha.png")
    clear.convert("LA").save(out / "grey_alpha.png")
    rgb.convert("1").save(out / "one_bit.png")
    palette = rgb.quantize(17)
    palette.save(out / "palette.png")
    palette.save(out / "palette_transparent.png", transparency=3)
    wide = drawn(40, 28, 3).astype(numpy.uint16) * 257 + 90
    png(out / "rgb_16.png", wide, 2, 16)
    png(out / "grey_16.png", wide[..., 0], 0, 16)
    png(out / "rgba_16.png", numpy.concatenate([wide, wide[..., :1]], -1), 6, 16)
    frames = [Image.fromarray(drawn(40, 28, seed)) for seed in (4, 5, 6)]
    frames[0].save(out / "animated.png", save_all=True, append_images=frames[1:], duration=50)
    frames[0].save(out / "animated.gif", save_all=True, append_images=frames[1:], duration=50)
    frames[0].save(out / "animated.webp", save_all=True, append_images=frames[1:], duration=50, lossless=True)
    rgb.save(out / "rgb.webp", lossless=True)
    clear.save(out / "alpha.webp", lossless=True, exact=True)
    smooth.save(out / "lossy.webp", quality=90)
    smooth.save(out / "444.jpg", quality=92, subsampling=0)
    smooth.save(out / "420.jpg", quality=92, subsampling=2)
    smooth.save(out / "progressive.jpg", quality=92, subsampling=2, progressive=True)
    smooth.convert("L").save(out / "grey.jpg", quality=92)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        smooth.save(out / f"turned_{orientation}.jpg", quality=92, subsampling=0, exif=exif)
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb.save(out / "turned.png", exif=exif)
    rgb.save(out / "turned.webp", lossless=True, exif=exif)
    Image.fromarray(drawn(1, 1, 7)).save(out / "one_pixel.png")
    Image.fromarray(drawn(3, 90, 8)).save(out / "narrow.png")
    # What a camera that sees one colour gives.
    Image.new("RGB", (64, 48), (200, 100, 50)).save(out / "plain.png")


VIT = dict(size={"height": 18, "width": 22})
CONFIGS = {f"resample_{number}": (ViTImageProcessorPil, VIT | dict(resample=number)) for number in range(6)} | {
    "vit_larger": (ViTImageProcessorPil, dict(size={"height": 50, "width": 61}, resample=3)),
    "imagenet": (ViTImageProcessorPil, VIT | dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])),
    "not_normalized": (ViTImageProcessorPil, VIT | dict(do_normalize=False, rescale_factor=1 / 127.5)),
    "bytes": (ViTImageProcessorPil, VIT | dict(do_normalize=False, do_rescale=False)),
    "shortest_edge": (ViTImageProcessorPil, dict(size={"shortest_edge": 17})),
    "both_edges": (ViTImageProcessorPil, dict(size={"shortest_edge": 20, "longest_edge": 25})),
    "within": (ViTImageProcessorPil, dict(size={"max_height": 30, "max_width": 20})),
    "deit": (DeiTImageProcessorPil, dict(size={"height": 24, "width": 26}, crop_size={"height": 19, "width": 17})),
    "deit_edge": (DeiTImageProcessorPil, dict(size={"shortest_edge": 20}, crop_size={"height": 16, "width": 16})),
    "crop_only": (DeiTImageProcessorPil, dict(do_resize=False, crop_size={"height": 35, "width": 25})),
}


@torch.no_grad()
def vit(out, pictures):
    """A tiny random ViT, what HF's pipeline says of four pictures, and its vectors of one."""
    labels = ["boat", "goat", "café", "bridge"]
    config = transformers.ViTConfig(
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=40,
        image_size=(16, 20),
        patch_size=4,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )
    model = transformers.ViTForImageClassification._from_config(config, attn_implementation="eager")
    generator = torch.Generator().manual_seed(31)
    for name, parameter in sorted(model.named_parameters()):
        parameter.copy_(lively(name.replace("layernorm", "LayerNorm"), parameter, generator))
    folder = out / "vit"
    model.eval().save_pretrained(folder)
    processor = ViTImageProcessorPil(size={"height": 16, "width": 20})
    processor.save_pretrained(folder)
    model = transformers.ViTForImageClassification.from_pretrained(folder, dtype=torch.float32).eval()
    classify = transformers.pipeline("image-classification", model=model, image_processor=processor, top_k=3)
    names = ["rgb.png", "alpha.png", "turned.png", "plain.png"]
    answers = {"pictures": names, "answers": [classify(str(pictures / name)) for name in names]}
    values = processor(images=load_image(str(pictures / names[0])), return_tensors="pt")["pixel_values"]
    answers["last_hidden_state"] = model.vit(values).last_hidden_state[0].tolist()
    (folder / "answers.json").write_text(json.dumps(answers, ensure_ascii=False) + "\n")


def write(out):
    shutil.rmtree(out, ignore_errors=True)
    (out / "pictures").mkdir(parents=True)
    pictures(out / "pictures")
    decoded = {path.name: numpy.asarray(load_image(str(path))) for path in sorted((out / "pictures").iterdir())}
    save_file({name: numpy.ascontiguousarray(rgb) for name, rgb in decoded.items()}, out / "decoded.safetensors")
    prepared, configs = {}, {}
    for name, (kind, config) in CONFIGS.items():
        processor = kind(**config)
        configs[name] = json.loads(processor.to_json_string())
        for picture in ("rgb.png", "narrow.png", "444.jpg"):
            if picture == "narrow.png" and name in ("within", "both_edges"):
                continue
            values = processor(images=load_image(str(out / "pictures" / picture)), return_tensors="np")["pixel_values"][0]
            # What is resized often is kept once: two filters on every picture, the others on one.
            if picture == "rgb.png" or name in ("resample_2", "resample_3", "deit", "crop_only", "shortest_edge"):
                prepared[f"{name}/{picture}"] = numpy.ascontiguousarray(values.astype(numpy.float32))
    save_file(prepared, out / "prepared.safetensors")
    vit(out, out / "pictures")
    provenance = {
        "made_by": "xtask/oracle/pipelines_vision.py",
        "pictures": "drawn by that script",
        "python": platform.python_version(),
        "pillow": PIL.__version__,
        "transformers": transformers.__version__,
        "torch": torch.__version__.split("+")[0],
    }
    (out / "answers.json").write_text(json.dumps({"configs": configs, "provenance": provenance}, indent=1) + "\n")
