use laptime_workload::Loss;
use ratatui::{Terminal, backend::TestBackend};

use super::*;
use crate::{display::Plan, live::Lane};

fn told() -> Told {
    Told {
        title: "fashion-mnist · fp32 · batch 32 · 10 epochs".into(),
        trained_by: "laptime 0.1.0 · AMD EPYC · 2 threads".into(),
        plan: Plan {
            metrics: Loss::SoftmaxCrossEntropy.metrics(),
            epochs: 10,
            samples: 600_000,
            batch_size: 32,
            run: 1,
            runs: 1,
        },
        totals_s: vec![1.95, 1.97, 2.1],
        marks: vec![("Apple M1".into(), 6.7), ("RTX 2080 Ti".into(), 7.78)],
        lanes: Vec::new(),
    }
}

fn drawn(told: &Told, columns: u16, rows: u16) -> String {
    let mut history = History::default();
    for step in 0..100 {
        let x = f64::from(step) / 10.0;
        history.metrics[0].push((x, 1.0 / (1.0 + x)));
        history.metrics[1].push((x, 1.0 - 0.5 / (1.0 + x)));
        history
            .samples_per_s
            .push_back(300_000 + 1_000 * u64::from(step as u16 % 7));
    }
    let seen = Seen {
        cores: vec![1.0, 0.5],
        temperature_c: Some(61.6),
        power_w: None,
        gpus: Vec::new(),
    };
    let stage = Stage::Training {
        epoch: 4,
        epoch_samples: 60_000,
        samples_before: 240_000,
    };
    let score = Score {
        samples: 30_000,
        sums: [9_372.0, 26_610.0],
    };
    let picture = Picture {
        told,
        stage,
        score,
        samples_per_s: Some(300_000.0),
        history: &history,
        seen: &seen,
        elapsed: Duration::from_secs(61),
        has_colour: true,
    };
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| picture.draw(frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| {
        (0..columns)
            .map(|x| buffer[(x, y)].symbol())
            .collect::<String>()
    };
    (0..rows)
        .map(|y| format!("{}\n", row(y).trim_end()))
        .collect()
}

#[test]
fn a_large_terminal_shows_everything() {
    let text = drawn(&told(), 100, 30);
    for part in [
        "fashion-mnist · fp32",
        "laptime 0.1.0",
        "epoch 5/10",
        "✓ compile   ▸ train   · test   1:01 in all",
        "Loss 0.0",
        "Accuracy 9",
        "10 epochs",
        "Throughput 301,000 samples/s",
        "median of 3 runs",
        "Apple M1",
        "cores █▅ 75 % · 62 °C",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
}

#[test]
fn any_size_shows_how_far_it_is() {
    for columns in [1, 5, 20, 24, 40, 69, 70, 200] {
        for rows in [1, 2, 3, 4, 6, 8, 12, 13, 18, 24, 60] {
            let text = drawn(&told(), columns, rows);
            let begins = text.trim_start().chars().next();
            assert!(begins.is_some(), "{columns} × {rows}:\n{text}");
            if columns >= 20 {
                assert!(text.contains("epoch 5/10"), "{columns} × {rows}:\n{text}");
            }
        }
    }
}

#[test]
fn a_race_has_a_lane_for_each_engine() {
    let lane = |name, is_running, is_done| Lane {
        name,
        text: "0.677 s in 3 runs · verified".into(),
        is_running,
        is_done,
    };
    let race = Told {
        lanes: vec![lane("laptime", false, true), lane("jax", true, false)],
        ..told()
    };
    let text = drawn(&race, 80, 24);
    assert!(text.contains("  laptime     ━━━━━"), "{text}");
    assert!(text.contains("▸ jax         ━━━━━"), "{text}");
    assert!(text.contains("in 3 runs"), "{text}");
    assert!(!text.contains("Apple M1"), "{text}");
}
