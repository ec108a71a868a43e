{{ imports }}
/// The keys of HF's config.json that the model reads; each defaults as HF's config class does.
{{ config }}
/// What [`{{ model_name }}::run`] takes.
{{ inputs }}
/// What [`{{ model_name }}::run`] gives.
{{ outputs }}
/// A loaded model.
{{ model }}
/// The model's description, for [`Model`] and the registry.
{{ skill }}
{{ base }}
{% for head in heads %}{{ head }}
{% endfor %}{% for block in blocks %}{{ block }}
{% endfor %}{{ helpers }}
