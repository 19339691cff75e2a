//! What becomes of a gradient: it is stored, or its parameter is updated at once, by Adam in Keras's
//! form or by SGD with momentum, each with a weight decay or without.

use std::ops::Range;

use super::{Run, Step};
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd},
};

/// What becomes of a gradient. A parameter, its moments and its gradient have one layout.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum GradientUse {
    Store(Place),
    Adam(Adam),
    Sgd(Sgd),
}

impl GradientUse {
    /// Whether a parameter whose gradient has always been 0 stays as it is.
    pub(super) fn leaves_alone(&self) -> bool {
        match self {
            Self::Store(_) => false,
            Self::Adam(adam) => !adam.decays,
            Self::Sgd(sgd) => sgd.constants.weight_decay.is_none(),
        }
    }
}

/// Adam's constants with the places of a parameter and its moments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Adam {
    pub(crate) constants: laptime_graph::Adam,
    /// Whether the parameter decays before the step.
    pub(crate) decays: bool,
    pub(crate) parameter: Place,
    pub(crate) first_moment: Place,
    pub(crate) second_moment: Place,
}

/// SGD's constants with the places of a parameter and its velocity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sgd {
    pub(crate) constants: laptime_graph::Sgd,
    pub(crate) parameter: Place,
    pub(crate) velocity: Place,
}

/// A [`GradientUse`] in one step on one thread.
pub(crate) trait Rule<S: Simd>: Copy {
    /// Uses sixteen values of a gradient, `at` values behind the first. Must be
    /// `#[inline(always)]`.
    ///
    /// # Safety
    /// The parameter has so many values, and they are this thread's.
    unsafe fn apply(&self, at: usize, gradient: S::Block);

    /// Asks for the cache lines that `apply` will want at `at`.
    #[inline(always)]
    fn prefetch(&self, _at: usize) {}
}

/// Runs `$body` with `$rule` bound to the rule of a [`GradientUse`]: compiled once for each kind.
macro_rules! with_rule {
    ($use:expr, $s:expr, $step:expr, $view:expr, |$rule:ident| $body:expr) => {
        match $use {
            GradientUse::Store(place) => {
                let $rule = crate::kernels::update::StoreRule::new($s, $view.at(*place));
                $body
            }
            GradientUse::Adam(adam) => {
                let $rule = adam.rule($s, $step, $view);
                $body
            }
            GradientUse::Sgd(sgd) => {
                let $rule = sgd.rule($s, $step, $view);
                $body
            }
        }
    };
}
pub(crate) use with_rule;

#[derive(Clone, Copy)]
pub(crate) struct StoreRule<S> {
    s: S,
    to: *mut f32,
}

impl<S: Simd> StoreRule<S> {
    pub(crate) fn new(s: S, to: *mut f32) -> Self {
        Self { s, to }
    }
}

