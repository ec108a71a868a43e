/// Intermediate outputs first, so that a failure says where it starts.
async fn every_output_is_that_of_the_published_implementation(context: &Context<Skillset>) -> TestResult {
    for golden in context.goldens()? {
        let mut model = context.load(&golden.checkpoint).await?;
        let lists: Vec<&str> = model.head().outputs.iter().filter(|output| output.list).map(|output| output.name).collect();
        let run = model.run(&golden.inputs, &lists).await?;
        for (name, expected) in golden.outputs_in_order() {
            // The published class may return more than the head of this graph states.
            let Some(found) = run.output(name) else {
                expect(!states(model.head(), name), || format!("{}: {name}: was not computed", golden.name))?;
                continue;
            };
            expect_close(&format!("{}: {name}", golden.name), found, expected, TOLERANCE)?;
        }
        expect_equal("computed on", &model.report().platform, &PLATFORM)?;
    }
    Ok(())
}

/// True where the head gives this output, or this element of a list.
fn states(head: &HeadSpec, name: &str) -> bool {
    head.outputs.iter().any(|output| match name.strip_prefix(output.name) {
        Some(rest) => rest.is_empty() || (output.list && rest.starts_with('.')),
        None => false,
    })
}
