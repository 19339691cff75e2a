//! What a step is bound by: the shares, the evidence, and what it means.

use laptime_results::{Record, bound_by};

use crate::{
    html::{Html, number},
    warnings::sentence,
};

/// The verdict on what bounds a step, with its evidence; nothing where nobody measured it.
pub fn limits(html: &mut Html, record: &Record) {
    let (Some(said), Some(found)) = (bound_by(record), &record.summary.bottleneck) else {
        return;
    };
    let shares = [
        ("Compute", found.compute),
        ("Memory", found.memory),
        ("Overhead", found.overhead),
        ("Input", found.input),
    ];
    html.element("figure", &[], |html| {
            let verdict = format!("A step is bound by: {}", found.bound);
            html.line("figcaption", &[], &verdict);
            html.element("table", &[("class", "phases")], |html| {
                html.raw(
                    "<thead><tr><th scope=\"col\">Limit</th><th scope=\"col\" class=\"wide\">Share of a step</th>\
                     <th scope=\"col\" class=\"num\">%</th></tr></thead>",
                );
                html.element("tbody", &[], |html| {
                    for (name, share) in shares {
                        html.element("tr", &[], |html| row(html, name, share));
                    }
                });
            });
            let class = if said.is_doubtful { "notes doubtful" } else { "notes" };
            html.line("p", &[("class", class)], &sentence(&said.meaning));
            if !said.evidence.is_empty() {
                let text = format!("Evidence: {}.", said.evidence.join(", "));
                html.line("p", &[("class", "caption")], &text);
            }
        });
}

fn row(html: &mut Html, name: &'static str, share: f64) {
    html.line("th", &[("scope", "row")], name);
    html.element("td", &[("class", "wide")], |html| {
        let svg = [("class", "bar-svg"), ("aria-hidden", "true")];
        html.element("svg", &svg, |html| {
            let width = format!("{}%", number(100.0 * share.clamp(0.0, 1.0)));
            let box_of = [
                ("class", "bar s1"),
                ("x", "0"),
                ("y", "3"),
                ("width", width.as_str()),
                ("height", "16"),
            ];
            html.void("rect", &box_of);
        });
    });
    html.line("td", &[("class", "num")], &format!("{:.0}", 100.0 * share));
}
