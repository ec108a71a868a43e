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
{% if has_integers %}    let count = first.descriptor().element_count();
    let floats = Tensor::from_slice(first.shape(), &vec![0.0f32; count])?;
    expect_refused("a float {{ input }}", model.run(&given("{{ input }}", floats), &[]).await, &["{{ input }}", "{{ data_type }}"])?;
{% endif %}{% if has_limits %}    let zeros = Tensor::from_slice(first.shape(), &vec![0i32; count])?;
{% endif %}{% for limit in limits %}    let limit = model.config().{{ limit.key }} as i64;
    model.run(&given("{{ limit.input }}", with_element(&zeros, 1, limit - 1)?), &[]).await?;
    for wrong in [limit, -1] {
        let what = format!("{{ limit.input }} of {wrong}");
        expect_refused(&what, model.run(&given("{{ limit.input }}", with_element(&zeros, 1, wrong)?), &[]).await, &["{{ limit.input }}"])?;
    }
{% endfor %}    Ok(())
}
