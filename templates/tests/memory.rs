async fn memory_is_flat_over_100_runs(context: &Context<Skillset>) -> TestResult {
    let golden = &context.goldens()?[0];
    let mut model = context.load(&golden.checkpoint).await?;
    model.run(&golden.inputs, &[]).await?;
    let second = model.run(&golden.inputs, &[]).await?;
    for _ in 2..99 {
        model.run(&golden.inputs, &[]).await?;
    }
    let last = model.run(&golden.inputs, &[]).await?;
    expect_equal("bytes held after run 100 as after run 2", &last.session.allocated_bytes, &second.session.allocated_bytes)?;
    expect_equal("outputs of run 100 as of run 2", &last.outputs, &second.outputs)
}
