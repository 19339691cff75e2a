//! Markup. All text of others enters it here, and here it is escaped: nothing else in this crate makes
//! markup of a string that is not a part of the program.

use std::fmt::Write;

use laptime_workload::escaped_lines;

/// A part of a page while it grows.
#[derive(Debug, Clone, Default)]
pub struct Html {
    text: String,
}

/// The name and the value of an attribute; the value may be anybody's.
pub type Attribute<'a> = (&'static str, &'a str);

impl Html {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// All of it.
    pub fn finish(self) -> String {
        self.text
    }

    /// Markup of the program's own.
    pub fn raw(&mut self, markup: &'static str) {
        self.text += markup;
    }

    /// A part that has grown by itself.
    pub fn append(&mut self, other: &Self) {
        self.text += &other.text;
    }

    /// Text, whoever wrote it.
    pub fn text(&mut self, text: &str) {
        escape_into(&mut self.text, text);
    }

    /// An element that has nothing in it.
    pub fn void(&mut self, name: &'static str, attributes: &[Attribute]) {
        self.begin(name, attributes);
        self.text += "/>";
    }

    /// An element with text in it.
    pub fn line(&mut self, name: &'static str, attributes: &[Attribute], text: &str) {
        self.element(name, attributes, |html| html.text(text));
    }

    /// An element with what `inside` puts into it.
    pub fn element(
        &mut self,
        name: &'static str,
        attributes: &[Attribute],
        inside: impl FnOnce(&mut Self),
    ) {
        self.begin(name, attributes);
        self.text.push('>');
        inside(self);
        self.text += "</";
        self.text += name;
        self.text.push('>');
    }

    fn begin(&mut self, name: &'static str, attributes: &[Attribute]) {
        self.text.push('<');
        self.text += name;
        for (name, value) in attributes {
            self.text.push(' ');
            self.text += name;
            self.text += "=\"";
            escape_into(&mut self.text, value);
            self.text.push('"');
        }
    }
}

/// A number as an attribute has it: never with more digits than are seen, never one that is no number.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "0".into();
    }
    let mut text = String::new();
    write!(text, "{value:.2}").expect("a string takes any text");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    match short {
        "" | "-" | "-0" => "0".into(),
        short => short.to_owned(),
    }
}

/// Appends a text so that a browser shows what is there, in elements and in quoted attributes.
fn escape_into(markup: &mut String, text: &str) {
    for character in escaped_lines(text).chars() {
        match character {
            '&' => markup.push_str("&amp;"),
            '<' => markup.push_str("&lt;"),
            '>' => markup.push_str("&gt;"),
            '"' => markup.push_str("&quot;"),
            '\'' => markup.push_str("&#39;"),
            other => markup.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_others_becomes_markup() {
        let mut html = Html::new();
        let hostile = "</p><script>alert('1')</script>&amp;\u{202e}\0\" onload=\"x";
        html.line("p", &[("title", hostile)], hostile);
        let text = html.finish();
        let shown = "&lt;/p&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;\\u{202e}\\x00&quot; \
                     onload=&quot;x";
        assert_eq!(text, format!("<p title=\"{shown}\">{shown}</p>"));
    }

    #[test]
    fn numbers_are_short_and_always_numbers() {
        for (value, expected) in [
            (1.0, "1"),
            (1.5, "1.5"),
            (1.239, "1.24"),
            (-0.001, "0"),
            (0.0, "0"),
            (100.0, "100"),
            (f64::NAN, "0"),
            (f64::INFINITY, "0"),
        ] {
            assert_eq!(number(value), expected, "{value}");
        }
    }
}
