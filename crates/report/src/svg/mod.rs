//! Plots: two axes and marks between them, as SVG that a style sheet colours.
//!
//! A plot has the same drawing at any width, so text in it is large enough for a phone. Its description is
//! for those who do not see it; the caption or a table beside it has the values.

mod scale;
mod shape;

use crate::html::{Html, number};

pub use scale::Scale;
pub use shape::Shape;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 290.0;
const LEFT: f64 = 74.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 52.0;
/// About so many values are named on an axis.
const TICKS: usize = 5;

/// One of the two axes.
pub struct Axis<'a> {
    /// Where values lie.
    pub scale: Scale,
    /// What they are, with their unit.
    pub title: &'a str,
    /// A value as the axis names it.
    pub name: &'a dyn Fn(f64) -> String,
}

/// A plot while it is drawn.
pub struct Plot<'a> {
    x: Axis<'a>,
    y: Axis<'a>,
    marks: Html,
}

/// How a line or a point looks: a colour of the palette and, for those who do not tell colours apart, a
/// shape or a dash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The classes of the style sheet.
    pub class: &'static str,
    /// Of points.
    pub shape: Shape,
}

impl Look {
    /// The looks of several series.
    const ALL: [Self; 5] = [
        Self {
            class: "s1",
            shape: Shape::Disc,
        },
        Self {
            class: "s2",
            shape: Shape::Square,
        },
        Self {
            class: "s3",
            shape: Shape::Triangle,
        },
        Self {
            class: "s4",
            shape: Shape::Diamond,
        },
        Self {
            class: "s5",
            shape: Shape::Cross,
        },
    ];

    /// That of a series.
    pub fn of(series: usize) -> Self {
        Self::ALL[series % Self::ALL.len()]
    }
}

impl<'a> Plot<'a> {
    /// An empty one.
    pub fn new(x: Axis<'a>, y: Axis<'a>) -> Self {
        Self {
            x,
            y,
            marks: Html::new(),
        }
    }

    /// Where a point is drawn.
    fn at(&self, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        Some((self.x_at(x)?, self.y_at(y)?))
    }

    fn x_at(&self, value: f64) -> Option<f64> {
        let place = self.x.scale.place(value)?;
        Some(LEFT + place * (WIDTH - LEFT - RIGHT))
    }

    fn y_at(&self, value: f64) -> Option<f64> {
        let place = self.y.scale.place(value)?;
        Some(HEIGHT - BOTTOM - place * (HEIGHT - TOP - BOTTOM))
    }

    /// A line through points; it has a gap where one of them has no place.
    pub fn line(&mut self, look: Look, style: &'static str, points: &[(f64, f64)]) {
        let mut path = String::new();
        let mut is_down = false;
        for point in points {
            let Some((x, y)) = self.at(*point) else {
                is_down = false;
                continue;
            };
            path += if is_down { "L" } else { "M" };
            path += &format!("{} {}", short(x), short(y));
            is_down = true;
        }
        if !path.is_empty() {
            let class = format!("line {} {style}", look.class);
            self.marks.void("path", &[("class", &class), ("d", &path)]);
        }
    }

    /// A point; its name is seen when it is pointed at.
    pub fn point(&mut self, look: Look, point: (f64, f64), radius: f64, name: &str) {
        let Some((x, y)) = self.at(point) else {
            return;
        };
        let class = format!("mark {}", look.class);
        let path = look.shape.path(x, y, radius);
        let attributes = [("class", class.as_str()), ("d", path.as_str())];
        self.marks.element("path", &attributes, |html| {
            if !name.is_empty() {
                html.line("title", &[], name);
            }
        });
    }

    /// Many small points, which are not named.
    pub fn dots(&mut self, look: Look, points: &[(f64, f64)]) {
        let mut path = String::new();
        for point in points {
            if let Some((x, y)) = self.at(*point) {
                path += &format!("M{} {}h0", short(x), short(y));
            }
        }
        if !path.is_empty() {
            let class = format!("dots {}", look.class);
            self.marks.void("path", &[("class", &class), ("d", &path)]);
        }
    }

    /// From one value to another, above one place.
    pub fn interval(&mut self, look: Look, x: f64, [low, high]: [f64; 2]) {
        let [least, most] = self.y.scale.ends();
        let ends = (
            self.at((x, low.clamp(least, most))),
            self.at((x, high.clamp(least, most))),
        );
        if let (Some((x, low)), Some((_, high))) = ends {
            let (left, right) = (short(x - 4.0), short(x + 4.0));
            let (x, low, high) = (short(x), short(low), short(high));
            let path = format!("M{left} {low}H{right}M{x} {low}V{high}M{left} {high}H{right}");
            let class = format!("whisker {}", look.class);
            self.marks.void("path", &[("class", &class), ("d", &path)]);
        }
    }