impl<S: Simd> Rule<S> for StoreRule<S> {
    #[inline(always)]
    unsafe fn apply(&self, at: usize, gradient: S::Block) {
        // SAFETY: the caller's promise.
        unsafe { self.s.store(self.to.add(at), gradient) }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct AdamRule<S: Simd> {
    s: S,
    two_step_size: S::Block,
    decays: bool,
    decay: S::Block,
    one_minus_beta1: S::Block,
    one_minus_beta2: S::Block,
    by_root: ByRoot<S>,
    parameter: *mut f32,
    first_moment: *mut f32,
    second_moment: *mut f32,
}

impl Adam {
    #[inline(always)]
    pub(crate) fn rule<S: Simd>(&self, s: S, step: &Step, view: View) -> AdamRule<S> {
        let laptime_graph::Adam { beta1, beta2, .. } = self.constants;
        AdamRule {
            s,
            two_step_size: s.splat((2.0 * step.values.step_size) as f32),
            decays: self.decays,
            decay: s.splat(step.values.decay as f32),
            one_minus_beta1: s.splat((1.0 - beta1) as f32),
            one_minus_beta2: s.splat((1.0 - beta2) as f32),
            by_root: ByRoot::new(s, step.values.epsilon),
            parameter: view.at(self.parameter),
            first_moment: view.at(self.first_moment),
            second_moment: view.at(self.second_moment),
        }
    }
}

impl<S: Simd> Rule<S> for AdamRule<S> {
    #[inline(always)]
    fn prefetch(&self, at: usize) {
        for place in [self.first_moment, self.second_moment, self.parameter] {
            self.s.prefetch(place.wrapping_add(at));
        }
    }

    #[inline(always)]
    unsafe fn apply(&self, at: usize, gradient: S::Block) {
        let Self { s, .. } = *self;
        // SAFETY: the caller's promise.
        unsafe {
            let m = s.load(self.first_moment.add(at));
            let m = s.mul_add(self.one_minus_beta1, s.sub(gradient, m), m);
            s.store(self.first_moment.add(at), m);
            let v = s.load(self.second_moment.add(at));
            let v = moved_square(s, self.one_minus_beta2, gradient, v);
            s.store(self.second_moment.add(at), v);
            let half = self.by_root.half_quotient(s, m, v);
            let mut w = s.load(self.parameter.add(at));
            // Not a decay of 0 for plain Adam: that would be one operation more, and NaN of an infinite weight.
            if self.decays {
                w = s.neg_mul_add(self.decay, w, w);
            }
            s.store(
                self.parameter.add(at),
                s.neg_mul_add(self.two_step_size, half, w),
            );
        }
    }
}

/// The second moment behind a step: `v − share·(v − g²)`.
#[inline(always)]
pub(super) fn moved_square<S: Simd>(
    s: S,
    share: S::Block,
    gradient: S::Block,
    v: S::Block,
) -> S::Block {
    let change = s.neg_mul_add(gradient, gradient, v);
    s.neg_mul_add(share, change, v)
}

/// Divides by `√v + ε`.
#[derive(Clone, Copy)]
pub(super) struct ByRoot<S: Simd> {
    two_epsilon: S::Block,
    three: S::Block,
    smallest: S::Block,
}

impl<S: Simd> ByRoot<S> {
    #[inline(always)]
    pub(super) fn new(s: S, epsilon: f64) -> Self {
        Self {
            two_epsilon: s.splat((2.0 * epsilon) as f32),
            three: s.splat(3.0),
            smallest: s.splat(f32::MIN_POSITIVE),
        }
    }

    /// `a / (2·(√v + ε))`.
    #[inline(always)]
    pub(super) fn half_quotient(&self, s: S, a: S::Block, v: S::Block) -> S::Block {
        // A v below the smallest normal number counts as that, whose root (10⁻¹⁹) is nothing
        // beside any ε that works in single precision. In this order: see `Simd::max`. Of an
        // infinite v, whose root the estimate does not give, the parameter is not-a-number.
        let v = s.max(self.smallest, v);
        // With y an estimate of 1/√v, √v is v·y·(3 − v·y²)/2 after one step of Newton's
        // iteration; so 2·(√v + ε) takes three operations.
        let estimate = s.reciprocal_sqrt_estimate(v);
        let root = s.mul(v, estimate);
        let correction = s.neg_mul_add(root, estimate, self.three);
        let divisor = s.mul_add(root, correction, self.two_epsilon);
        // The quotient and what it is short of, times the same estimate.
        let reciprocal = s.reciprocal_estimate(divisor);
        let quotient = s.mul(a, reciprocal);
        let rest = s.neg_mul_add(divisor, quotient, a);
        s.mul_add(rest, reciprocal, quotient)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct SgdRule<S: Simd> {
    s: S,
    step_size: S::Block,
    momentum: S::Block,
    is_nesterov: bool,
    decays: bool,
    weight_decay: S::Block,
    parameter: *mut f32,
    velocity: *mut f32,
}

impl Sgd {
    #[inline(always)]
    pub(crate) fn rule<S: Simd>(&self, s: S, step: &Step, view: View) -> SgdRule<S> {
        SgdRule {
            s,
            step_size: s.splat(step.values.step_size as f32),
            momentum: s.splat(self.constants.momentum as f32),
            is_nesterov: self.constants.nesterov,
            decays: self.constants.weight_decay.is_some(),
            weight_decay: s.splat(self.constants.weight_decay.unwrap_or(0.0) as f32),
            parameter: view.at(self.parameter),
            velocity: view.at(self.velocity),
        }
    }
}

impl<S: Simd> Rule<S> for SgdRule<S> {
    #[inline(always)]
    unsafe fn apply(&self, at: usize, gradient: S::Block) {
        let Self { s, .. } = *self;
        // SAFETY: the caller's promise.
        unsafe {
            let w = s.load(self.parameter.add(at));
            // Not a decay of 0: see `AdamRule`.
            let gradient = if self.decays {
                s.mul_add(self.weight_decay, w, gradient)
            } else {
                gradient
            };
            let velocity = s.load(self.velocity.add(at));
            let velocity = s.mul_add(self.momentum, velocity, gradient);
            s.store(self.velocity.add(at), velocity);
            let direction = if self.is_nesterov {
                s.mul_add(self.momentum, velocity, gradient)
            } else {
                velocity
            };
            s.store(
                self.parameter.add(at),
                s.neg_mul_add(self.step_size, direction, w),
            );
        }
    }
}

/// The use alone, of a gradient that is in memory or zero, clipped or not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Update {
    pub(crate) gradient: Option<Place>,
    /// What it is multiplied by before, if it is.
    pub(crate) factor: Option<Place>,
    pub(crate) to: GradientUse,
    pub(crate) grid: Grid,
}

/// A stored parameter as `outer × inner` blocks of sixteen, and which of them a slice has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) outer: usize,
    pub(crate) inner: usize,
    pub(crate) cut: Cut,
}

/// What one slice of a [`Grid`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// All of one outer index.
    Outer,
    /// So many inner indices of every outer one.
    Inner {
        /// Inner indices a slice.
        width: usize,
    },
}

impl Grid {
    /// The outer and the inner indices of a range of slices.
    #[inline(always)]
    pub(crate) fn blocks(self, slices: Range<usize>) -> (Range<usize>, Range<usize>) {
        let Self { outer, inner, cut } = self;
        match cut {
            Cut::Outer => (slices.start..slices.end.min(outer), 0..inner),
            Cut::Inner { width } => (
                0..outer,
                slices.start * width..inner.min(slices.end * width),
            ),
        }
    }
}

/// A parameter rounded to bfloat16, in the same layout and still in single precision.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RoundWeights {
    pub(crate) from: Place,
    pub(crate) to: Place,
    pub(crate) grid: Grid,
}

