//! Where layouts store values.

use laptime_graph::schedule::Layout;

/// The place of an element in an array of this shape, row-major.
fn at<const AXES: usize>(shape: [usize; AXES], index: [usize; AXES]) -> usize {
    shape
        .into_iter()
        .zip(index)
        .fold(0, |place, (extent, index)| place * extent + index)
}

fn is_stored_as(layout: Layout, elements: usize, place_of: impl Fn(usize) -> usize) {
    let expected: Vec<_> = (0..elements)
        .map(|index| (index, place_of(index)))
        .collect();
    let mut visited = Vec::new();
    layout.each_stored(elements, |index, place| visited.push((index, place)));
    assert_eq!(visited, expected, "{layout:?}, visited in order");
    let mut in_lines = Vec::new();
    layout.each_stored_in_lines(elements, |index, place| in_lines.push((index, place)));
    in_lines.sort_unstable();
    assert_eq!(in_lines, expected, "{layout:?}, visited in lines");
    let each = expected
        .iter()
        .map(|&(index, _)| layout.stored_index(index));
    assert!(
        each.eq(expected.iter().map(|&(_, place)| place)),
        "{layout:?}, one by one"
    );
    let stored = layout.stored_elements(elements) / layout.partials();
    assert!(
        visited.iter().all(|&(_, place)| place < stored),
        "{layout:?}, too long"
    );
}

#[test]
fn matrices_are_stored_as_their_layouts_say() {
    let (rows, columns, lanes, stride, slices) = (7, 5, 4, 8, 2);
    let of_rows = |index| at([rows, stride], [index / columns, index % columns]);
    is_stored_as(Layout::Rows { columns, stride }, rows * columns, of_rows);
    let partials = Layout::Partials {
        slices,
        columns,
        stride,
    };
    is_stored_as(partials, rows * columns, of_rows);
    let output_lanes = Layout::OutputLanes { columns, lanes };
    is_stored_as(output_lanes, rows * columns, |index| {
        let (output, input) = (index / columns, index % columns);
        at([2, columns, lanes], [output / lanes, input, output % lanes])
    });
}

#[test]
fn filters_are_stored_as_their_layouts_say() {
    let (outputs, inputs, taps, lanes, slices) = (7, 3, 2, 4, 2);
    let place = |index| {
        let (output, input, tap) = (index / taps / inputs, index / taps % inputs, index % taps);
        let index = [output / lanes, tap, input, output % lanes];
        at([2, taps, inputs, lanes], index)
    };
    let filter_lanes = Layout::FilterLanes {
        inputs,
        taps,
        lanes,
    };
    let partials = Layout::FilterPartials {
        slices,
        inputs,
        taps,
        lanes,
    };
    is_stored_as(filter_lanes, outputs * inputs * taps, place);
    is_stored_as(partials, outputs * inputs * taps, place);
}

#[test]
fn images_are_stored_as_their_layouts_say() {
    let (samples, positions, channels, stride) = (7, 3, 5, 8);
    let elements = samples * positions * channels;
    let split = |index| {
        let (sample, position) = (index / channels / positions, index / channels % positions);
        (sample, position, index % channels)
    };
    is_stored_as(Layout::RowPairs { columns: channels }, elements, |index| {
        index
    });
    let sample_lanes = Layout::SampleLanes {
        positions,
        channels,
        stride,
    };
    is_stored_as(sample_lanes, elements, |index| {
        let (sample, position, channel) = split(index);
        at([positions, channels, stride], [position, channel, sample])
    });
    let sample_pairs = Layout::SamplePairs {
        positions,
        channels,
        stride,
    };
    is_stored_as(sample_pairs, elements, |index| {
        let (sample, position, channel) = split(index);
        let index = [position, channel / 2, sample, channel % 2];
        at([positions, channels.div_ceil(2), stride, 2], index)
    });
}
