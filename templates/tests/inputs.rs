async fn wrong_inputs_are_refused_by_name(context: &Context<Skillset>) -> TestResult {
    let golden = &context.goldens()?[0];
    let mut model = context.load(&golden.checkpoint).await?;
    let given = |name: &str, tensor: Tensor| {
        let mut inputs = golden.inputs.clone();
        inputs.insert(name.to_owned(), tensor);
        inputs
    };
    let first = &golden.inputs["{{ input }}"];
    expect_refused("an unknown input", model.run(&given("no_such_input", first.clone()), &[]).await, &["no_such_input"])?;
    let mut inputs = golden.inputs.clone();
    inputs.remove("{{ input }}");
    expect_refused("no {{ input }}", model.run(&inputs, &[]).await, &["{{ input }}"])?;
    let count = first.descriptor().element_count();
{% if has_integers %}    let floats = Tensor::from_slice(first.shape(), &vec![0.0f32; count])?;
    expect_refused("a float {{ input }}", model.run(&given("{{ input }}", floats), &[]).await, &["{{ input }}", "{{ data_type }}"])?;
{% endif %}{% if has_floats %}    let integers = Tensor::from_slice(first.shape(), &vec![0i32; count])?;
    expect_refused("an integer {{ input }}", model.run(&given("{{ input }}", integers), &[]).await, &["{{ input }}", "{{ data_type }}"])?;
    let mut flat = first.shape().to_vec();
    flat.push(1);
    let flat = Tensor::from_slice(&flat, first.as_slice::<f32>()?)?;
    expect_refused("{{ input }} of another rank", model.run(&given("{{ input }}", flat), &[]).await, &["{{ input }}"])?;
{% endif %}{% for limit in limits %}    let shape = golden.inputs["{{ limit.like }}"].shape();
    let zeros = Tensor::from_slice(shape, &vec![0i32; shape.iter().product()])?;
    let limit = model.config().{{ limit.key }} as i64;
    model.run(&given("{{ limit.input }}", with_element(&zeros, 1, limit - 1)?), &[]).await?;
    for wrong in [limit, -1] {
        let what = format!("{{ limit.input }} of {wrong}");
        expect_refused(&what, model.run(&given("{{ limit.input }}", with_element(&zeros, 1, wrong)?), &[]).await, &["{{ limit.input }}"])?;
    }
{% endfor %}    Ok(())
}
