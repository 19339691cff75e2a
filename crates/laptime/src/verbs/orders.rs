//! `laptime orders`: which sample is trained on when, for those who repeat a training elsewhere.

use std::path::Path;

use laptime_workload::{Workload, memory};

use crate::{
    args::{OrdersArgs, WorkloadArgs},
    exports::{self, Inputs},
    failure::Failure,
    workload_choice::WorkloadChoice,
};

/// Writes the order of samples of each epoch.
pub fn orders(args: OrdersArgs) -> Result<(), Failure> {
    let named = WorkloadArgs {
        workload: args.workload,
        batch_size: None,
        precision: None,
    };
    let inputs = Inputs::of(named.file(), None, None);
    let is_npy = is_npy(&args.output);
    let format = if is_npy { "NumPy's" } else { "text" };
    let file = exports::open_one("--output", format, args.output, &inputs)?;
    let workload = WorkloadChoice::of_training(&named, &args.training)?.workload;
    let numbers = (workload.epochs * workload.dataset.description().train_samples) as u64;
    memory::check(8 * numbers).map_err(|shortage| {
        Failure::Usage(format!(
            "--epochs {}: their orders {shortage}; ask for fewer epochs",
            workload.epochs
        ))
    })?;
    file.write(&if is_npy {
        npy(&workload)
    } else {
        text(&workload).into_bytes()
    })
}

fn is_npy(output: &Path) -> bool {
    let ending = output.extension();
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case("npy"))
}

/// The order of samples of each epoch in turn.
fn of_epochs(workload: &Workload) -> impl Iterator<Item = Vec<u32>> {
    let samples = workload.dataset.description().train_samples;
    let order = move |epoch| workload.epoch_order(epoch, samples);
    (0..workload.epochs).map(order)
}

/// A line for each epoch, numbers of samples from 0 with blanks between them.
fn text(workload: &Workload) -> String {
    let mut text = String::new();
    for order in of_epochs(workload) {
        let numbers: Vec<String> = order.iter().map(u32::to_string).collect();
        text += &numbers.join(" ");
        text.push('\n');
    }
    text
}

/// A file for `numpy.load`: int32 of shape (epochs, samples).
/// (numpy.org/doc/stable/reference/generated/numpy.lib.format.html)
fn npy(workload: &Workload) -> Vec<u8> {
    /// Magic, version 1.0 and the length of the header.
    const BEFORE_HEADER: usize = 10;
    let samples = workload.dataset.description().train_samples;
    let shape = (workload.epochs, workload.epoch_samples(samples));
    let mut header = format!("{{'descr': '<i4', 'fortran_order': False, 'shape': {shape:?}, }}");
    // The values begin at a multiple of 64 bytes, behind a line feed.
    let blanks = 63 - (BEFORE_HEADER + header.len()) % 64;
    header.extend(std::iter::repeat_n(' ', blanks));
    header.push('\n');
    let length = u16::try_from(header.len()).expect("two numbers fit");
    let mut bytes = [
        b"\x93NUMPY\x01\x00",
        &length.to_le_bytes()[..],
        header.as_bytes(),
    ]
    .concat();
    for order in of_epochs(workload) {
        bytes.extend(order.iter().flat_map(|sample| sample.to_le_bytes()));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use laptime_workload::{Builtin, Overrides, epoch_order};

    use super::*;

    #[test]
    fn both_formats_have_the_orders_that_are_trained_on() {
        let builtin = Builtin::find("fashion-mnist").expect("built in");
        let overrides = Overrides {
            epochs: Some(2),
            seed: Some(7),
            ..Overrides::default()
        };
        let workload = builtin.spec().resolve(&overrides).expect("resolves");
        let expected: Vec<Vec<u32>> = (0..2)
            .map(|epoch| epoch_order(7, epoch, 60_000, true))
            .collect();
        let text = text(&workload);
        let read = text.lines().map(|line| {
            let numbers = line.split(' ').map(|number| number.parse().unwrap());
            numbers.collect::<Vec<u32>>()
        });
        assert_eq!(read.collect::<Vec<_>>(), expected);

        let npy = npy(&workload);
        let (head, values) = npy.split_at(npy.len() - 2 * 60_000 * 4);
        assert_eq!(head.len() % 64, 0);
        assert_eq!(head[..8], *b"\x93NUMPY\x01\x00");
        assert_eq!(
            usize::from(head[8]) + 256 * usize::from(head[9]),
            head.len() - 10
        );
        let header = std::str::from_utf8(&head[10..]).unwrap();
        assert_eq!(
            header.trim_end_matches(' ').trim_end(),
            "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 60000), }"
        );
        assert!(header.ends_with('\n'));
        let values: Vec<u32> = values
            .chunks_exact(4)
            .map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap()))
            .collect();
        assert_eq!(values, expected.concat());
    }
}
