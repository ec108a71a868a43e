async fn two_runs_are_equal(context: &Context<Skillset>) -> TestResult {
    for golden in context.goldens()? {
        let mut model = context.load(&golden.checkpoint).await?;
        let first = model.run(&golden.inputs, &[]).await?;
        let second = model.run(&golden.inputs, &[]).await?;
        expect_equal(&format!("{}: outputs of the second run", golden.name), &second.outputs, &first.outputs)?;
        expect(!first.outputs.is_empty(), || format!("{}: nothing was computed", golden.name))?;
    }
    Ok(())
}
