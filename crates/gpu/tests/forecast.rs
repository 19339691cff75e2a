//! The prediction of a step, held against the one card that laptime was profiled on, and what it counts of a card
//! that is not here.

mod common;

use common::builtin;
use laptime_engine::Passes;
use laptime_gpu::{Card, Counted, Forecast, Peaks, Target, lower};
use laptime_graph::{Mode, build};

fn forecast(workload: &str, peaks: Peaks) -> Forecast {
    let workload = builtin(workload, None);
    let program = build(&workload, Mode::Training, workload.batch_size);
    let schedule = lower(&program, Target::CARD, &Passes::All).unwrap();
    Forecast::of(&program, &schedule, peaks)
}

fn of_card(workload: &str, card: &str) -> Forecast {
    let card = Card::find(card).expect("the table has it");
    forecast(workload, Peaks::of_card(card))
}

/// How far off the model is, each way, of a kind of kernels.
fn ratio(forecast: &Forecast, is_of_kind: &dyn Fn(&Counted) -> bool, measured_s: f64) -> f64 {
    let of_kind = forecast.dispatches.iter().filter(|one| is_of_kind(one));
    let modelled_s: f64 = of_kind
        .map(|one| one.modelled_s.expect("it has multiprocessors"))
        .sum();
    modelled_s / measured_s
}

/// Measured on an NVIDIA H200 (docs/performance.md, "parts"): the steps without a clock in them, the kinds of kernels
/// by a clock that adds some 2.65 µs to each, which are taken off here.
#[test]
fn the_model_is_as_far_off_on_an_h200_as_the_documents_say() {
    let deep = of_card("cifar10-resnet50", "H200");
    let all = |_: &Counted| true;
    let step = ratio(&deep, &all, 2.70e-3);
    assert!((0.9..1.1).contains(&step), "{step}");
    let shallow = ratio(&of_card("fashion-mnist", "H200"), &all, 40.5e-6);
    assert!((0.75..1.3).contains(&shallow), "{shallow}");
    let clock_s = 2.65e-6;
    for (has, measured_s, kernels) in [
        ("conv2d + bias", 648e-6, 53.0),
        ("conv2d_grad_input", 731e-6, 52.0),
        ("conv2d_grad_weight", 876e-6, 53.0),
        ("batch_norm_grad", 556e-6, 53.0),
        ("batch_norm", 491e-6, 53.0),
    ] {
        let is_of_kind = |one: &Counted| {
            let is_other = has == "batch_norm" && one.kernel.contains("batch_norm_grad");
            one.kernel.contains(has) && !is_other
        };
        let kind = ratio(&deep, &is_of_kind, measured_s - kernels * clock_s);
        assert!((0.7..1.3).contains(&kind), "{has}: {kind}");
    }
}

/// With one workgroup for each multiprocessor none computes while the other waits.
#[test]
fn most_of_a_resnet50_step_fills_an_rtx_2080_ti() {
    let card = Card::find("RTX 2080 Ti").expect("the table has it");
    let step = of_card("cifar10-resnet50", card.name);
    let filled = step.filled(card.multiprocessors);
    assert!((0.80..1.0).contains(&filled), "{filled}");
    let text = step.to_string();
    let says = format!("{:.0} % of the FLOP", 100.0 * filled);
    assert!(text.contains(&says), "{text}");
}

#[test]
fn no_kernel_is_modelled_faster_than_at_best_and_none_gains_by_a_slower_card() {
    let fast = of_card("cifar10-resnet50", "H200");
    let slow = of_card("cifar10-resnet50", "Apple M1");
    for (one, slower) in fast.dispatches.iter().zip(&slow.dispatches) {
        let [modelled_s, slower_s] = [one, slower].map(|one| one.modelled_s.unwrap());
        assert!(modelled_s >= one.at_best_s, "{}", one.kernel);
        assert!(slower_s >= modelled_s, "{}", one.kernel);
    }
}

/// What is not known is not made up.
#[test]
fn without_a_number_of_multiprocessors_only_the_best_case_is_said() {
    let step = forecast("fashion-mnist", Peaks::ASSUMED);
    assert_eq!(step.modelled_s(), None);
    let text = step.to_string();
    assert!(
        text.contains("at best") && text.contains("no more is modelled"),
        "{text}"
    );
    assert!(!text.contains("ms: workgroups that wait"), "{text}");
}
