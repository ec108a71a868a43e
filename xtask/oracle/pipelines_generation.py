"""Traces of HF's `generate` on a tiny random Whisper: every text that it scored, the scores, and what it wrote.

The scores are the model's own, before any rule; a search that differs from HF's in one choice asks for a text that is not in the trace.
"""

import json
import platform
import shutil

import numpy
import torch
import transformers
from safetensors.numpy import save_file
from transformers.generation import logits_process

VOCABULARY = 80
EOS, START, ENGLISH, FRENCH, TRANSLATE, TRANSCRIBE, NO_TIMESTAMPS = range(50, 57)
GENERATION = dict(
    decoder_start_token_id=START,
    eos_token_id=EOS,
    pad_token_id=EOS,
    bos_token_id=EOS,
    max_length=48,
    is_multilingual=True,
    lang_to_id={"<|en|>": ENGLISH, "<|fr|>": FRENCH},
    task_to_id={"translate": TRANSLATE, "transcribe": TRANSCRIBE},
    no_timestamps_token_id=NO_TIMESTAMPS,
    max_initial_timestamp_index=5,
    suppress_tokens=[3, 7, START, ENGLISH, FRENCH, TRANSLATE, TRANSCRIBE],
    begin_suppress_tokens=[11, EOS],
)

# Name, seed, how likely the end is, and what `generate` is asked for.
CASES = {
    "greedy": (1, 0.5, dict(return_timestamps=False)),
    "greedy_times": (2, 1.5, dict(return_timestamps=True)),
    "greedy_no_end": (3, -50.0, dict(return_timestamps=True)),
    "beams": (4, 2.5, dict(return_timestamps=False, num_beams=4)),
    "beams_times": (5, 2.5, dict(return_timestamps=True, num_beams=3)),
    "beams_long": (6, -2.5, dict(return_timestamps=False, num_beams=5, length_penalty=2.0)),
    "beams_short": (7, 1.0, dict(return_timestamps=False, num_beams=2, length_penalty=-0.5)),
    "beams_at_once": (8, 3.0, dict(return_timestamps=False, num_beams=4, early_stopping=True)),
    "beams_never": (9, 0.5, dict(return_timestamps=False, num_beams=4, early_stopping="never")),
    "beams_no_end": (10, -50.0, dict(return_timestamps=True, num_beams=2)),
}


def random_model(seed, end):
    config = transformers.WhisperConfig(
        vocab_size=VOCABULARY,
        num_mel_bins=8,
        d_model=16,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=24,
        decoder_ffn_dim=24,
        max_source_positions=12,
        max_target_positions=64,
        decoder_start_token_id=START,
        eos_token_id=EOS,
        bos_token_id=EOS,
        pad_token_id=EOS,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        tie_word_embeddings=False,
    )
    torch.manual_seed(seed)
    model = transformers.WhisperForConditionalGeneration._from_config(config, attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            scale = 1.0 if "embed" in name else 1.6 / parameter.shape[-1] ** 0.5
            if "layer_norm" not in name:
                parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    model.generation_config = transformers.GenerationConfig(**GENERATION)
    features = torch.randn(1, 8, 24, generator=generator)
    return model, features


def trace(seed, end, options):
    model, features = random_model(seed, end)
    texts, scores = [], []
    forward = type(model).forward

    def watched(self, *positional, **named):
        answer = forward(self, *positional, **named)
        logits = answer.logits
        # The end is made more or less likely, so that texts have a length.
        logits[..., EOS] = logits[..., EOS] + end
        for text, row in zip(named["decoder_input_ids"].tolist(), logits[:, -1]):
            if text not in texts:
                texts.append(text)
                scores.append(row.detach().numpy().copy())
        return answer

    model.forward = watched.__get__(model)
    # GenerationMixin's own `generate`, with the rules that Whisper's puts before it: Whisper's would go on to further windows.
    options = dict(options)
    times = options.pop("return_timestamps")
    prompt = [START, FRENCH, TRANSCRIBE] + ([] if times else [NO_TIMESTAMPS])
    config = model.generation_config
    rules = [
        logits_process.SuppressTokensAtBeginLogitsProcessor(config.begin_suppress_tokens, begin_index=len(prompt)),
        logits_process.SuppressTokensLogitsProcessor(config.suppress_tokens),
    ]
    if times:
        rules.append(logits_process.WhisperTimeStampLogitsProcessor(config, begin_index=len(prompt)))
    config.suppress_tokens = config.begin_suppress_tokens = None
    with torch.no_grad():
        answer = transformers.GenerationMixin.generate(
            model,
            features,
            decoder_input_ids=torch.tensor([prompt]),
            logits_processor=rules,
            use_cache=False,
            return_dict_in_generate=True,
            output_scores=True,
            **options,
        )
    sequence = answer["sequences"][0].tolist()
    score = answer["sequences_scores"][0].item() if "sequences_scores" in answer else None
    return texts, numpy.stack(scores), sequence, score


def write(out):
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    tensors, cases = {}, {}
    for name, (seed, end, options) in CASES.items():
        texts, scores, sequence, score = trace(seed, end, options)
        tensors[name] = scores
        prompt = [START, FRENCH, TRANSCRIBE] + ([] if options["return_timestamps"] else [NO_TIMESTAMPS])
        assert min(texts, key=len) == prompt, (texts[0], prompt)
        tokens = sequence[len(prompt) :] if sequence[: len(prompt)] == prompt else sequence
        cases[name] = {"options": options, "prompt": prompt, "texts": texts, "tokens": tokens, "score": score}
        print(name, len(tokens), len(texts), tokens)
    save_file(tensors, out / "scores.safetensors")
    (out / "generation_config.json").write_text(json.dumps(GENERATION, indent=1) + "\n")
    provenance = {
        "made_by": "xtask/oracle/pipelines_generation.py",
        "weights": "random, of no published model",
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "transformers": transformers.__version__,
    }
    (out / "answers.json").write_text(json.dumps({"cases": cases, "provenance": provenance}) + "\n")
