async fn a_row_computes_alone_what_it_computes_in_a_batch(context: &Context<Skillset>) -> TestResult {
    for golden in context.goldens()? {
        let mut model = context.load(&golden.checkpoint).await?;
        for row in 0..golden.inputs["{{ input }}"].shape()[0] {
            let mut inputs = BTreeMap::new();
            for (name, tensor) in &golden.inputs {
                inputs.insert(name.clone(), rows(tensor, row, row + 1)?);
            }
            let run = model.run(&inputs, &[]).await?;
            expect(!run.outputs.is_empty(), || format!("{}: nothing was computed", golden.name))?;
            for (name, found) in &run.outputs {
                let expected = rows(&golden.outputs[name], row, row + 1)?;
                expect_close(&format!("{}: row {row} of {name}", golden.name), found, &expected, TOLERANCE)?;
            }
        }
    }
    Ok(())
}
