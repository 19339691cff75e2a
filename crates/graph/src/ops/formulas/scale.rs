use super::{Algebra, Formula, Keeps};

/// factor·x + offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Of x.
    pub factor: f64,
    /// Added.
    pub offset: f64,
}

impl Formula for Scale {
    const GRADIENT: &'static str = "scale_grad";
    // Neither: its gradient is a scale itself.
    const KEEPS: Keeps = Keeps::Output;
    const FLOPS: [u64; 2] = [2, 1];

    fn constants(self) -> Vec<(&'static str, String)> {
        vec![
            ("factor", self.factor.to_string()),
            ("offset", self.offset.to_string()),
        ]
    }

    #[inline(always)]
    fn forward<A: Algebra>(self, a: &mut A, x: A::Value) -> A::Value {
        let (factor, offset) = (a.constant(self.factor), a.constant(self.offset));
        a.mul_add(factor, x, offset)
    }

    #[inline(always)]
    fn gradient<A: Algebra>(self, a: &mut A, _: A::Value, dy: A::Value) -> A::Value {
        let factor = a.constant(self.factor);
        a.mul(factor, dy)
    }
}
