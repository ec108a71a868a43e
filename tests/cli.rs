//! The command line by its bytes and exit codes.

mod common;

use common::{Folder, command};

fn base() -> Folder {
    let folder = Folder::new();
    folder.copy(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ui/base")));
    folder
}

#[test]
fn help_teaches() {
    let run = base().run("--help");
    assert_eq!(run.code, 0);
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn help_of_skillset_teaches() {
    let run = base().run("skillset --help");
    assert_eq!(run.code, 0);
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn nothing_asked_is_a_usage_error() {
    for words in ["", "skillset", "skilset", "list nothing", "skillset --model tiny --check --dry-run", "plan --model tiny --color red"] {
        assert_eq!(base().run(words).code, 2, "gen {words}");
    }
}

#[test]
fn lists() {
    let folder = base();
    let webdriver = "webdriver: {browser_name: chrome, source: \"https://example.org\"}\nminimum: {}\n";
    folder.write("model_specs/browsers/chrome.yaml", &format!("browser: chrome\ndoc: A browser of the tests.\n{webdriver}"));
    assert_eq!(folder.run("list models").stdout, "tiny  a test of gen (TinyModel)\n");
    assert_eq!(folder.run("list platforms").stdout, "webgpu  A platform of the tests.\ncpu     A platform of the tests.\n");
    assert_eq!(folder.run("list blocks").stdout, "dense(input, path, out_features)  Affine map of the last axis\n");
    assert_eq!(folder.run("list browsers").stdout, "chrome  A browser of the tests.\n");
    assert!(folder.run("list operators").stdout.contains("\nmatmul(a, b) "));
    assert_eq!(
        folder.run("list models --json").stdout,
        "{\n  \"models\": [\n    {\n      \"about\": \"a test of gen (TinyModel)\",\n      \"name\": \"tiny\"\n    }\n  ]\n}\n"
    );
}

#[test]
fn specs_are_found_upward_by_option_or_inside_the_program() {
    let folder = base();
    std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
    assert_eq!(folder.run_in("a/b", "list models").stdout, "tiny  a test of gen (TinyModel)\n");
    let elsewhere = Folder::new();
    let words = format!("list models --specs {}", folder.path().display());
    assert_eq!(elsewhere.run(&words).stdout, "tiny  a test of gen (TinyModel)\n");
    assert!(elsewhere.run("list models").stdout.lines().any(|line| line.starts_with("bert ")));
    let refused = elsewhere.run("list models --specs .");
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.starts_with("S013 "), "{}", refused.stderr);
}

#[test]
fn explains_every_code() {
    let folder = base();
    let run = folder.run("explain s001");
    assert_eq!(run.code, 0);
    assert!(run.stdout.starts_with("S001: broken YAML\n\nThe file is not YAML."), "{}", run.stdout);
    assert!(folder.run("explain").stdout.contains("### P009: "));
    let unknown = folder.run("explain S0001");
    assert_eq!((unknown.code, unknown.stdout.as_str()), (2, ""));
    assert!(unknown.stderr.contains("did you mean `S001`?"), "{}", unknown.stderr);
}

#[test]
fn schema_and_completions_are_whole() {
    let folder = base();
    let schema: serde_json::Value = serde_json::from_str(&folder.run("schema").stdout).unwrap();
    assert_eq!(schema["models"]["properties"]["family"]["type"], "string");
    let one: serde_json::Value = serde_json::from_str(&folder.run("schema blocks").stdout).unwrap();
    assert_eq!(one, schema["blocks"]);
    let refused = folder.run("schema block");
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("did you mean `blocks`?"));
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = folder.run(&format!("completions {shell}")).stdout;
        assert!(script.contains("skillset") && script.contains("cross-platform"), "{shell}");
    }
}

