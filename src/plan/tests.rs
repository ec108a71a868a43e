//! The check, on the real specs and on specs with one mistake each.

use std::path::Path;

use super::*;

fn sources() -> Sources {
    Sources::load(Some(Path::new(env!("CARGO_MANIFEST_DIR")))).unwrap()
}

fn show(diagnostics: Diagnostics) -> String {
    let line = |one: crate::diagnostics::Diagnostic| {
        let place = one.span.map_or(String::new(), |span| {
            let (line, column) = span.position();
            format!("{}:{line}:{column} `{}` ", span.source.name, &span.source.text[span.start..span.end])
        });
        format!("{} {place}{}{}", one.code.id(), one.message, one.help.map_or(String::new(), |help| format!(" ({help})")))
    };
    diagnostics.into_sorted().into_iter().map(line).collect::<Vec<_>>().join("\n")
}

fn check(family: &str, sources: &Sources) -> Result<CheckedPlan, String> {
    let mut diagnostics = Diagnostics::default();
    let facts = Facts::load(sources, &mut diagnostics);
    let plan = CheckedPlan::new(family, sources, &facts, &mut diagnostics);
    if diagnostics.is_empty() { Ok(plan.unwrap()) } else { Err(show(diagnostics)) }
}

#[test]
fn every_model_of_the_repository_is_right() {
    let sources = sources();
    for model in spec::models(&sources) {
        let start = std::time::Instant::now();
        if let Err(errors) = check(model, &sources) {
            panic!("{errors}");
        }
        println!("{model}: {:?}", start.elapsed());
    }
}

/// bert.yaml with one text replaced; the text must be there.
fn changed(from: &str, to: &str) -> Sources {
    let sources = sources();
    let text = &sources.file("model_specs/models/bert.yaml").unwrap().text;
    assert!(text.contains(from), "bert.yaml lacks `{from}`");
    let text = text.replacen(from, to, 1);
    sources.clone().with("model_specs/models/bert.yaml", text)
}

