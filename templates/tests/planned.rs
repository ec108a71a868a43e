async fn the_graph_is_the_one_that_was_planned(_context: &Context<Skillset>) -> TestResult {
    let config = Config::default();
    let sizes = Sizes::new([{{ sizes }}]);
    expect_equal("graphs", &(Skillset::HEADS.len() + Skillset::GRAPHS.len()), &PLANNED.len())?;
    for (head, planned) in Skillset::HEADS.iter().chain(Skillset::GRAPHS).zip(PLANNED) {
        let graph = Skillset::graph(&config, &Skillset::weight_names(&config), head, &sizes, &Request::new())?;
        let program = optimize(&graph);
        expect_equal(&format!("{}: digest of the graph", head.name), &graph.digest(), &planned.digest)?;
        expect_equal(&format!("{}: dispatches", head.name), &program.dispatches(), &planned.dispatches)?;
        expect_equal(&format!("{}: arena bytes", head.name), &program.arena_bytes(), &planned.arena_bytes)?;
        expect_equal(&format!("{}: weight bytes", head.name), &program.weight_bytes(), &planned.weight_bytes)?;
    }
    Ok(())
}

/// What `gen plan` says of a head.
struct Planned {
    digest: u64,
    dispatches: usize,
    arena_bytes: usize,
    weight_bytes: usize,
}

/// The heads in their order, then the graphs beside them, with the default config and {{ sizes_text }}.
const PLANNED: &[Planned] = &[
{% for row in planned %}    // {{ row.head }}
    Planned { digest: 0x{{ row.digest }}, dispatches: {{ row.dispatches }}, arena_bytes: {{ row.arena_bytes }}, weight_bytes: {{ row.weight_bytes }} },
{% endfor %}];
