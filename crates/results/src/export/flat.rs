//! Tables whose columns have the names that their values have in JSON.

use serde_json::Value;

use super::cell;

/// Rows as comma-separated values (RFC 4180). A list is one field, written as JSON; null is empty.
pub(super) fn csv(names: &[&str], rows: &[Vec<Value>]) -> String {
    let line = |fields: Vec<String>| fields.join(",") + "\n";
    let mut text = line(names.iter().map(|name| cell::csv(name)).collect());
    for row in rows {
        text += &line(row.iter().map(|value| cell::csv(&field(value))).collect());
    }
    text
}

fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Rows as JSON, one object a line, its members in the order of the columns.
pub(super) fn json_lines(names: &[&str], rows: &[Vec<Value>]) -> String {
    let object = |row: &Vec<Value>| {
        let members = names.iter().zip(row);
        let members: Vec<String> = members
            .map(|(name, value)| format!("{}:{value}", Value::from(*name)))
            .collect();
        format!("{{{}}}\n", members.join(","))
    };
    rows.iter().map(object).collect()
}
