async fn a_row_computes_alone_what_it_computes_in_a_batch(context: &Context<Skillset>) -> TestResult {
    for golden in context.goldens()? {
        let mut model = context.load(&golden.checkpoint).await?;
        let whole = model.run(&golden.inputs, &[]).await?;
        expect(!whole.outputs.is_empty(), || format!("{}: nothing was computed", golden.name))?;
        for row in 0..golden.inputs["{{ input }}"].shape()[0] {
            let mut inputs = BTreeMap::new();
            for (name, tensor) in &golden.inputs {
                inputs.insert(name.clone(), rows(tensor, row, row + 1)?);
            }
            let run = model.run(&inputs, &[]).await?;
            for (name, together) in &whole.outputs {
                let expected = rows(together, row, row + 1)?;
                let found = run.output(name).ok_or_else(|| Outcome::Failed(format!("{}: {name} was not computed", golden.name)))?;
                expect_close(&format!("{}: row {row} of {name}", golden.name), found, &expected, TOLERANCE)?;
            }
        }
    }
    Ok(())
}
