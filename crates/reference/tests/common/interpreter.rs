//! A plain interpreter of maps: what each value that an operation writes depends on, point by point.

use std::collections::{BTreeMap, BTreeSet};

use laptime_graph::{Axis, Index, Iteration, Map, Operand, Operation, Program, Space};

/// Values of the inputs, each as (input, place).
pub type Values = BTreeSet<(usize, usize)>;

/// For each value of each output, what it depends on.
pub type Dependence = Vec<Vec<Values>>;

/// Walks over all points of an operation's spaces.
struct Interpreter<'a> {
    program: &'a Program,
    operation: &'a Operation,
    /// What each output and temporary has so far: its extents, and for each value what it depends on.
    made: BTreeMap<Operand, (Vec<usize>, Vec<Values>)>,
    /// Which space, and which of the points of its parallel loops, has written each value.
    writers: BTreeMap<(Operand, usize), (usize, Vec<usize>)>,
}

impl Interpreter<'_> {
    fn shape(&self, operand: Operand) -> Option<&[usize]> {
        match operand {
            Operand::Input(n) => Some(&self.program.tensor(self.operation.inputs[n]).shape),
            Operand::Output(n) => Some(&self.program.tensor(self.operation.outputs[n]).shape),
            Operand::Temporary(_) => self.made.get(&operand).map(|(shape, _)| shape.as_slice()),
        }
    }

    /// The loops of a space with their extents.
    fn extents(&self, space: &Space) -> BTreeMap<Axis, usize> {
        let mut extents = BTreeMap::new();
        for map in space.maps() {
            let shape = self.shape(map.operand);
            for (place, index) in map.at.iter().enumerate() {
                match (index, shape) {
                    (Index::At(axis), Some(shape)) => {
                        let before = extents.insert(*axis, shape[place]);
                        assert!(before.is_none_or(|one| one == shape[place]), "{axis:?}");
                    }
                    (Index::Met(slide) | Index::MetBy(slide), _) => {
                        extents.insert(slide.tap, slide.taps);
                    }
                    _ => {}
                }
            }
        }
        // Of loops that are flattened, the one that is not known yet, again and again.
        for _ in 0..space.loops().len() {
            for map in space.maps() {
                let Some(shape) = self.shape(map.operand) else {
                    continue;
                };
                for (index, extent) in map.at.iter().zip(shape) {
                    let Index::Flat(axes) = index else { continue };
                    let known: usize = axes.iter().filter_map(|axis| extents.get(axis)).product();
                    let unknown: Vec<&Axis> = axes
                        .iter()
                        .filter(|axis| !extents.contains_key(axis))
                        .collect();
                    if let [axis] = unknown[..] {
                        extents.insert(*axis, extent / known);
                    }
                }
            }
        }
        extents
    }

    /// Does a space.
    fn run(&mut self, number: usize, space: &Space) {
        let extents = self.extents(space);
        assert_eq!(extents.len(), space.loops().len(), "{space:?}");
        let reduced = space.reduced();
        for map in &space.writes {
            let is_new = |one: &Index| !matches!(one, Index::At(axis) if reduced.contains(axis));
            assert!(map.at.iter().all(is_new), "not at the loops of the others");
            let shape = match self.shape(map.operand) {
                Some(shape) => shape.to_vec(),
                None => map
                    .at
                    .iter()
                    .map(|index| extents[&loop_of(index)])
                    .collect(),
            };
            let nothing = vec![Values::new(); shape.iter().product()];
            self.made.entry(map.operand).or_insert((shape, nothing));
        }
        for point in points(&extents) {
            let reads: Vec<Vec<usize>> = space
                .reads
                .iter()
                .map(|map| {
                    let shape = self.shape(map.operand).expect("it is there");
                    places(map, shape, &extents, &point)
                })
                .collect();
            let is_outside = reads.iter().any(Vec::is_empty);
            let mut depends = Values::new();
            for (map, read) in space.reads.iter().zip(reads) {
                for place in read {
                    match map.operand {
                        Operand::Input(n) => drop(depends.insert((n, place))),
                        other => depends.extend(self.made[&other].1[place].clone()),
                    }
                }
            }
            let parallel: Vec<usize> = point
                .iter()
                .filter(|(axis, _)| !reduced.contains(axis))
                .map(|(_, place)| *place)
                .collect();
            for map in &space.writes {
                let shape = self.shape(map.operand).expect("it was made");
                let places = places(map, shape, &extents, &point);
                // Where data names the place, it may be any of them.
                let is_named = map.at.iter().any(|index| matches!(index, Index::Value(_)));
                assert!(
                    places.len() == 1 || is_named,
                    "{map:?} writes one value a point"
                );
                for place in places {
                    let own = (number, parallel.clone());
                    let writer = self.writers.entry((map.operand, place));
                    let writer = writer.or_insert_with(|| own.clone());
                    assert_eq!(*writer, own, "one value, written by two points");
                    if !is_outside {
                        let (_, values) = self.made.get_mut(&map.operand).expect("it was made");
                        values[place].extend(&depends);
                    }
                }
            }
        }
    }
}

