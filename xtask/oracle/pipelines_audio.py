"""Goldens of the sounds: samples that the script computes, and the features of HF's WhisperFeatureExtractor."""

import json
import platform
import shutil
import struct

import numpy
import soundfile
import torch
import transformers
from safetensors.numpy import save_file

RATE = 16000


def sounds():
    """Name to samples at 16 kHz."""
    random = numpy.random.default_rng(1)
    time = lambda seconds: numpy.arange(int(seconds * RATE)) / RATE
    t = time(0.6)
    tone = 0.5 * numpy.sin(2 * numpy.pi * 440 * t) + 0.2 * numpy.sin(2 * numpy.pi * 3100 * t)
    chirp = 0.8 * numpy.sin(2 * numpy.pi * (50 * t + (7800 - 50) / (2 * 0.6) * t * t))
    made = {
        "tone": tone,
        "chirp": chirp,
        "noise": random.normal(0, 0.2, int(0.4 * RATE)).clip(-1, 1),
        "silence": numpy.zeros(1000),
        "click": numpy.eye(1, 500, 499)[0],
        "one_sample": numpy.array([0.25]),
        "whole_window": 0.3 * numpy.sin(2 * numpy.pi * 200 * time(1)),
        "long": 0.6 * numpy.sin(2 * numpy.pi * 600 * time(1.93)) * numpy.linspace(0, 1, len(time(1.93))),
    }
    return {name: samples.astype(numpy.float32) for name, samples in made.items()}


# The published ones, the same for shorter windows, and one of other sizes.
CONFIGS = {
    "tiny": dict(feature_size=80, chunk_length=1),
    "large_v3": dict(feature_size=128, chunk_length=1),
    "other": dict(feature_size=40, chunk_length=1, sampling_rate=16000, hop_length=128, n_fft=512),
    "whole": dict(feature_size=80),
}


def wav(samples, rate, channels=1, form=1, bits=16):
    """A WAV file: PCM of 8, 16, 24 or 32 bits, or floats."""
    if form == 3:
        data = samples.astype("<f4").tobytes()
    elif bits == 8:
        data = (samples * 127 + 128).round().astype("u1").tobytes()
    else:
        whole = (samples.astype(numpy.float64) * (2 ** (bits - 1) - 1)).round().astype("<i4")
        data = whole.view("u1").reshape(-1, 4)[:, : bits // 8].tobytes()
    frame = channels * bits // 8
    header = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, form, channels, rate, rate * frame, frame, bits)
    return header + struct.pack("<4sI", b"data", len(data)) + data


def write(out):
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    made = sounds()
    save_file({f"sounds/{name}": samples for name, samples in made.items()}, out / "sounds.safetensors")
    features, configs = {}, {}
    for name, config in CONFIGS.items():
        extractor = transformers.WhisperFeatureExtractor(**config)
        kept = {key: value for key, value in extractor.to_dict().items() if key != "mel_filters"}
        configs[name] = kept
        for sound, samples in made.items():
            if name == "whole" and sound != "tone" or name in ("large_v3", "other") and sound not in ("tone", "chirp", "noise"):
                continue
            window = extractor(samples, sampling_rate=RATE, return_tensors="np")["input_features"][0]
            if name == "whole":
                # Thirty seconds: every ninth frame is kept.
                window = window[:, ::9]
            features[f"{name}/window/{sound}"] = numpy.ascontiguousarray(window.astype(numpy.float32))
        if name == "tiny":
            whole = extractor(made["long"], sampling_rate=RATE, truncation=False, padding="longest", return_tensors="np")["input_features"][0]
            features[f"{name}/whole/long"] = numpy.ascontiguousarray(whole.astype(numpy.float32))
    save_file(features, out / "features.safetensors")
    short = made["tone"][:800]
    stereo = numpy.stack([short, -0.5 * short], -1).reshape(-1)
    files = {
        "8.wav": wav(short, RATE, bits=8),
        "16.wav": wav(short, RATE),
        "24.wav": wav(short, RATE, bits=24),
        "32.wav": wav(short, RATE, bits=32),
        "float.wav": wav(short, RATE, form=3, bits=32),
        "stereo.wav": wav(stereo, RATE, channels=2),
    }
    for name, data in files.items():
        (out / name).write_bytes(data)
    # Compressed by libsndfile, and decoded by it: seconds are few, rates are those of music.
    decoded = {}
    t = numpy.arange(11025) / 44100
    both = numpy.stack([0.4 * numpy.sin(2 * numpy.pi * 500 * t), 0.3 * numpy.sin(2 * numpy.pi * 2000 * t)], -1)
    for name, form, kind in [("tone.flac", "FLAC", "PCM_16"), ("deep.flac", "FLAC", "PCM_24"), ("tone.ogg", "OGG", "VORBIS"), ("tone.mp3", "MP3", None)]:
        soundfile.write(str(out / name), both, 44100, format=form, subtype=kind)
        samples, rate = soundfile.read(str(out / name), dtype="float32")
        decoded[name] = numpy.ascontiguousarray(samples.mean(-1).astype(numpy.float32))
    save_file(decoded, out / "decoded.safetensors")
    provenance = {
        "made_by": "xtask/oracle/pipelines_audio.py",
        "sounds": "computed by that script",
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "torch": torch.__version__.split("+")[0],
        "transformers": transformers.__version__,
        "libsndfile": soundfile.__libsndfile_version__,
    }
    (out / "answers.json").write_text(json.dumps({"configs": configs, "provenance": provenance}, indent=1) + "\n")
