//! The frame of each page: what it may load (nothing), how it looks, and who made it.

use crate::html::Html;

const STYLE: &str = include_str!("style.css");

/// What makes tables sortable.
pub const SCRIPT: &str = include_str!("site/table.js");

/// The SHA-256 sum of [`SCRIPT`], without which a browser refuses to run it.
pub const SCRIPT_SHA256: &str = "WTRt419ZYFB6Sx+NMUjFtZoavwcGEpLH5txhmRcX5RE=";

/// Whether a page has a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// None at all.
    None,
    /// The one of tables.
    Table,
}

/// A page with this body.
pub fn page(
    title: &str,
    description: &str,
    script: Script,
    body: impl FnOnce(&mut Html),
) -> String {
    let mut html = Html::new();
    html.raw("<!DOCTYPE html>\n");
    html.element("html", &[("lang", "en")], |html| {
        html.element("head", &[], |html| head(html, title, description, script));
        html.element("body", &[], |html| {
            html.element("div", &[("class", "page")], |html| {
                body(html);
                foot(html);
            });
            if script == Script::Table {
                html.raw("<script>");
                html.raw(SCRIPT);
                html.raw("</script>");
            }
        });
    });
    html.raw("\n");
    html.finish()
}

fn head(html: &mut Html, title: &str, description: &str, script: Script) {
    html.raw("<meta charset=\"utf-8\"/>");
    // Whatever a record says, nothing is loaded and nothing runs but what is ours.
    let scripts = match script {
        Script::None => String::new(),
        Script::Table => format!("; script-src 'sha256-{SCRIPT_SHA256}'"),
    };
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:{scripts}; base-uri 'none'; form-action 'none'"
    );
    let policy = [
        ("http-equiv", "Content-Security-Policy"),
        ("content", policy.as_str()),
    ];
    html.void("meta", &policy);
    html.raw(
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\
         <meta name=\"color-scheme\" content=\"light dark\"/>\
         <meta name=\"referrer\" content=\"no-referrer\"/><link rel=\"icon\" href=\"data:,\"/>",
    );
    html.void("meta", &[("name", "description"), ("content", description)]);
    html.line("title", &[], title);
    html.raw("<style>");
    html.raw(STYLE);
    html.raw("</style>");
}

fn foot(html: &mut Html) {
    html.element("footer", &[], |html| {
        html.raw("<p>Made by laptime ");
        html.text(env!("CARGO_PKG_VERSION"));
        html.raw(
            ". All summaries are derived from raw times. An interval covers the true median with about 95 % \
             probability. <em>Verified</em> means that the engine does the same training as a reference in \
             double precision.</p>",
        );
    });
}
