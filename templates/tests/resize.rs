async fn another_size_between_two_runs_changes_nothing(context: &Context<Skillset>) -> TestResult {
    let golden = &context.goldens()?[0];
    let mut model = context.load(&golden.checkpoint).await?;
    let first = model.run(&golden.inputs, &[]).await?;
    let smaller = golden.inputs.iter().map(|(name, tensor)| Ok((name.clone(), rows(tensor, 0, 1)?))).collect::<Result<_, Outcome>>()?;
    model.run(&smaller, &[]).await?;
    let second = model.run(&golden.inputs, &[]).await?;
    expect_equal("outputs", &second.outputs, &first.outputs)?;
    expect_equal("milliseconds to compile again", &second.compile_ms, &0.0)
}
