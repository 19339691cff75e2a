//! Where layouts store values.

use laptime_graph::schedule::Layout;

#[test]
fn every_value_is_visited_in_order_where_it_is_stored() {
    let (columns, lanes, stride) = (5, 4, 8);
    let (inputs, taps, slices) = (3, 2, 2);
    let (positions, channels) = (3, 5);
    let layouts = [
        (Layout::Rows { columns, stride }, 35),
        (Layout::OutputLanes { columns, lanes }, 35),
        (
            Layout::FilterLanes {
                inputs,
                taps,
                lanes,
            },
            42,
        ),
        (
            Layout::SampleLanes {
                positions,
                channels,
                stride,
            },
            105,
        ),
        (
            Layout::SamplePairs {
                positions,
                channels,
                stride,
            },
            105,
        ),
        (
            Layout::Partials {
                slices,
                columns,
                stride,
            },
            35,
        ),
        (
            Layout::FilterPartials {
                slices,
                inputs,
                taps,
                lanes,
            },
            42,
        ),
    ];
    for (layout, elements) in layouts {
        let mut visited = Vec::new();
        layout.each_stored(elements, |index, place| visited.push((index, place)));
        let expected: Vec<_> = (0..elements)
            .map(|index| (index, layout.stored_index(index)))
            .collect();
        assert_eq!(visited, expected, "{layout:?}");
    }
}
