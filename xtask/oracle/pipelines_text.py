"""Goldens of the text pipelines."""

import json
import platform
import shutil

import sentence_transformers
import tokenizers
import torch
import transformers
from goldens import lively
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

# Written for this project.
CORPUS = """
The old boat lay upside down on the beach, and the children painted it blue.
She asked whether the train from Zürich would be late again; nobody knew.
A model reads a text in both directions and gives each token a vector.
Rain fell for three days, then the river rose and the lower bridge was closed.
He counted forty-seven sheep, two dogs and one rather unhappy goat.
Why does bread taste better on the day after a long walk?
The engineers measured the time of every kernel before they changed a line.
In winter the café opens at seven, and the smell of coffee fills the street.
My grandmother kept her letters in a tin box under the stairs.
It was not the answer that surprised us, but the question.
The cat sat on the mat and watched the snow.
Machines that learn from examples make mistakes that people would not make.
Numbers such as 3.14, 2026 and 1,000 are split into pieces.
The library lends books, maps, tools and, since last year, telescopes.
An honest test can fail; a test that cannot fail is a decoration.
"""

TEXTS = [
    "The cat sat on the mat.",
    "A model reads a text.",
    "",
    "naïve café — ÜBER straße, 東京 and emoji 🙂!",
    "Why does the train from Zürich taste better than the old boat, and who counted the sheep on the lower bridge in winter?",
    "  spaces\tand\nlines  ",
    "the the the the",
    "An honest test can fail; a test that cannot fail is a decoration. " * 6,
]
PAIRS = [["The river rose.", "Rain fell for three days."], ["Who painted the boat?", "The children painted it blue. " * 12]]


def sentences():
    return [line for line in CORPUS.strip().splitlines()]


def wordpiece():
    """Characters, frequent words and beginnings and ends of words; a trained vocabulary differs from run to run."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    normalizer, splitter = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    words = [word for line in sentences() for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(line))]
    pieces = {character for word in words for character in word} | {f"##{character}" for word in words for character in word}
    pieces |= {word for word in words if words.count(word) > 1} | {word[:3] for word in words} | {f"##{word[-2:]}" for word in words if len(word) > 4}
    vocabulary = special + sorted(pieces)
    tokenizer = tokenizers.Tokenizer(models.WordPiece({piece: index for index, piece in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.decoder = decoders.WordPiece()
    names = dict(pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")
    return tokenizer, names


def byte_level():
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(sentences(), trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    names = dict(pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>", mask_token="<mask>")
    return tokenizer, names


def make(folder, seed, hf_class, kind, config, **more):
    """A model and its tokenizer in a fresh folder, both read back from there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tokenizer, names = kind()
    names |= more
    hf_tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=40, model_input_names=["input_ids", "token_type_ids", "attention_mask"], **names
    )
    hf_tokenizer.save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=40,
        max_position_embeddings=48,
        pad_token_id=hf_tokenizer.pad_token_id,
        **config,
    )
    model = getattr(transformers, hf_class)._from_config(config, attn_implementation="eager")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            # A head of larger numbers: answers that are sure of something.
            parameter.copy_(lively(name, parameter, generator) * (3 if "classifier.weight" in name else 1))
    model.eval().save_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return getattr(transformers, hf_class).from_pretrained(folder, dtype=torch.float32).eval(), tokenizer


def finish(folder, hf_class, seed, answers):
    answers["provenance"] = {
        "made_by": "xtask/oracle/pipelines_text.py",
        "hf_class": hf_class,
        "seed": seed,
        "weights": "random, of no published model; the tokenizer is trained on sentences written for this project",
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "sentence_transformers": sentence_transformers.__version__,
    }
    (folder / "answers.json").write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n")


def encodings(tokenizer):
    """What the tokenizer gives for every text and pair, truncated; offsets in characters."""
    rows = []
    for text in TEXTS + PAIRS:
        given = dict(text=text) if isinstance(text, str) else dict(text=text[0], text_pair=text[1])
        encoded = tokenizer(**given, truncation=True, return_offsets_mapping=True)
        rows.append({key: encoded[key] for key in ("input_ids", "token_type_ids", "offset_mapping")})
    return rows


