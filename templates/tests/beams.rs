/// Rows in another order, one of them twice, go on as those that they became.
async fn reordered_states_go_on_as_the_rows_they_became(context: &Context<Skillset>) -> TestResult {
    let mut compared = 0;
    for golden in context.goldens()? {
        let mut model = context.load(&golden.checkpoint).await?;
        let Some(generation) = Skillset::generation(model.config(), model.head()) else { continue };
        let (Some(reorder), Some(order)) = (generation.reorder, generation.order) else { continue };
        // Beams belong to one item: every row has the first one's other inputs.
        let required = skill::inputs_of::<Skillset>(model.config(), model.head()).into_iter().filter(|input| input.default == InputDefault::Required);
        let mut given = BTreeMap::new();
        for name in required.map(|input| input.name) {
            let tensor = &golden.inputs[name];
            given.insert(name.to_owned(), if name == generation.ids { tensor.clone() } else { selected(tensor, &vec![0; tensor.shape()[0]])? });
        }
        let ids = given[generation.ids].clone();
        let (batch, tokens, half) = (ids.shape()[0], ids.shape()[1], ids.shape()[1] / 2);
        // The last row twice, then the others: row `i` becomes `chosen[i]`.
        let chosen: Vec<usize> = (0..batch).map(|row| (batch - 1).saturating_sub(row.saturating_sub(1))).collect();
        let whole = model.run(&given, &[]).await?;
        let states = model.states(&whole.sizes).await?;
        // What is encoded once serves every beam.
        if let Some(encode) = generation.encode {
            let one = Sizes::new(whole.sizes.iter().map(|(name, size)| (name, if name == "batch" { 1 } else { size })));
            let encoded = model.states(&one).await?;
            let mut graph = model.open_graph(encode, &one, &encoded).await?;
            let mut taken = BTreeMap::new();
            for (name, tensor) in given.iter().filter(|(name, _)| graph.spec().inputs.contains(&name.as_str())) {
                taken.insert(name.clone(), selected(tensor, &[0])?);
            }
            graph.run(&taken).await?;
            states.repeat(&encoded).await?;
        }
        let mut step = model.open_graph(generation.step, &whole.sizes, &states).await?;
        let mut reordering = model.open_graph(reorder, &whole.sizes, &states).await?;
        let chosen_ids = selected(&ids, &chosen)?;
        given.insert(generation.ids.to_owned(), chosen_ids.clone());
        let expected = model.run(&given, &[]).await?;
        let expected = expected.output(generation.logits).ok_or_else(|| Outcome::Failed(format!("{}: no logits", golden.name)))?;
        for place in 0..tokens {
            if place == half {
                let rows: Vec<i32> = chosen.iter().map(|row| *row as i32).collect();
                reordering.run(&BTreeMap::from([(order.to_owned(), Tensor::from_slice(&[batch], &rows)?)])).await?;
            }
            let inputs = BTreeMap::from([
                (generation.token.to_owned(), column(if place < half { &ids } else { &chosen_ids }, place)?),
                (generation.position.to_owned(), Tensor::from_slice(&[1], &[place as i32])?),
            ]);
            let found = step.run(&inputs).await?;
            let found = found.iter().find(|(name, _)| name == generation.logits).map(|(_, tensor)| tensor);
            let found = found.ok_or_else(|| Outcome::Failed(format!("{}: no logits of a step", golden.name)))?;
            if place >= half {
                let expected = column(expected, place)?;
                let expected = Tensor::new(found.descriptor().clone(), expected.bytes())?;
                expect_close(&format!("{}: step {place}", golden.name), found, &expected, TOLERANCE)?;
                compared += batch;
            }
        }
    }
    expect(compared > 0, || "no golden has a head that reorders".to_owned())
}
