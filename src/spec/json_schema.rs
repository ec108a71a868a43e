//! The JSON Schema (draft 2020-12) of the specs, for editors.

use serde_json::{Map, Value, json};

use super::schema::{Record, Shape};
use super::{block, browser, model, platform, step};

/// The schema of every kind of file, by the name of its folder.
pub fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("models", file(&model::MODEL)),
        ("blocks", file(&block::BLOCK)),
        ("platforms", file(&platform::PLATFORM)),
        ("browsers", file(&browser::BROWSER)),
    ]
}

/// The schema of one kind of file.
fn file(root: &'static Record) -> Value {
    let mut definitions = Map::new();
    let body = record(root, &mut definitions);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": root.name,
    });
    for (key, value) in body.as_object().cloned().unwrap_or_default() {
        schema[key] = value;
    }
    if !definitions.is_empty() {
        schema["$defs"] = Value::Object(definitions);
    }
    schema
}

fn record(record: &'static Record, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    for field in record.fields {
        let mut schema = shape(&field.shape, definitions);
        schema["description"] = field.doc.into();
        properties.insert(field.name.to_owned(), schema);
    }
    let required: Vec<_> = record.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({ "type": "object", "description": record.doc, "properties": properties, "required": required, "additionalProperties": false })
}

fn shape(shape: &'static Shape, definitions: &mut Map<String, Value>) -> Value {
    let scalar = || json!({ "type": ["string", "number", "boolean"] });
    match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Int => json!({ "type": "integer" }),
        Shape::Number => json!({ "type": "number" }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Scalar | Shape::Expression => scalar(),
        Shape::Literal => json!({ "anyOf": [scalar(), { "type": "array", "items": { "type": "integer" }, "minItems": 1 }] }),
        Shape::Choice(known) => json!({ "enum": known }),
        Shape::List(each) => json!({ "type": "array", "items": self::shape(each, definitions) }),
        Shape::Map(each) => json!({ "type": "object", "additionalProperties": self::shape(each, definitions) }),
        Shape::Record(each) => reference(each, definitions),
        Shape::Either(short, each) => json!({ "anyOf": [self::shape(short, definitions), reference(each, definitions)] }),
        Shape::Value => json!({ "anyOf": [scalar(), reference(&step::WHEN, definitions), reference(&step::MATCH, definitions)] }),
        Shape::Steps => {
            if !definitions.contains_key("step") {
                definitions.insert("step".into(), Value::Null);
                let bind = json!({
                    "type": "object",
                    "description": "Binds a name.",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "propertyNames": { "not": { "enum": ["repeat", "collect", "steps"] } },
                    "additionalProperties": self::shape(&Shape::Value, definitions),
                });
                let step = json!({ "anyOf": [reference(&step::REPEAT, definitions), reference(&step::COLLECT, definitions), bind] });
                definitions.insert("step".into(), step);
            }
            json!({ "type": "array", "items": { "$ref": "#/$defs/step" } })
        }
    }
}

fn reference(each: &'static Record, definitions: &mut Map<String, Value>) -> Value {
    if !definitions.contains_key(each.name) {
        definitions.insert(each.name.to_owned(), Value::Null);
        let body = record(each, definitions);
        definitions.insert(each.name.to_owned(), body);
    }
    json!({ "$ref": format!("#/$defs/{}", each.name) })
}
