"""Goldens of speech recognition: a tiny random Whisper with its tokenizer and feature extractor, and what HF's `generate` writes.

A window is one second. Weights are random, so the texts mean nothing.
"""

import json
import platform
import shutil

import numpy
import torch
import transformers
from goldens import lively
from pipelines_audio import RATE, wav
from pipelines_text import byte_level
from transformers.generation import logits_process

LANGUAGES = ["<|en|>", "<|fr|>"]


def sound():
    time = numpy.arange(int(0.9 * RATE)) / RATE
    samples = 0.4 * numpy.sin(2 * numpy.pi * (200 * time + 900 * time * time)) * (1 + numpy.sin(2 * numpy.pi * 3 * time)) / 2
    return samples.astype(numpy.float32)


def make(folder):
    tokenizer, _ = byte_level()
    first = tokenizer.get_vocab_size()
    special = ["<|endoftext|>", "<|startoftranscript|>", *LANGUAGES, "<|translate|>", "<|transcribe|>", "<|notimestamps|>"]
    tokenizer.add_special_tokens(special)
    from tokenizers import processors

    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    names = dict(bos_token=special[0], eos_token=special[0], unk_token=special[0], pad_token=special[0])
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names).save_pretrained(folder)
    eos, start, english, french, translate, transcribe, no_times = range(first, first + 7)
    vocabulary = no_times + 1 + 51
    config = transformers.WhisperConfig(
        vocab_size=vocabulary,
        num_mel_bins=80,
        d_model=24,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=3,
        decoder_attention_heads=3,
        encoder_ffn_dim=40,
        decoder_ffn_dim=40,
        max_source_positions=50,
        max_target_positions=64,
        decoder_start_token_id=start,
        eos_token_id=eos,
        bos_token_id=eos,
        pad_token_id=eos,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    model = transformers.WhisperForConditionalGeneration._from_config(config, attn_implementation="eager")
    generator = torch.Generator().manual_seed(21)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            parameter.copy_(1.4 * lively(name.replace("layer_norm.weight", "LayerNorm.weight"), parameter, generator))
    model.generation_config = transformers.GenerationConfig(
        decoder_start_token_id=start,
        eos_token_id=eos,
        pad_token_id=eos,
        bos_token_id=eos,
        max_length=48,
        is_multilingual=True,
        lang_to_id=dict(zip(LANGUAGES, (english, french))),
        task_to_id={"translate": translate, "transcribe": transcribe},
        no_timestamps_token_id=no_times,
        max_initial_timestamp_index=20,
        suppress_tokens=[3, 4, start, english, french, translate, transcribe],
        begin_suppress_tokens=[220, eos],
    )
    model.eval().save_pretrained(folder)
    transformers.WhisperFeatureExtractor(feature_size=80, chunk_length=1).save_pretrained(folder)
    return transformers.WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()


@torch.no_grad()
def answer(model, features, times, beams):
    config = transformers.GenerationConfig.from_dict(model.generation_config.to_dict())
    prompt = [config.decoder_start_token_id, config.lang_to_id["<|fr|>"], config.task_to_id["transcribe"]]
    prompt += [] if times else [config.no_timestamps_token_id]
    rules = [
        logits_process.SuppressTokensAtBeginLogitsProcessor(config.begin_suppress_tokens, begin_index=len(prompt)),
        logits_process.SuppressTokensLogitsProcessor(config.suppress_tokens),
    ]
    if times:
        rules.append(logits_process.WhisperTimeStampLogitsProcessor(config, begin_index=len(prompt)))
    config.suppress_tokens = config.begin_suppress_tokens = None
    ids = transformers.GenerationMixin.generate(
        model, features, decoder_input_ids=torch.tensor([prompt]), generation_config=config, logits_processor=rules, num_beams=beams
    )[0].tolist()[len(prompt) :]
    while ids and ids[-1] == config.eos_token_id:
        ids.pop()
    return ids


def write(out):
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    model = make(out)
    samples = sound()
    (out / "sound.wav").write_bytes(wav(samples, RATE, form=3, bits=32))
    extractor = transformers.WhisperFeatureExtractor.from_pretrained(out)
    features = extractor(samples, sampling_rate=RATE, return_tensors="pt")["input_features"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(out)
    cases = []
    for times, beams in [(False, 1), (True, 1), (False, 3), (True, 3)]:
        ids = answer(model, features, times, beams)
        words = [token for token in ids if token <= model.generation_config.no_timestamps_token_id]
        cases.append({"timestamps": times, "num_beams": beams, "tokens": ids, "text": tokenizer.decode(words, skip_special_tokens=True)})
        print(times, beams, len(ids), ids)
    language = model.detect_language(input_features=features, generation_config=model.generation_config)
    names = {number: name for name, number in model.generation_config.lang_to_id.items()}
    provenance = {
        "made_by": "xtask/oracle/pipelines_speech.py",
        "weights": "random, of no published model; the tokenizer is trained on sentences written for this project",
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "transformers": transformers.__version__,
    }
    answers = {"cases": cases, "language": names[language.reshape(-1)[0].item()], "provenance": provenance}
    (out / "answers.json").write_text(json.dumps(answers, indent=1) + "\n")