#[test]
fn each_mistake_is_reported_at_its_place() {
    // What is written in place of what, and then code, underlined text and a part of the message.
    let cases: &[(&str, &str, [&str; 3])] = &[
        ("embedding(input_ids", "embeding(input_ids", ["P001", "`embeding`", "did you mean `embedding`?"]),
        ("words + types + positions", "words + types + position", ["P002", "`position`", "did you mean `positions`?"]),
        ("words + types + positions", "words + types + mask", ["P003", "`mask`", "later step"]),
        ("words + types + positions", "words + types", ["P004", "`positions`", "nothing reads this `positions`"]),
        ("attention_bias(attention_mask)", "attention_bias()", ["P006", "`attention_bias()`", "lacks `mask`"]),
        (
            "\"embeddings.LayerNorm\", layer_norm_eps)",
            "\"embeddings.LayerNorm\", layer_norm_eps, 2)",
            ["P006", "`2`", "takes 3 arguments by position"],
        ),
        (
            "\"embeddings.LayerNorm\", layer_norm_eps)",
            "\"embeddings.LayerNorm\", epsilo = layer_norm_eps)",
            ["P006", "`epsilo`", "did you mean `epsilon`?"],
        ),
        (
            "\"intermediate.dense\", intermediate_size",
            "\"intermediate.dense\", hidden_act",
            ["P007", "`hidden_act`", "expected a whole number, found a text"],
        ),
        (
            "\"pooler\", hidden_size)\n    outputs",
            "\"pooler..dense\", hidden_size)\n    outputs",
            ["P008", "pooler..dense", "no weight path"],
        ),
        ("\"attention.self\", num", "\"base:attention.self\", num", ["P008", "base:attention.self", "belongs in heads"]),
        (
            "\"intermediate.dense\", intermediate_size), hidden_act)\n",
            "\"intermediate.dense\", intermediate_size), hidden_act) + hidden\n",
            ["P009", "hidden`", "do not broadcast"],
        ),
        (
            "\"attention.self\", num_attention_heads)",
            "\"attention.self\", 7)",
            ["P010", "self_attention(hidden, mask", "not a whole multiple"],
        ),
        (
            "default: 12, doc: Heads of",
            "default: 7, doc: Heads of",
            ["P010", "self_attention(hidden, mask", "`width` (768) is not a whole multiple of `heads` (7)"],
        ),
        ("from: hidden, type", "from: hiden, type", ["P011", "`hiden`", "did you mean `hidden`?"]),
        (
            "shape: [batch, hidden_size], optional",
            "shape: [batch, sequence], optional",
            ["P012", "`pooler_output`", "expected float32[2, 5], found float32[2, 768]"],
        ),
        ("count: num_hidden_layers + 1", "count: num_hidden_layers", ["P012", "`hidden_states`", "expected 12 tensors, found 13"]),
        ("default: gelu, doc", "default: gelo, doc", ["P014", "activation(dense", "`gelo`"]),
        (
            "\"output\", hidden_size, layer",
            "\"attention.output\", hidden_size, layer",
            ["P015", "residual_norm(intermediate", "used twice"],
        ),
        ("  intermediate_size: {", "  no_use: 3\n  intermediate_size: {", ["P016", "`no_use`", "nothing reads"]),
        ("  - mask: attention_bias", "  - batch: attention_bias", ["P017", "`batch`", "is a dimension"]),
        ("  - mask: attention_bias", "  - match: attention_bias", ["S008", "`match`", "cannot be a name"]),
        ("pipeline: feature-extraction", "pipelin: feature-extraction", ["S003", "`pipelin`", "did you mean `pipeline`?"]),
        ("family: bert\n", "family: bert\nfamily: bert\n", ["S004", "`family`", "second time"]),
        (
            "type: int32, shape: [batch, sequence], below: vocab_size",
            "type: int33, shape: [batch, sequence], below: vocab_size",
            ["S005", "`int33`", "did you mean `int32`?"],
        ),
        ("source: HF transformers 5.23, models/bert/modeling_bert.py\n", "", ["S006", "`family`", "`source` is missing"]),
        ("words + types + positions", "words + types % positions", ["S007", "`%`", "not part of expressions"]),
        ("  - words: embedding", "  - weights: embedding", ["S008", "`weights`", "cannot be a name"]),
        ("family: bert\n", "family: brett\n", ["S012", "`brett`", "the file's name"]),
        ("family: bert\n", "family: bert\nextends: bert\n", ["S009", "`bert`", "bert → bert"]),
        ("family: bert\n", "family: bert\nextends: bart\n", ["S010", "`bart`", "no model `bart`"]),
    ];
    let mut wrong = Vec::new();
    for (from, to, expected) in cases {
        match check("bert", &changed(from, to)) {
            Ok(_) => wrong.push(format!("{to}: accepted")),
            Err(errors) if errors.lines().any(|line| expected.iter().all(|part| line.contains(part))) => {}
            Err(errors) => wrong.push(format!("{to}: expected {expected:?}, found\n{errors}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_number_in_place_of_a_config_key_shows_with_the_second_config() {
    let errors = check("bert", &changed("\"intermediate.dense\", intermediate_size)", "\"intermediate.dense\", 3072)")).err();
    // The default config cannot tell 3072 from `intermediate_size`, but nothing reads the key any more.
    assert!(errors.unwrap().contains("nothing reads the config key `intermediate_size`"));
    let errors = check("bert", &changed("\"attention.output\", hidden_size, layer", "\"attention.output\", 768, layer")).err();
    assert!(errors.unwrap().contains("a second config of odd sizes"));
}

#[test]
fn many_mistakes_are_reported_at_once() {
    let sources = changed("embedding(input_ids", "embeding(input_ids");
    let text = sources.file("model_specs/models/bert.yaml").unwrap().text.replace("words + types + positions", "types + nothing");
    let errors = check("bert", &sources.clone().with("model_specs/models/bert.yaml", text)).unwrap_err();
    assert_eq!(errors.lines().filter(|line| line.starts_with("P00")).count(), 2, "{errors}");
}

#[test]
fn blocks_that_call_each_other_are_a_cycle() {
    let block = |name: &str, calls: &str| format!("block: {name}\ndoc: Test.\nparameters: {{ x: tensor }}\nreturns: {calls}(x)\n");
    let sources = sources()
        .with("model_specs/blocks/first.yaml", block("first", "second"))
        .with("model_specs/blocks/second.yaml", block("second", "first"));
    let errors = check("bert", &sources).unwrap_err();
    assert!(errors.contains("P005") && errors.contains("first → second → first"), "{errors}");
}

#[test]
fn what_a_platform_lacks_is_told_with_its_reason() {
    let text = "platform: webgpu\ndoc: Test.\nfallback: 2\nruns_on: [native]\nprecisions: [float32]\ndata_types: [float32, int32]\n\
        operators: { softmax: { reason: not yet }, gather: { types: [int32], reason: indices alone } }\n";
    let sources = sources().with("model_specs/platforms/webgpu.yaml", text);
    let mut diagnostics = Diagnostics::default();
    let facts = Facts::load(&sources, &mut diagnostics);
    let plan = CheckedPlan::new("bert", &sources, &facts, &mut diagnostics).unwrap();
    let platform = facts.platforms.iter().find(|platform| platform.name.value == "webgpu").unwrap();
    let found: Vec<_> = plan.unsupported(platform).into_iter().map(|one| format!("{}: {}", one.operator, one.reason)).collect();
    assert_eq!(
        found,
        [
            "equal: webgpu has no uint8 tensors",
            "gather: not of float32: indices alone",
            "softmax: not yet",
            "where_: webgpu has no uint8 tensors",
        ]
    );
    plan.check_platform(platform, &mut diagnostics);
    assert!(show(diagnostics).contains("P013"));
}

/// RoBERTa by `extends`: positions are counted from the padding token on, and the head has other names.
const ROBERTA: &str = "
family: sketch
extends: bert
source: HF transformers, RobertaModel
base_model_prefix: roberta
config: { vocab_size: 50265, max_position_embeddings: 514, pad_token_id: 1, type_vocab_size: 1, layer_norm_eps: 1.0e-5, is_decoder: ~ }
inputs:
  position_ids: ~
steps:
  - words: embedding(input_ids, \"embeddings.word_embeddings\", vocab_size, hidden_size)
  - types: embedding(token_type_ids, \"embeddings.token_type_embeddings\", type_vocab_size, hidden_size)
  - present: cast(not_equal(input_ids, pad_token_id), \"int32\")
  - ids: cumulative_sum(present, 1) * present + pad_token_id
  - positions: embedding(ids, \"embeddings.position_embeddings\", max_position_embeddings, hidden_size)
  - hidden: layer_norm(words + types + positions, \"embeddings.LayerNorm\", layer_norm_eps)
  - collect: { hidden_states: hidden }
  - mask: attention_bias(attention_mask)
  - repeat: { layer: num_hidden_layers, prefix: \"encoder.layer.{layer}\" }
    steps:
      - context: self_attention(hidden, mask, \"attention.self\", num_attention_heads)
      - attended: residual_norm(context, hidden, \"attention.output\", hidden_size, layer_norm_eps)
      - wide: dense(attended, \"intermediate.dense\", intermediate_size)
      - hidden: residual_norm(activation(wide, hidden_act), attended, \"output\", hidden_size, layer_norm_eps)
      - collect: { hidden_states: hidden }
heads:
  BertModel: ~
  BertForMaskedLM: ~
  BertForSequenceClassification: ~
  BertForTokenClassification: ~
  BertForQuestionAnswering: ~
  BertForPreTraining: ~
  RobertaModel:
    pipeline: feature-extraction
    base: true
    steps:
      - pooler_output: pooler(hidden, \"pooler\", hidden_size)
    outputs:
      last_hidden_state: { from: hidden, type: float32, shape: [batch, sequence, hidden_size] }
      pooler_output: { type: float32, shape: [batch, hidden_size], optional: true }
      hidden_states: { type: float32, shape: [batch, sequence, hidden_size], count: num_hidden_layers + 1 }
  RobertaForSequenceClassification:
    pipeline: text-classification
    steps:
      - logits: dense(pooler(hidden, \"classifier\", hidden_size), \"classifier.out_proj\", num_labels)
    outputs:
      logits: { type: float32, shape: [batch, num_labels] }
  RobertaForMaskedLM:
    pipeline: fill-mask
    steps:
      - mapped: gelu(dense(hidden, \"lm_head.dense\", hidden_size))
      - logits: dense(layer_norm(mapped, \"lm_head.layer_norm\", layer_norm_eps), \"lm_head.decoder\", vocab_size)
    outputs:
      logits: { type: float32, shape: [batch, sequence, vocab_size] }
weights:
  tied:
    cls.predictions.decoder.weight: ~
    cls.predictions.decoder.bias: ~
    lm_head.decoder.weight: { to: roberta.embeddings.word_embeddings.weight, when: tie_word_embeddings }
    lm_head.decoder.bias: { to: lm_head.bias, when: tie_word_embeddings }
reference: { class: RobertaModel }
";

#[test]
fn another_family_extends_one() {
    let sources = sources().with("model_specs/models/sketch.yaml", ROBERTA);
    let plan = check("sketch", &sources).unwrap_or_else(|errors| panic!("{errors}"));
    let graph = plan.graph(&plan.default_config(), "RobertaForMaskedLM", &plan.example_sizes(), &Request::default()).unwrap();
    let weights: Vec<_> = graph.weights().iter().map(|(name, _)| name.as_str()).filter(|name| !name.contains(".layer.")).collect();
    assert_eq!(
        weights,
        [
            "roberta.embeddings.word_embeddings.weight",
            "roberta.embeddings.token_type_embeddings.weight",
            "roberta.embeddings.position_embeddings.weight",
            "roberta.embeddings.LayerNorm.weight",
            "roberta.embeddings.LayerNorm.bias",
            "lm_head.dense.weight",
            "lm_head.dense.bias",
            "lm_head.layer_norm.weight",
            "lm_head.layer_norm.bias",
            "lm_head.bias",
        ]
    );
    let facts = Facts::load(&sources, &mut Diagnostics::default());
    let text = crate::emit::skillset(&plan, &facts.platforms.iter().collect::<Vec<_>>(), true, &sources);
    assert!(!text.contains("compile_error!"), "{text}");
    syn::parse_file(&text).unwrap();
    assert!(text.contains("pub struct Sketch(Model<Skillset>);"));
}

#[test]
fn a_list_output_is_made_on_request_and_an_optional_one_left_out() {
    let plan = check("bert", &sources()).unwrap();
    let (config, sizes) = (plan.default_config(), plan.example_sizes());
    let names = |request: &Request| -> Vec<String> {
        let graph = plan.graph(&config, "BertModel", &sizes, request).unwrap();
        graph.outputs().iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&Request::default()), ["last_hidden_state", "pooler_output"]);
    let request = Request { lists: ["hidden_states".to_owned()].into(), omitted: ["pooler_output".to_owned()].into() };
    let all = names(&request);
    assert_eq!((all[0].as_str(), all[1].as_str(), all.len()), ("last_hidden_state", "hidden_states.0", 14));
}

#[test]
fn blocks_that_double_each_other_are_cut_short() {
    let mut sources = sources();
    for level in 0..24 {
        let text = format!(
            "block: double_{level}\ndoc: Test.\nparameters: {{ x: tensor }}\nreturns: double_{}(x) + double_{}(x)\n",
            level + 1,
            level + 1
        );
        sources = sources.with(&format!("model_specs/blocks/double_{level}.yaml"), text);
    }
    sources =
        sources.with("model_specs/blocks/double_24.yaml", "block: double_24\ndoc: Test.\nparameters: { x: tensor }\nreturns: x + x\n");
    let text = &sources.file("model_specs/models/bert.yaml").unwrap().text;
    let text = text.replacen("words + types + positions", "double_0(words + types + positions)", 1);
    let errors = check("bert", &sources.clone().with("model_specs/models/bert.yaml", text)).unwrap_err();
    assert!(errors.contains("expressions to evaluate"), "{errors}");
}