fn loop_of(index: &Index) -> Axis {
    match index {
        Index::At(axis) => *axis,
        other => panic!("a temporary is written at loops, not at {other:?}"),
    }
}

/// All points of loops of these extents.
fn points(extents: &BTreeMap<Axis, usize>) -> Vec<BTreeMap<Axis, usize>> {
    let mut points = vec![BTreeMap::new()];
    for (axis, extent) in extents {
        let along = |point: BTreeMap<Axis, usize>| {
            (0..*extent).map(move |place| {
                let mut point = point.clone();
                point.insert(*axis, place);
                point
            })
        };
        points = points.into_iter().flat_map(along).collect();
    }
    points
}

/// The places in a tensor of this shape that a map names at a point; none where it names what is outside.
fn places(
    map: &Map,
    shape: &[usize],
    extents: &BTreeMap<Axis, usize>,
    point: &BTreeMap<Axis, usize>,
) -> Vec<usize> {
    assert_eq!(map.at.len(), shape.len(), "{map:?} of {shape:?}");
    let mut places = vec![0];
    for (index, extent) in map.at.iter().zip(shape) {
        let along: Vec<usize> = match index {
            Index::At(axis) => vec![point[axis]],
            Index::Behind { axis, by } => vec![point[axis] + by],
            Index::Flat(axes) => {
                let flat = |place: usize, axis: &Axis| place * extents[axis] + point[axis];
                vec![axes.iter().fold(0, flat)]
            }
            Index::Met(slide) => {
                let place =
                    point[&slide.position] * slide.stride + point[&slide.tap] * slide.dilation;
                place.checked_sub(slide.before).into_iter().collect()
            }
            Index::MetBy(slide) => {
                let place = point[&slide.position] + slide.before;
                let from_tap = place.checked_sub(point[&slide.tap] * slide.dilation);
                let positions = from_tap.filter(|from| from % slide.stride == 0);
                positions
                    .map(|from| from / slide.stride)
                    .into_iter()
                    .collect()
            }
            Index::Value(_) => (0..*extent).collect(),
            Index::Only => vec![0],
        };
        places = places
            .iter()
            .flat_map(|before| along.iter().map(move |place| (before, place)))
            .filter(|(_, place)| **place < *extent)
            .map(|(before, place)| before * extent + place)
            .collect();
    }
    places
}

/// What the maps say.
pub fn named(program: &Program, operation: &Operation, iteration: &Iteration) -> Dependence {
    let mut interpreter = Interpreter {
        program,
        operation,
        made: BTreeMap::new(),
        writers: BTreeMap::new(),
    };
    for (number, space) in iteration.spaces.iter().enumerate() {
        interpreter.run(number, space);
    }
    let values = interpreter.made.values().map(|(_, values)| values.len());
    let values: usize = values.sum();
    assert_eq!(interpreter.writers.len(), values, "not all is written");
    let outputs = (0..operation.outputs.len()).map(Operand::Output);
    outputs
        .map(|output| interpreter.made.remove(&output).expect("it is written").1)
        .collect()
}