impl Run for RoundWeights {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let (outer_range, inner_range) = self.grid.blocks(slices);
        for outer in outer_range {
            for block in inner_range.clone() {
                let at = (outer * self.grid.inner + block) * LANES;
                // SAFETY: both have this block, and it is this slice's.
                unsafe {
                    let values = s.load(view.at(self.from).add(at));
                    s.store(view.at(self.to).add(at), s.to_bf16(values));
                }
            }
        }
    }
}

impl Run for Update {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let gradient = self.gradient.map(|gradient| view.at(gradient).cast_const());
        // SAFETY: a number that an earlier kernel has made.
        let factor = self
            .factor
            .map(|factor| s.splat(unsafe { *view.at(factor) }));
        let (outer_range, inner_range) = self.grid.blocks(slices);
        let inner = self.grid.inner;
        with_rule!(&self.to, s, step, view, |rule| {
            for outer in outer_range {
                for block in inner_range.clone() {
                    let at = (outer * inner + block) * LANES;
                    // SAFETY: within the parameter, and of this thread's slices.
                    unsafe {
                        let gradient = match gradient {
                            Some(gradient) => s.load(gradient.add(at)),
                            None => s.splat(0.0),
                        };
                        let gradient = match factor {
                            Some(factor) => s.mul(factor, gradient),
                            None => gradient,
                        };
                        rule.apply(at, gradient);
                    }
                }
            }
        });
    }
}
