//! The roofline: what each kernel of a step reaches, under what the device could at best.
//!
//! S. Williams, A. Waterman, D. Patterson: "Roofline", CACM 52, 2009.

use laptime_results::{
    Analysis, KernelKind, Record,
    number::{duration, grouped, percent},
};

use super::{caption, figure, unit};
use crate::{
    html::Html,
    svg::{Axis, Look, Plot, Scale, legend},
    table::{fold, scrolled},
};

/// Kernels with less of the time have no number in the picture: they lie on one another.
const LEAST_LABELLED: f64 = 0.03;
/// A longer table is behind a fold.
const MOST_ROWS: usize = 8;

/// A kernel of the step, with its number in the picture and the table.
struct Kernel<'a> {
    number: usize,
    kind: &'a KernelKind,
    /// Operations a byte, and operations a second; `None` of a kernel that has none of one of them.
    place: Option<(f64, f64)>,
    share: f64,
}

/// The roofline with its table, or nothing where nobody measured it.
pub fn roofline(html: &mut Html, record: &Record) {
    let Some(analysis) = &record.analysis else {
        return;
    };
    let kernels = kernels(analysis);
    if kernels.is_empty() {
        return;
    }
    html.element("div", &[("class", "whole")], |html| {
        figure(html, "Roofline", |html| {
            if kernels.iter().any(|kernel| kernel.place.is_some()) {
                html.element("div", &[("class", "beside")], |html| {
                    draw(html, analysis, &kernels)
                });
            }
            if kernels.len() <= MOST_ROWS {
                table(html, &kernels);
            } else {
                let name = format!("All {} kinds of kernels", kernels.len());
                fold(html, &name, |html| {
                    table(html, &kernels);
                });
            }
        });
    });
}

/// All kernels, those that take most of the time first.
fn kernels<'a>(analysis: &'a Analysis) -> Vec<Kernel<'a>> {
    let total_s = analysis.kernels.iter().map(|it| it.step_s).sum::<f64>() + analysis.waiting_s;
    let mut kinds: Vec<&KernelKind> = analysis.kernels.iter().collect();
    kinds.sort_by(|a, b| b.step_s.total_cmp(&a.step_s));
    let kernel = |(number, kind): (usize, &'a KernelKind)| {
        let intensity = kind.flops as f64 / kind.bytes as f64;
        let speed = kind.flops as f64 / kind.step_s;
        let is_usable = |value: f64| value.is_finite() && value > 0.0;
        let share = kind.step_s / total_s;
        Kernel {
            number,
            kind,
            place: (is_usable(intensity) && is_usable(speed)).then_some((intensity, speed)),
            share: if share.is_finite() { share } else { 0.0 },
        }
    };
    (1..).zip(kinds).map(kernel).collect()
}