    /// A line from top to bottom.
    pub fn upright(&mut self, x: f64, style: &'static str) {
        if let Some(x) = self.x_at(x) {
            let path = format!("M{} {}V{}", short(x), TOP, HEIGHT - BOTTOM);
            self.marks.void("path", &[("class", style), ("d", &path)]);
        }
    }

    /// A word at a point.
    pub fn label(&mut self, point: (f64, f64), anchor: &'static str, text: &str) {
        if let Some((x, y)) = self.at(point) {
            let (x, y) = (number(x), number(y - 7.0));
            let attributes = [
                ("class", "label"),
                ("x", x.as_str()),
                ("y", y.as_str()),
                ("text-anchor", anchor),
            ];
            self.marks.line("text", &attributes, text);
        }
    }

    /// The whole as an image with a description.
    pub fn draw(self, html: &mut Html, description: &str) {
        let view = format!("0 0 {WIDTH} {HEIGHT}");
        let attributes = [
            ("class", "plot"),
            ("viewBox", view.as_str()),
            ("role", "img"),
            ("aria-label", description),
        ];
        html.element("svg", &attributes, |html| {
            self.draw_y(html);
            self.draw_x(html);
            html.append(&self.marks);
        });
    }

    fn draw_y(&self, html: &mut Html) {
        let mut grid = String::new();
        for tick in self.y.scale.ticks(TICKS) {
            let Some(y) = self.y_at(tick) else {
                continue;
            };
            grid += &format!("M{LEFT} {}H{}", short(y), WIDTH - RIGHT);
            tick_label(html, LEFT - 8.0, y + 5.0, "end", &(self.y.name)(tick));
        }
        html.void("path", &[("class", "grid"), ("d", &grid)]);
        title(html, 4.0, 16.0, "start", self.y.title);
    }

    fn draw_x(&self, html: &mut Html) {
        let bottom = HEIGHT - BOTTOM;
        let mut axis = format!("M{LEFT} {bottom}H{}", WIDTH - RIGHT);
        for tick in self.x.scale.ticks(TICKS) {
            let name = (self.x.name)(tick);
            let Some(x) = self.x_at(tick).filter(|_| !name.is_empty()) else {
                continue;
            };
            axis += &format!("M{} {bottom}v5", short(x));
            tick_label(html, x, bottom + 22.0, "middle", &name);
        }
        html.void("path", &[("class", "axis"), ("d", &axis)]);
        title(html, WIDTH - RIGHT, HEIGHT - 5.0, "end", self.x.title);
    }
}

/// A place to a tenth of a unit: none is seen to be finer, and thousands of them are written.
fn short(place: f64) -> String {
    let text = format!("{place:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn tick_label(html: &mut Html, x: f64, y: f64, anchor: &'static str, text: &str) {
    written(html, "tick", (x, y), anchor, text);
}

fn title(html: &mut Html, x: f64, y: f64, anchor: &'static str, text: &str) {
    written(html, "axis-title", (x, y), anchor, text);
}

fn written(
    html: &mut Html,
    class: &'static str,
    (x, y): (f64, f64),
    anchor: &'static str,
    text: &str,
) {
    let (x, y) = (number(x), number(y));
    let attributes = [
        ("class", class),
        ("x", x.as_str()),
        ("y", y.as_str()),
        ("text-anchor", anchor),
    ];
    html.line("text", &attributes, text);
}

/// What each look means, for a figure with several.
pub fn legend(html: &mut Html, entries: &[(Look, &str)]) {
    html.element("ul", &[("class", "legend")], |html| {
        for (look, text) in entries {
            html.element("li", &[], |html| {
                swatch(html, *look);
                html.text(text);
            });
        }
    });
}

/// A look by itself.
pub fn swatch(html: &mut Html, look: Look) {
    let attributes = [
        ("class", "swatch"),
        ("viewBox", "0 0 28 16"),
        ("aria-hidden", "true"),
    ];
    html.element("svg", &attributes, |html| {
        let class = format!("line {}", look.class);
        html.void("path", &[("class", &class), ("d", "M1 8H27")]);
        let class = format!("mark {}", look.class);
        let path = look.shape.path(14.0, 8.0, 4.5);
        html.void("path", &[("class", &class), ("d", &path)]);
    });
}