#[test]
fn errors_as_json_go_to_stdout() {
    let run = base().run("plan --model tinny --json");
    assert_eq!((run.code, run.stderr.as_str()), (2, ""));
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["diagnostics"][0]["code"], "S010");
    let folder = base();
    folder.write("model_specs/models/tiny.yaml", "é: [x }\n");
    let run = folder.run("plan --model tiny --json");
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let place = &json["diagnostics"][0]["place"];
    assert_eq!(
        (&place["file"], &place["line"], &place["column"]),
        (&"model_specs/models/tiny.yaml".into(), &1.into(), &4.into()),
        "{json}"
    );
}

#[test]
fn colour_is_asked_for_or_not() {
    let folder = base();
    let coloured = |words: &str, no_color: &str| {
        let output = command().args(words.split(' ')).env("NO_COLOR", no_color).current_dir(folder.path()).output().unwrap();
        output.stderr.contains(&0x1b)
    };
    assert!(coloured("plan --model tinny --color always", "1"));
    assert!(!coloured("plan --model tinny --color never", ""));
    assert!(!coloured("plan --model tinny", ""));
    assert!(coloured("plan --color=always", ""));
    assert!(!coloured("plan --color=never", ""));
}

#[test]
fn names_come_with_commas_repeated_or_as_all() {
    let folder = base();
    let plan = |words: &str| folder.run(words).stdout;
    let all = plan("plan --model all --platform all");
    assert!(all.contains("tiny on webgpu") && all.contains("tiny on cpu"));
    for words in [
        "plan --model tiny --platform webgpu,cpu",
        "plan --model tiny --platform cpu --platform webgpu",
        "plan --models tiny --hardware cpu,webgpu",
        "plan -m tiny -p cpu,webgpu,cpu",
        "plan --model all",
        "plan --models=all --platforms=all",
    ] {
        assert_eq!(plan(words), all, "{words}");
    }
}

#[test]
fn a_plan_as_json_has_what_the_table_has() {
    let json: serde_json::Value = serde_json::from_str(&base().run("plan --model tiny --platform cpu --json").stdout).unwrap();
    let plan = &json["plans"][0];
    assert_eq!((&plan["model"], &plan["platform"]), (&"tiny".into(), &"cpu".into()));
    assert_eq!(plan["heads"][0]["weights"][0]["name"], "encoder.weight");
    assert_eq!(plan["unsupported"], serde_json::json!([]));
}

#[test]
fn hostile_specs_end_quickly() {
    let folder = base();
    folder.write("model_specs/models/tiny.yaml", &"family: tiny\n".repeat(800_000));
    let started = std::time::Instant::now();
    let run = folder.run("plan --model tiny");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("S002 ") && run.stderr.len() < 1_000, "{}", run.stderr);
    folder.write("model_specs/models/tiny.yaml", &format!("family: tiny\nsteps: {}\n", "[".repeat(100_000)));
    let run = folder.run("plan --model tiny");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("S002 ") && run.stderr.len() < 3_000, "{} bytes", run.stderr.len());
    let many: String = (0..9_000).map(|index| format!("field_{index}: 1\n")).collect();
    folder.write("model_specs/models/tiny.yaml", &many);
    let run = folder.run("plan --model tiny");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("… and "), "{}", &run.stderr[run.stderr.len() - 200..]);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_panic() {
    let script = format!("{} list operators | head -c 1; exit ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_gen"));
    let output = std::process::Command::new("bash").args(["-c", &script]).current_dir(base().path()).output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}

#[test]
fn bench_refuses_what_is_not_there_before_it_builds_anything() {
    let folder = base();
    let refused = |words: &str| {
        let run = folder.run(words);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "gen {words}");
        run.stderr
    };
    assert!(refused("bench --model tinny --platform cpu").contains("did you mean `tiny`?"));
    assert!(refused("bench --model tiny --platform gpu").starts_with("S011 "));
    assert!(refused("bench --model tiny --platform cpu --against tensorflow").contains("onnxruntime-web"));
    assert!(refused("bench --model tiny --platform cpu --batch 0").contains("--batch"));
    assert!(refused("bench --model tiny --platform cpu").contains("run it in a clone"));
    assert!(refused("bench").contains("--model"));
}
