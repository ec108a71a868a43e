async fn missing_and_misshapen_weights_are_refused_by_name(context: &Context<Skillset>) -> TestResult {
    for golden in context.goldens()? {
        let model = context.load(&golden.checkpoint).await?;
        for name in model.weights_read() {
            let stored = golden.checkpoint.tensor(&name).ok_or_else(|| Outcome::Failed(format!("{name} is not in the checkpoint")))?;
            let mut shape = stored.shape.clone();
            shape.insert(0, 1);
            let misshapen = golden.checkpoint.clone().reshaped(&name, &shape);
            expect_refused(&format!("{}: {name} with another shape", golden.name), context.load(&misshapen).await, &[&name, "shape"])?;
            let missing = golden.checkpoint.clone().without(&name);
            match context.load(&missing).await {
                Ok(model) => expect(!model.report().omitted.is_empty(), || format!("{}: loaded without {name}", golden.name))?,
                Err(error) => expect(error.to_string().contains(&name), || format!("{}: {error} does not name {name}", golden.name))?,
            }
        }
    }
    Ok(())
}
