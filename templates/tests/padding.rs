/// `{{ mask }}` hides up to three more positions of `{{ symbol }}`; what stands before them stays.
async fn padding_changes_nothing(context: &Context<Skillset>) -> TestResult {
    let mut compared = 0;
    for golden in context.goldens()? {
        let mut model = context.load(&golden.checkpoint).await?;
        let specs = Skillset::inputs(model.config());
        let Some(axis) = specs.iter().find(|spec| spec.name == "{{ mask }}").and_then(|spec| axis_of(spec, "{{ symbol }}")) else {
            return Err(Outcome::Failed("`{{ mask }}` has no axis `{{ symbol }}`".into()));
        };
        // A head that does not read what is padded has nothing to compare.
        let Some(first) = golden.inputs.get("{{ padded }}").filter(|_| model.head().inputs.contains(&"{{ mask }}")) else { continue };
        let shape = first.shape().to_vec();
        let maximum = Skillset::dimensions(model.config()).into_iter().find(|known| known.name == "{{ symbol }}").and_then(|known| known.maximum);
        let extra = maximum.map_or(3, |(maximum, _)| (maximum - shape[axis]).min(3));
        let ones = Tensor::from_slice(&shape, &vec![1i32; shape.iter().product()])?;
        let mask = golden.inputs.get("{{ mask }}").cloned().unwrap_or(ones);
        let mut given = golden.inputs.clone();
        given.insert("{{ mask }}".to_owned(), mask.clone());
        let mut inputs = BTreeMap::new();
        for (name, tensor) in &given {
            let axis = specs.iter().find(|spec| spec.name == name).and_then(|spec| axis_of(spec, "{{ symbol }}"));
            inputs.insert(name.clone(), match axis {
                Some(axis) => padded(tensor, axis, extra)?,
                None => tensor.clone(),
            });
        }
        let plain = model.run(&golden.inputs, &[]).await?;
        let run = model.run(&inputs, &[]).await?;
        for output in model.head().outputs.iter().filter(|output| !output.list) {
            let (Some(found), Some(plain)) = (run.output(output.name), plain.output(output.name)) else { continue };
            let found = match output.shape.iter().position(|size| *size == "{{ symbol }}") {
                Some(axis) => truncated(found, axis, shape[axis])?,
                None => found.clone(),
            };
            for row in 0..shape[0] {
                // A row that hides everything attends to padding as to all else.
                if rows(&mask, row, row + 1)?.bytes().iter().all(|byte| *byte == 0) {
                    continue;
                }
                let expected = rows(plain, row, row + 1)?;
                let what = format!("{}: row {row} of {} with {extra} more positions", golden.name, output.name);
                expect_close(&what, &rows(&found, row, row + 1)?, &expected, TOLERANCE)?;
                compared += extra;
            }
        }
    }
    expect(compared > 0, || "no golden has room for padding".to_owned())
}
