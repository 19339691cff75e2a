//! The shapes of points, which tell series apart without colours.

use super::short;

/// A shape that is told from the others when it is small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "their names say what they are")]
pub enum Shape {
    Disc,
    Square,
    Triangle,
    Diamond,
    Cross,
}

impl Shape {
    /// The shape around a place, as the path of an SVG; about equally large for one radius.
    pub fn path(self, x: f64, y: f64, radius: f64) -> String {
        let at =
            |dx: f64, dy: f64| format!("{} {}", short(x + dx * radius), short(y + dy * radius));
        match self {
            Self::Disc => {
                let (r, twice) = (short(radius), short(2.0 * radius));
                format!(
                    "M{}a{r} {r} 0 1 0 {twice} 0a{r} {r} 0 1 0 -{twice} 0",
                    at(-1.0, 0.0)
                )
            }
            Self::Square => format!(
                "M{}H{}V{}H{}Z",
                at(-0.9, -0.9),
                short(x + 0.9 * radius),
                short(y + 0.9 * radius),
                short(x - 0.9 * radius)
            ),
            Self::Triangle => format!("M{}L{}L{}Z", at(0.0, -1.15), at(1.1, 0.85), at(-1.1, 0.85)),
            Self::Diamond => format!(
                "M{}L{}L{}L{}Z",
                at(0.0, -1.25),
                at(1.25, 0.0),
                at(0.0, 1.25),
                at(-1.25, 0.0)
            ),
            Self::Cross => {
                const ARM: [(f64, f64); 12] = [
                    (0.0, -0.45),
                    (0.75, -1.2),
                    (1.2, -0.75),
                    (0.45, 0.0),
                    (1.2, 0.75),
                    (0.75, 1.2),
                    (0.0, 0.45),
                    (-0.75, 1.2),
                    (-1.2, 0.75),
                    (-0.45, 0.0),
                    (-1.2, -0.75),
                    (-0.75, -1.2),
                ];
                let corners: Vec<String> = ARM.iter().map(|(dx, dy)| at(*dx, *dy)).collect();
                format!("M{}Z", corners.join("L"))
            }
        }
    }
}
