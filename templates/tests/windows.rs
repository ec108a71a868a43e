/// What a long sound is to the device: one thing after another encoded and written of, on the same graphs and states.
async fn memory_is_flat_over_20_windows(context: &Context<Skillset>) -> TestResult {
    let mut windows = 0;
    for golden in context.goldens()? {
        let model = context.load(&golden.checkpoint).await?;
        let Some(generation) = Skillset::generation(model.config(), model.head()) else { continue };
        let ids = &golden.inputs[generation.ids];
        let sizes = Sizes::new([("batch", ids.shape()[0])]);
        let states = model.states(&sizes).await?;
        let mut encode = match generation.encode {
            Some(name) => Some(model.open_graph(name, &sizes, &states).await?),
            None => None,
        };
        let mut step = model.open_graph(generation.step, &sizes, &states).await?;
        let mut second = None;
        for window in 1..=20 {
            states.clear()?;
            if let Some(graph) = &mut encode {
                let taken = golden.inputs.iter().filter(|(name, _)| graph.spec().inputs.contains(&name.as_str()));
                graph.run(&taken.map(|(name, tensor)| (name.clone(), tensor.clone())).collect()).await?;
            }
            let mut written = Vec::new();
            for place in 0..ids.shape()[1] {
                let inputs = BTreeMap::from([
                    (generation.token.to_owned(), column(ids, place)?),
                    (generation.position.to_owned(), Tensor::from_slice(&[1], &[place as i32])?),
                ]);
                written.push(step.run(&inputs).await?);
            }
            let (allocated_bytes, allocations) = (step.report().allocated_bytes, step.report().allocations);
            match &second {
                None if window == 2 => second = Some((written, allocated_bytes, allocations)),
                None => {}
                Some((expected, bytes, pieces)) => {
                    expect_equal(&format!("bytes held after window {window} as after window 2"), &allocated_bytes, bytes)?;
                    expect_equal(&format!("pieces of memory after window {window} as after window 2"), &allocations, pieces)?;
                    expect_equal(&format!("logits of window {window} as of window 2"), &written, expected)?;
                }
            }
            windows += 1;
        }
        break;
    }
    expect(windows == 20, || "no golden has a head that generates".to_owned())
}
