//! As much of JSON Schema 2020-12 as the record's schema uses. A keyword that is not known here
//! fails the test that meets it, so that nothing goes unchecked.

use serde_json::Value;

/// What of `value` does not fit `schema`, whose definitions are in `root`; nothing where all fits.
pub fn misfits(root: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    let keywords = match schema {
        Value::Bool(true) => return found,
        Value::Object(keywords) => keywords,
        other => return vec![format!("{place}: cannot read the schema {other}")],
    };
    for (keyword, wanted) in keywords {
        let fits = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" => true,
            // Formats only say how wide a number is; what is read into the types proves them.
            "format" => true,
            "$ref" => {
                let name = wanted.as_str().and_then(|path| path.strip_prefix('#'));
                let target = name.and_then(|path| root.pointer(path));
                let target = target.unwrap_or(&Value::Null);
                found.extend(misfits(root, target, value, place));
                true
            }
            "type" => match wanted {
                Value::Array(names) => names.iter().any(|name| is_of_type(value, name)),
                name => is_of_type(value, name),
            },
            "enum" => wanted.as_array().is_some_and(|all| all.contains(value)),
            "const" => value == wanted,
            "minimum" => match (value.as_f64(), wanted.as_f64()) {
                (Some(value), Some(minimum)) => value >= minimum,
                (value, _) => value.is_none(),
            },
            "maximum" => match (value.as_f64(), wanted.as_f64()) {
                (Some(value), Some(maximum)) => value <= maximum,
                (value, _) => value.is_none(),
            },
            "minItems" | "maxItems" => match (value.as_array(), wanted.as_u64()) {
                (Some(items), Some(count)) if keyword == "minItems" => items.len() as u64 >= count,
                (Some(items), Some(count)) => items.len() as u64 <= count,
                (items, _) => items.is_none(),
            },
            "anyOf" | "oneOf" => wanted.as_array().is_some_and(|choices| {
                let mut fitting = choices
                    .iter()
                    .filter(|choice| misfits(root, choice, value, place).is_empty());
                fitting.next().is_some() && (keyword == "anyOf" || fitting.next().is_none())
            }),
            "required" => wanted.as_array().is_some_and(|names| {
                names
                    .iter()
                    .all(|name| value.get(name.as_str().unwrap_or_default()).is_some())
            }),
            "properties" => {
                for (name, property) in wanted.as_object().into_iter().flatten() {
                    if let Some(member) = value.get(name) {
                        let place = format!("{place}.{name}");
                        found.extend(misfits(root, property, member, &place));
                    }
                }
                true
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    let place = format!("{place}[{index}]");
                    found.extend(misfits(root, wanted, item, &place));
                }
                true
            }
            // Of maps from names to values alone: with named properties it would be about the others.
            "additionalProperties" if schema.get("properties").is_none() => {
                for (name, member) in value.as_object().into_iter().flatten() {
                    let place = format!("{place}.{name}");
                    found.extend(misfits(root, wanted, member, &place));
                }
                true
            }
            unknown => panic!("{place}: the keyword {unknown} is not known to this test"),
        };
        if !fits {
            found.push(format!("{place}: {value} does not fit {keyword} {wanted}"));
        }
    }
    found
}

fn is_of_type(value: &Value, name: &Value) -> bool {
    match name.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    }
}

#[test]
fn what_does_not_fit_is_found() {
    let schema = serde_json::json!({
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"type": ["integer", "null"], "minimum": 1}}
    });
    for (value, count) in [
        (serde_json::json!({"a": 1}), 0),
        (serde_json::json!({"a": null}), 0),
        (serde_json::json!({"a": 0}), 1),
        (serde_json::json!({"a": "1"}), 1),
        (serde_json::json!({}), 1),
        (serde_json::json!([]), 2),
    ] {
        assert_eq!(
            misfits(&schema, &schema, &value, "").len(),
            count,
            "{value}"
        );
    }
}
