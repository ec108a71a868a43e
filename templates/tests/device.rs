async fn without_the_device_loading_says_why(context: &Context<Skillset>) -> TestResult {
    let golden = &context.goldens()?[0];
    let options = LoadOptions { forbidden: Platform::ALL.to_vec(), ..LoadOptions::default() };
    expect_refused("every platform forbidden", Model::<Skillset>::load(&golden.checkpoint, &options).await.map(drop), &["{{ platform }}", "forbidden"])
}
