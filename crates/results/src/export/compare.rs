//! Comparisons as files.

use serde_json::Value;

use super::{cell::markdown_paragraph, flat, markdown::row};
use crate::{
    compare::{COLUMNS, Compared, Row},
    json_text::indented,
    number::decimals,
    render::ratio_with_interval,
};

/// The comparisons as an array of JSON objects, one each.
pub fn comparison_json(compared: &Compared) -> String {
    indented(&compared.rows())
}

/// The same rows as CSV, under the same names.
pub fn comparison_csv(compared: &Compared) -> String {
    let rows: Vec<Vec<Value>> = compared.rows().iter().map(values).collect();
    flat::csv(COLUMNS, &rows)
}

fn values(row: &Row) -> Vec<Value> {
    let row = serde_json::to_value(row).expect("a row has only strings for keys");
    COLUMNS.iter().map(|name| row[*name].clone()).collect()
}

/// The comparisons as a Markdown table with their sentences below it. No time stands in it without the
/// gate's word.
pub fn comparison_markdown(compared: &Compared) -> String {
    let mut text = String::from(
        "| A | Total A [s] | Gate A | B | Total B [s] | Gate B | Speed of A over B (95 %) |\n\
         |:---|---:|:---|:---|---:|:---|---:|\n",
    );
    let rows = compared.rows();
    for it in &rows {
        let seconds = |value: Option<f64>| {
            value.map_or_else(String::new, |value| format!("{value:.0$}", decimals(value)))
        };
        let gate = |gate: &Option<String>| gate.clone().unwrap_or_else(|| "published".into());
        let interval = it.speed_ratio_low.zip(it.speed_ratio_high);
        let ratio = it
            .speed_ratio
            .map(|ratio| ratio_with_interval(ratio, interval.map(|(low, high)| [low, high])));
        text += &row(&[
            it.a.clone(),
            seconds(it.a_total_s),
            gate(&it.a_gate),
            it.b.clone(),
            seconds(it.b_total_s),
            gate(&it.b_gate),
            ratio.unwrap_or_default(),
        ]);
    }
    for it in &rows {
        text += &format!("\n{}\n", markdown_paragraph(&it.sentence));
        let warnings = it
            .warnings
            .iter()
            .map(|why| format!("not comparable: {why}"));
        for note in it.notes.iter().cloned().chain(warnings) {
            text += &format!("\n{}\n", markdown_paragraph(&format!("({note})")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{compare::Side, published};

    #[test]
    fn the_columns_are_the_members_of_a_row() {
        let sides = published::results().iter().take(2).map(Side::Published);
        let compared = Compared::of(sides.collect(), &[], false).expect("one workload");
        let row = serde_json::to_value(&compared.rows()[0]).expect("it is JSON");
        let mut members: Vec<&String> = row.as_object().expect("an object").keys().collect();
        let mut columns = COLUMNS.to_vec();
        columns.sort();
        members.sort();
        assert_eq!(members, columns);
    }
}