fn draw(html: &mut Html, analysis: &Analysis, kernels: &[Kernel]) {
    let peak = analysis.peaks.flops;
    let bandwidths = &analysis.peaks.bandwidths;
    let is_bandwidth = |it: &&f64| it.is_finite() && **it > 0.0;
    let all: Vec<f64> = bandwidths.iter().map(|it| it.bytes_per_s).collect();
    let places = || kernels.iter().filter_map(|kernel| kernel.place);
    // The ridges lie within, so that each roof has a slope and a top.
    let ridges = all
        .iter()
        .filter(is_bandwidth)
        .map(|bandwidth| peak / bandwidth);
    let x = Scale::log(places().map(|it| it.0).chain(ridges));
    let y = Scale::log(places().map(|it| it.1).chain([1.6 * peak, peak / 30.0]));
    let mut plot = Plot::new(
        Axis {
            scale: x,
            title: "operations a byte",
            name: &unit::plain,
        },
        Axis {
            scale: y,
            title: "GFLOP/s",
            name: &|flops| unit::plain(1e-9 * flops),
        },
    );
    let [left, right] = x.ends();
    let bottom = y.ends()[0];
    let roof = |plot: &mut Plot, bandwidth: f64, style| {
        let begin = left.max(bottom / bandwidth);
        let ridge = (peak / bandwidth).clamp(left, right);
        let at = |x: f64| (x, (bandwidth * x).min(peak));
        plot.line(Look::of(0), style, &[at(begin), at(ridge), at(right)]);
    };
    let usable: Vec<f64> = all.iter().copied().filter(|it| is_bandwidth(&it)).collect();
    for (place, bandwidth) in usable.iter().enumerate() {
        let is_outer = place == 0 || place + 1 == usable.len();
        roof(
            &mut plot,
            *bandwidth,
            if is_outer { "roof" } else { "roof faint" },
        );
    }
    if usable.is_empty() {
        plot.line(Look::of(0), "roof", &[(left, peak), (right, peak)]);
    }
    for kernel in kernels {
        let Some(place) = kernel.place else {
            continue;
        };
        let (look, bound) = bound(kernel.kind);
        let radius = 4.0 + 7.0 * kernel.share.clamp(0.0, 1.0).sqrt();
        let name = format!(
            "{}. {}: {}, {} of a step, bound by {bound}",
            kernel.number,
            kernel.kind.kernel,
            unit::flops(place.1),
            percent(kernel.share)
        );
        plot.point(look, place, radius, &name);
        if kernel.share >= LEAST_LABELLED {
            plot.label(place, "middle", &kernel.number.to_string());
        }
    }
    let mut text = format!("The device reaches {} at best. ", unit::flops(peak));
    if let (Some(first), Some(last)) = (bandwidths.first(), bandwidths.last()) {
        text += &format!(
            "Its bandwidth is {} within {} and {} within {}. ",
            unit::scaled(first.bytes_per_s, "B/s"),
            unit::scaled(first.bytes as f64, "B"),
            unit::scaled(last.bytes_per_s, "B/s"),
            unit::scaled(last.bytes as f64, "B")
        );
    }
    plot.draw(html, &text);
    html.element("div", &[], |html| {
        legend(
            html,
            &[
                (Look::of(1), "kernel bound by arithmetic"),
                (Look::of(2), "kernel bound by memory"),
            ],
        );
        text += "Each mark is a kernel of a step, the larger the more of the time it takes; the lines are what \
                 the device could reach at best, by how much memory is gone through.";
        caption(html, &text);
    });
}

/// What a kernel is nearer to.
fn bound(kind: &KernelKind) -> (Look, &'static str) {
    match kind.compute_s >= kind.memory_s {
        true => (Look::of(1), "arithmetic"),
        false => (Look::of(2), "memory"),
    }
}

fn table(html: &mut Html, kernels: &[Kernel]) {
    scrolled(html, "Kernels of a step", |html| {
        html.element("table", &[], |html| {
            html.raw(
                "<thead><tr><th scope=\"col\">Kernel</th><th scope=\"col\" class=\"num\">Calls</th>\
                 <th scope=\"col\" class=\"num\">A step</th><th scope=\"col\" class=\"num\">Share</th>\
                 <th scope=\"col\" class=\"num\">Speed</th><th scope=\"col\" class=\"num\">FLOP a byte</th>\
                 <th scope=\"col\">Bound by</th></tr></thead>",
            );
            html.element("tbody", &[], |html| {
                for kernel in kernels {
                    let kind = kernel.kind;
                    html.element("tr", &[], |html| {
                        let name = format!("{}. {}", kernel.number, kind.kernel);
                        html.line("th", &[("scope", "row")], &name);
                        let (speed, intensity) = match kernel.place {
                            Some((intensity, speed)) => (unit::flops(speed), unit::plain(intensity)),
                            None => ("none".into(), "none".into()),
                        };
                        for text in [
                            grouped(kind.calls),
                            duration(kind.step_s),
                            percent(kernel.share),
                            speed,
                            intensity,
                        ] {
                            html.line("td", &[("class", "num")], &text);
                        }
                        html.line("td", &[], bound(kind).1);
                    });
                }
            });
        });
    });
}
