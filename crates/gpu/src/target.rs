//! What an adapter can do, as lowering and kernels want to know it.

/// What a Program is lowered for: an adapter's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The most bytes that one binding, and so one chunk of an arena, may have.
    pub chunk_bytes: usize,
    /// The most storage buffers that a kernel may bind.
    pub bindings: usize,
    /// The most workgroups along one dimension of a dispatch.
    pub workgroups: usize,
    /// The most threads of a workgroup: a power of two, 256 at least.
    pub threads: usize,
    /// Threads that add among each other without workgroup memory; 1 where none do.
    pub subgroup: usize,
    /// Whether subgroups may be larger, which an adapter decides for each kernel. The order of sums, and so the bits,
    /// are those of the size above.
    pub subgroup_varies: bool,
    /// What multiplies values that are rounded to bfloat16.
    pub matrices: Matrices,
}

/// Matrices of 16-bit floats that subgroups multiply together, with sums in single precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matrices {
    /// None: such values are multiplied in single precision, too.
    None,
    /// `wgpu`'s cooperative matrices of so many rows and columns, by the target's subgroups.
    Cooperative {
        /// 8 or 16.
        side: usize,
    },
    /// Those of 16 × 16, by subgroups of 32, in plain WGSL, slowly, so that tests can run the kernels where there are no
    /// matrix units.
    Imitated,
}

impl Matrices {
    /// Rows and columns of a matrix, if there are any.
    pub(crate) fn side(self) -> Option<usize> {
        match self {
            Self::None => None,
            Self::Cooperative { side } => Some(side),
            Self::Imitated => Some(16),
        }
    }
}

impl Target {
    /// What every adapter has that can do the built-in workloads.
    pub const COMMON: Self = Self {
        chunk_bytes: 128 << 20,
        bindings: 16,
        workgroups: 65_535,
        threads: 256,
        subgroup: 1,
        subgroup_varies: false,
        matrices: Matrices::None,
    };

    /// What a card of today has, to plan for one that is not here.
    pub const CARD: Self = Self {
        chunk_bytes: 1 << 30,
        threads: 1024,
        subgroup: 32,
        ..Self::COMMON
    };

    /// More than any adapter has, or kernels have a use for.
    pub const MOST: Self = Self {
        chunk_bytes: 1 << 30,
        bindings: 16,
        workgroups: usize::MAX,
        threads: 1024,
        subgroup: 64,
        subgroup_varies: false,
        matrices: Matrices::Cooperative { side: 16 },
    };
}
