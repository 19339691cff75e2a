//! What the machine did while runs were timed: use of the cores, clock and power over time.

use laptime_measure::telemetry::Sample;
use laptime_results::{
    Record,
    number::{percent, three_digits},
};

use super::{caption, figure, unit};
use crate::{
    html::Html,
    svg::{Axis, Look, Plot, Scale, legend},
};

/// More would not be seen, and make the page long.
const MOST_SAMPLES: usize = 480;
/// More ends of runs than these are not told apart.
const MOST_RUNS: usize = 40;

/// All runs one behind the other.
struct Timeline {
    /// Each at its time on the whole line.
    samples: Vec<Sample>,
    /// Where runs end.
    ends: Vec<f64>,
    /// The mean power of each run: its begin, its end, watts.
    power: Vec<[f64; 3]>,
}

/// The pictures of what was observed, or nothing.
pub fn telemetry(html: &mut Html, record: &Record) {
    let timeline = timeline(record);
    if timeline.samples.len() >= 2 {
        cores(html, &timeline);
        clock(html, &timeline);
    }
    power(html, &timeline);
}

fn timeline(record: &Record) -> Timeline {
    let mut found = Timeline {
        samples: Vec::new(),
        ends: Vec::new(),
        power: Vec::new(),
    };
    let mut begin_s = 0.0;
    for telemetry in record.runs.iter().filter_map(|run| run.telemetry.as_ref()) {
        let is_usable = |sample: &&Sample| sample.at_s.is_finite() && sample.at_s >= 0.0;
        found.samples.extend(
            telemetry
                .samples
                .iter()
                .filter(is_usable)
                .map(|sample| Sample {
                    at_s: begin_s + sample.at_s,
                    ..*sample
                }),
        );
        let end_s = begin_s + telemetry.wall_s.clamp(0.0, 1e9);
        found.ends.push(end_s);
        if let Some(watts) = telemetry.mean_power_w.filter(|it| it.is_finite()) {
            found.power.push([begin_s, end_s, watts]);
        }
        begin_s = end_s;
    }
    let together = found.samples.len().div_ceil(MOST_SAMPLES).max(1);
    found.samples = found.samples.chunks(together).map(merged).collect();
    found
}

/// Neighbours as one sample, so that a mean stays a mean.
fn merged(samples: &[Sample]) -> Sample {
    let mean = |value: fn(&Sample) -> Option<f64>| {
        let known: Vec<f64> = samples.iter().filter_map(value).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    Sample {
        at_s: samples.last().map_or(0.0, |it| it.at_s),
        span_s: samples.iter().map(|it| it.span_s).sum(),
        busy_share: mean(|it| it.busy_share),
        foreign_share: mean(|it| it.foreign_share),
        frequency_hz: mean(|it| it.frequency_hz),
        power_w: mean(|it| it.power_w),
    }
}

impl Timeline {
    fn series(&self, value: fn(&Sample) -> Option<f64>) -> Vec<(f64, f64)> {
        let samples = self.samples.iter();
        let known = samples.filter_map(|it| Some((it.at_s, value(it)?)));
        known.filter(|it| it.1.is_finite()).collect()
    }

    fn plot<'a>(&self, y: Axis<'a>) -> Plot<'a> {
        let end_s = self.ends.last().copied().unwrap_or(1.0);
        let mut plot = Plot::new(
            Axis {
                scale: Scale::exactly(0.0, end_s.max(1e-6)),
                title: "time in the runs, s",
                name: &unit::plain,
            },
            y,
        );
        if (2..=MOST_RUNS).contains(&self.ends.len()) {
            for end_s in &self.ends[..self.ends.len() - 1] {
                plot.upright(*end_s, "boundary");
            }
        }
        plot
    }
}

fn mean(series: &[(f64, f64)]) -> f64 {
    series.iter().map(|it| it.1).sum::<f64>() / series.len().max(1) as f64
}

fn cores(html: &mut Html, timeline: &Timeline) {
    let busy = timeline.series(|it| it.busy_share);
    let foreign = timeline.series(|it| it.foreign_share);
    if busy.len() < 2 {
        return;
    }
    figure(html, "Use of the cores", |html| {
        let mut plot = timeline.plot(Axis {
            scale: Scale::exactly(0.0, 1.04),
            title: "share of the cores' time",
            name: &unit::percent,
        });
        let looks = [Look::of(0), Look::of(1)];
        plot.line(looks[0], "", &busy);
        plot.line(looks[1], "dashed", &foreign);
        let text = format!(
            "The cores were busy for {} of the time on average; others had {} of it.",
            percent(mean(&busy)),
            percent(mean(&foreign))
        );
        plot.draw(html, &text);
        legend(
            html,
            &[
                (looks[0], "all together"),
                (looks[1], "other programs and the system"),
            ],
        );
        let boundaries = match timeline.ends.len() {
            2..=MOST_RUNS => " Upright lines are the ends of runs.",
            _ => "",
        };
        caption(html, &format!("{text}{boundaries}"));
    });
}

fn clock(html: &mut Html, timeline: &Timeline) {
    let clock: Vec<(f64, f64)> = timeline
        .series(|it| it.frequency_hz)
        .iter()
        .map(|(at_s, hz)| (*at_s, 1e-9 * hz))
        .collect();
    if clock.len() >= 2 {
        let words = [
            "Clock",
            "clock of busy cores, GHz",
            "The clock of the busy cores",
            "GHz",
        ];
        line(html, timeline, words, &clock);
    }
}

/// One value over time: the picture's title, its axis, what the value is, its unit.
fn line(
    html: &mut Html,
    timeline: &Timeline,
    [title, axis, what, unit]: [&str; 4],
    values: &[(f64, f64)],
) {
    figure(html, title, |html| {
        let mut plot = timeline.plot(Axis {
            scale: Scale::linear(values.iter().map(|it| it.1), true),
            title: axis,
            name: &unit::plain,
        });
        plot.line(Look::of(0), "", values);
        let text = format!(
            "{what} was {} {unit} on average.",
            three_digits(mean(values))
        );
        plot.draw(html, &text);
        caption(html, &text);
    });
}

fn power(html: &mut Html, timeline: &Timeline) {
    let power = timeline.series(|it| it.power_w);
    if power.len() >= 2 {
        line(
            html,
            timeline,
            ["Power", "processor, W", "The power of the processor", "W"],
            &power,
        );
        return;
    }
    if timeline.power.is_empty() {
        return;
    }
    // Records of earlier versions have means alone.
    figure(html, "Power", |html| {
        let watts = timeline.power.iter().map(|it| it[2]);
        let mean_w = watts.clone().sum::<f64>() / timeline.power.len() as f64;
        let mut plot = timeline.plot(Axis {
            scale: Scale::linear(watts, true),
            title: "processor, W",
            name: &unit::plain,
        });
        for (place, [begin_s, end_s, watts]) in timeline.power.iter().enumerate() {
            plot.line(Look::of(0), "", &[(*begin_s, *watts), (*end_s, *watts)]);
            let name = format!("run {}: {} W", place + 1, three_digits(*watts));
            plot.point(Look::of(0), ((begin_s + end_s) / 2.0, *watts), 4.0, &name);
        }
        let text = format!(
            "The mean power of the processor in each run, {} W on average.",
            three_digits(mean_w)
        );
        plot.draw(html, &text);
        caption(html, &text);
    });
}
