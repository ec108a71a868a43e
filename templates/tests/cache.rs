/// Token by token from states on the device, against all tokens at once.
async fn the_cache_gives_what_no_cache_gives_at_every_step(context: &Context<Skillset>) -> TestResult {
    let mut compared = 0;
    for golden in context.goldens()? {
        let mut model = context.load(&golden.checkpoint).await?;
        let Some(generation) = Skillset::generation(model.config(), model.head()) else { continue };
        let required = skill::inputs_of::<Skillset>(model.config(), model.head()).into_iter().filter(|input| input.default == InputDefault::Required);
        let given: BTreeMap<_, _> = required.map(|input| (input.name.to_owned(), golden.inputs[input.name].clone())).collect();
        let whole = model.run(&given, &[]).await?;
        let expected = whole.output(generation.logits).ok_or_else(|| Outcome::Failed(format!("{}: no logits", golden.name)))?;
        let states = model.states(&whole.sizes).await?;
        if let Some(encode) = generation.encode {
            let mut graph = model.open_graph(encode, &whole.sizes, &states).await?;
            let taken = given.iter().filter(|(name, _)| graph.spec().inputs.contains(&name.as_str()));
            graph.run(&taken.map(|(name, tensor)| (name.clone(), tensor.clone())).collect()).await?;
        }
        let mut step = model.open_graph(generation.step, &whole.sizes, &states).await?;
        let ids = &given[generation.ids];
        let (batch, tokens) = (ids.shape()[0], ids.shape()[1]);
        for place in 0..tokens {
            let inputs = BTreeMap::from([
                (generation.token.to_owned(), column(ids, place)?),
                (generation.position.to_owned(), Tensor::from_slice(&[1], &[place as i32])?),
            ]);
            let found = step.run(&inputs).await?;
            let found = found.iter().find(|(name, _)| name == generation.logits).map(|(_, tensor)| tensor);
            let found = found.ok_or_else(|| Outcome::Failed(format!("{}: no logits of a step", golden.name)))?;
            let expected = column(expected, place)?;
            let expected = Tensor::new(found.descriptor().clone(), expected.bytes())?;
            expect_close(&format!("{}: step {place}", golden.name), found, &expected, TOLERANCE)?;
            compared += batch;
        }
    }
    expect(compared > 0, || "no golden has a head that generates".to_owned())
}