POOLING = ["cls", "mean", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", "max+mean"]


@torch.no_grad()
def embeddings(folder, kind, seed, **more):
    hf_class = "BertModel"
    model, tokenizer = make(folder, seed, hf_class, kind, {}, **more)
    answers = {"texts": TEXTS, "pairs": PAIRS, "encodings": encodings(tokenizer), "pooled": {}}
    transformer = Transformer(str(folder), max_seq_length=40)
    # One at a time: padding on the left moves the positions that BERT counts, and so its answers.
    for mode in POOLING:
        pooling = Pooling(24, pooling_mode=tuple(mode.split("+")))
        whole = sentence_transformers.SentenceTransformer(modules=[transformer, pooling], device="cpu")
        answers["pooled"][mode] = whole.encode(TEXTS, batch_size=1, show_progress_bar=False).tolist()
    pooling = Pooling(24, pooling_mode="cls")
    stages = [transformer, pooling, Normalize()]
    whole = sentence_transformers.SentenceTransformer(modules=stages, device="cpu")
    answers["published"] = whole.encode(TEXTS, batch_size=1, show_progress_bar=False).tolist()
    # The stages of sentence-transformers, as it writes them, beside the model.
    saved = folder / "saved"
    whole.save(str(saved), create_model_card=False)
    for name in ("modules.json", "1_Pooling/config.json", "sentence_bert_config.json"):
        if (saved / name).exists():
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(saved / name, folder / name)
    shutil.rmtree(saved)
    features = transformers.pipeline("feature-extraction", model=model, tokenizer=tokenizer)
    answers["features"] = features(TEXTS[0])[0]
    finish(folder, hf_class, seed, answers)


def fill_mask(folder, kind, seed):
    hf_class = "BertForMaskedLM"
    model, tokenizer = make(folder, seed, hf_class, kind, {})
    mask = tokenizer.mask_token
    texts = [f"The cat sat on the {mask}.", f"{mask} rain fell for {mask} days.", f"Why {mask}?"]
    fill = transformers.pipeline("fill-mask", model=model, tokenizer=tokenizer, top_k=4)
    finish(folder, hf_class, seed, {"texts": texts, "answers": fill(texts)})


def classification(folder, kind, seed, problem_type, labels):
    hf_class = "BertForSequenceClassification"
    id2label = {index: label for index, label in enumerate(labels)} if labels[0] else None
    config = dict(problem_type=problem_type, num_labels=len(labels))
    if id2label:
        config |= dict(id2label=id2label, label2id={label: index for index, label in id2label.items()})
    model, tokenizer = make(folder, seed, hf_class, kind, config)
    classify = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=3)
    texts = [text for text in TEXTS if text]
    answers = classify(texts, truncation=True)
    pairs = [classify({"text": a, "text_pair": b}, truncation=True) for a, b in PAIRS]
    finish(folder, hf_class, seed, {"texts": texts, "pairs": PAIRS, "answers": answers, "pair_answers": pairs})


def token_classification(folder, kind, seed):
    hf_class = "BertForTokenClassification"
    labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC"]
    config = dict(id2label=dict(enumerate(labels)), label2id={label: index for index, label in enumerate(labels)})
    model, tokenizer = make(folder, seed, hf_class, kind, config)
    texts = [text for text in TEXTS[:7] if text.strip()]
    answers = {"texts": texts}
    for strategy in ("none", "simple"):
        pipeline = transformers.pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy=strategy)
        answers[strategy] = [
            [{key: value.item() if hasattr(value, "item") else value for key, value in entity.items()} for entity in entities]
            for entities in pipeline(texts)
        ]
    finish(folder, hf_class, seed, answers)


def write(out):
    embeddings(out / "embedding_wordpiece", wordpiece, 11)
    embeddings(out / "embedding_bytes_left", byte_level, 12, padding_side="left", truncation_side="left")
    fill_mask(out / "fill_mask_wordpiece", wordpiece, 13)
    fill_mask(out / "fill_mask_bytes", byte_level, 14)
    classification(out / "classification_single", wordpiece, 15, None, ["sad", "glad", "neither", "both"])
    classification(out / "classification_multi", byte_level, 16, "multi_label_classification", ["a", "b", "c"])
    classification(out / "classification_regression", wordpiece, 17, "regression", [None])
    token_classification(out / "tokens_wordpiece", wordpiece, 18)
