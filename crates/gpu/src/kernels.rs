//! WGSL for every kernel of a Schedule, with shapes and tiles as constants in it.
//!
//! They have one of few forms; which, the operation says that gives a kernel its own.
//!
//! Nothing adds floating-point numbers atomically: a sum's order is part of the text.

use laptime_graph::{
    OpId, Operation, Program, TensorId, Uses,
    schedule::{Kernel, Schedule},
};

use crate::{
    ops::{self, Form, form},
    shader::{Binding, SampleChunks, Shader},
    target::Target,
    work::Work,
};

/// A kernel, ready to be compiled: text, what it binds, and how many workgroups.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dispatch {
    pub wgsl: String,
    pub bindings: Vec<Binding>,
    pub workgroups: [u32; 3],
}

/// The dispatch of a kernel, for samples that lie in these chunks.
pub(crate) fn dispatch(
    (program, uses): (&Program, &Uses),
    schedule: &Schedule,
    kernel: &Kernel,
    samples: SampleChunks,
    target: Target,
) -> Dispatch {
    // All that divide pixels in a kernel divide by the same.
    let mut operations = kernel.operations.iter();
    let divisor = operations.find_map(|id| ops::pixel_divisor(&program.operation(*id).op));
    let pixels = (samples, divisor.unwrap_or(1.0));
    let mut shader = Shader::new((program, uses), schedule, kernel, pixels, target);
    let (place, own) = main(program, &kernel.operations);
    let text = form(&own.op).text(&mut shader, place);
    let (wgsl, bindings) = shader.finish(&text);
    Dispatch {
        workgroups: workgroups(program, uses, &kernel.operations, target),
        wgsl,
        bindings,
    }
}

/// How many workgroups do these operations, along each dimension.
pub(crate) fn workgroups(
    program: &Program,
    uses: &Uses,
    operations: &[OpId],
    target: Target,
) -> [u32; 3] {
    let (_, own) = main(program, operations);
    let [workgroups, splits] = form(&own.op).workgroups(program, uses, operations, own);
    // In rows; the kernel skips those beyond its work.
    let rows = workgroups.div_ceil(target.workgroups).max(1);
    [workgroups.div_ceil(rows) as u32, rows as u32, splits as u32]
}

/// What a workgroup of these operations' kernel does.
pub(crate) fn work(program: &Program, uses: &Uses, operations: &[OpId]) -> Work {
    let (_, own) = main(program, operations);
    form(&own.op).work(program, uses, own)
}

/// In how many partial sums these operations leave what they make.
pub(crate) fn partials(program: &Program, uses: &Uses, operations: &[OpId]) -> usize {
    let (_, own) = main(program, operations);
    let product = ops::product::of(program, uses, own);
    product.map_or(1, |product| product.splits)
}

/// Whether the kernel of these operations can store what it makes last in bfloat16, two values in a word: where one
/// thread has both, or can ask its neighbour.
pub(crate) fn can_pack(
    program: &Program,
    uses: &Uses,
    operations: &[OpId],
    made: TensorId,
    target: Target,
) -> bool {
    let (place, own) = main(program, operations);
    let last = operations.last().map(|id| program.operation(*id));
    let is_last = last.is_some_and(|last| last.outputs[0] == made);
    let columns = program.tensor(made).shape.last().copied().unwrap_or(1);
    let takes = match form(&own.op) {
        Form::Product(_) => partials(program, uses, operations) == 1,
        Form::Each(_) | Form::Norm(_) | Form::Rows(_) => target.subgroup > 1,
        Form::NormGrad => target.subgroup > 1 && place + 1 == operations.len(),
        _ => false,
    };
    is_last && columns.is_multiple_of(2) && takes
}

/// The operation that gives a kernel its form, and its place among these: the first that is not a part of
/// making the pixels, but a norm's gradient also behind ReLU's, and updates also behind what they do themselves.
fn main<'a>(program: &'a Program, operations: &[OpId]) -> (usize, &'a Operation) {
    let of = |id: &OpId| &program.operation(*id).op;
    let find = |wanted: fn(&Form) -> bool| operations.iter().position(|id| wanted(&form(of(id))));
    let first = operations.iter().position(|id| !ops::is_of_pixels(of(id)));
    let first = first.unwrap_or(operations.len() - 1);
    let head = of(&operations[first]);
    let other = match form(head) {
        Form::Product(_) => None,
        Form::Each(_) if ops::joins_updates(head) => find(|form| matches!(form, Form::Update(_))),
        _ => find(|form| matches!(form, Form::NormGrad)),
    };
    let place = other.unwrap_or(first);
    (place, program.operation(operations[place]))
}

#[cfg(test)]
mod tests {
    use laptime_engine::Passes;
    use laptime_graph::{Mode, build};
    use laptime_workload::{Builtin, Overrides};

    use crate::{Target, texts};

    #[test]
    fn subgroups_add_only_where_the_adapter_has_them() {
        let builtin = Builtin::find("cifar10-resnet50").unwrap();
        let workload = builtin.spec().resolve(&Overrides::default()).unwrap();
        let program = build(&workload, Mode::Training, workload.batch_size);
        let adds = |subgroup| {
            let target = Target {
                subgroup,
                ..Target::COMMON
            };
            let texts = texts(&program, target, &Passes::All, 50_000).unwrap();
            let adds = texts
                .iter()
                .filter(|text| text.wgsl.contains("subgroupShuffleXor"));
            adds.count()
        };
        assert_eq!(adds(1), 0);
        // The loss adds over all threads, a norm over those of its channels, of which it has two at least.
        assert_eq!(adds(2), 1);
        assert!(adds(32) > 100);
    }

    /// Where workgroups may be large, all rows of a norm are in registers from the first sum on, and both sums are made
    /// behind one barrier.
    #[test]
    fn norms_read_memory_once_and_wait_for_their_threads_once() {
        let builtin = Builtin::find("cifar10-resnet50").unwrap();
        let workload = builtin.spec().resolve(&Overrides::default()).unwrap();
        let program = build(&workload, Mode::Training, workload.batch_size);
        let of_norms = |target| {
            let mut texts = texts(&program, target, &Passes::All, 50_000).unwrap();
            texts.retain(|text| text.name.contains("batch_norm") && !text.name.contains("conv"));
            assert_eq!(texts.len(), 106);
            texts
        };
        for text in of_norms(Target::CARD) {
            let barriers = text.wgsl.matches("workgroupBarrier()").count();
            assert_eq!(barriers, 1, "{}", text.name);
            assert!(!text.wgsl.contains("for ("), "{}", text.name);
        }
        let is_large = |target| {
            let mut texts = of_norms(target).into_iter();
            texts.any(|text| !text.wgsl.contains("@workgroup_size(256)"))
        };
        assert!(is_large(Target::CARD));
        let alone = Target {
            subgroup: 1,
            ..Target::CARD
        };
        assert!(!is_large(alone) && !is_large(Target::COMMON));
    }
}
