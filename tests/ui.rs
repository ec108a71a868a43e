//! One small folder of specs for each mistake in tests/ui/, laid over tests/ui/base; a snapshot holds what `gen` says, byte for byte.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

macro_rules! cases {
    ($($case:ident)*) => {
        $(#[test] fn $case() { check(stringify!($case)); })*

        #[test]
        fn every_folder_is_a_case() {
            let cases = BTreeSet::from([$(stringify!($case).to_owned()),*]);
            let folders: BTreeSet<String> = fs::read_dir(folder()).unwrap()
                .map(|entry| entry.unwrap())
                .filter(|entry| entry.path().is_dir())
                .map(|entry| entry.file_name().into_string().unwrap())
                .filter(|name| name != "base" && name != "snapshots")
                .collect();
            assert_eq!(folders, cases);
        }
    };
}

cases! {
    alias_bomb
    bad_expression
    bad_name
    bounds_of_sizes
    block_cycle
    branch_of_equal_sizes
    broken_yaml
    deep
    duplicate_field
    extends_changes_unknown_steps
    extends_cycle
    extends_unknown
    extends_was_unknown
    file_name
    head_size_not_whole
    index_beyond_the_list
    key_made_of_a_later_one
    later_name
    missing_field
    missing_output
    operator_the_platform_lacks
    operator_typo_in_platform
    parts
    plan_shows_what_is_lacking
    positions_of_unknown
    several_mistakes_in_order
    shape_mismatch
    shape_that_fits_by_accident
    state_of_another_shape
    states_and_graphs
    steps_and_parts
    tab_indentation
    type_the_platform_lacks
    unknown_block
    unknown_field
    unknown_model
    unknown_name
    unknown_operator
    unknown_platform
    unused_declaration
    unused_step
    wrong_argument
    wrong_block_text
    wrong_output
    wrong_type
    wrong_weight_prefix
}

#[test]
fn the_base_has_no_mistake() {
    let specs = common::Folder::new();
    specs.copy(&folder().join("base"));
    let run = specs.run("plan --model all --platform all --quiet");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ui"))
}

fn check(case: &str) {
    let specs = common::Folder::new();
    specs.copy(&folder().join("base"));
    specs.copy(&folder().join(case));
    let command = fs::read_to_string(specs.path().join("command")).unwrap_or_else(|_| "plan --model all --platform all".into());
    let run = specs.run(command.trim());
    let text = format!("$ gen {}\nexit code {}\n--- stdout\n{}--- stderr\n{}", command.trim(), run.code, run.stdout, run.stderr);
    insta::with_settings!({ snapshot_path => "ui/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(case, text);
    });
}
