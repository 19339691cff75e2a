//! The page that leads to all others.

use laptime_results::number::counted;

use super::{Refused, listing::Page, workload::fastest};
use crate::{
    html::Html,
    page::{Script, page as framed},
    warnings::sentence,
};

/// The index.
pub fn page(pages: &[Page], refused: &[&Refused]) -> String {
    let listed: usize = pages.iter().map(Page::listed).sum();
    let what = format!(
        "{} of {}",
        counted(listed as u64, "result"),
        counted(pages.len() as u64, "workload")
    );
    framed(
        "Results · laptime",
        &format!("{what}, measured by laptime."),
        Script::None,
        |html| {
            html.element("header", &[], |html| {
                html.raw("<p class=\"eyebrow\">laptime results</p>");
                html.line(
                    "h1",
                    &[],
                    "How long does it take to train a neural network?",
                );
                html.line("p", &[("class", "below")], &format!("{what}."));
            });
            html.element("main", &[], |html| {
                for page in pages {
                    html.element("section", &[], |html| {
                        html.element("h2", &[], |html| {
                            html.line("a", &[("href", &page.path())], &page.name());
                        });
                        html.line("p", &[], &fastest(page));
                        if !page.apart.is_empty() {
                            let address = format!("{}#apart", page.path());
                            let text = format!(
                                "{} listed apart",
                                counted(page.apart.len() as u64, "record")
                            );
                            html.element("p", &[], |html| {
                                html.line("a", &[("href", &address)], &text)
                            });
                        }
                    });
                }
                not_read(html, refused);
                html.raw("<p><a href=\"feed.json\">Feed of all results (JSON Feed)</a></p>");
            });
        },
    )
}

fn not_read(html: &mut Html, refused: &[&Refused]) {
    if refused.is_empty() {
        return;
    }
    html.element("section", &[], |html| {
        html.line("h2", &[], "Not listed");
        html.raw("<p>These files have no record that can be right:</p>");
        html.element("ul", &[], |html| {
            for it in refused {
                html.element("li", &[], |html| {
                    html.line("strong", &[], &format!("{}: ", it.name));
                    html.text(&sentence(&it.why));
                });
            }
        });
    });
}
