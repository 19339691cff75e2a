use super::{Algebra, Formula, Keeps};

/// x where x > 0, else slope·x (Maas et al. 2013).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeakyRelu {
    /// 0 to 1.
    pub slope: f64,
}

impl Formula for LeakyRelu {
    const GRADIENT: &'static str = "leaky_relu_grad";
    const KEEPS: Keeps = Keeps::Input;
    const FLOPS: [u64; 2] = [2, 2];

    fn constants(self) -> Vec<(&'static str, String)> {
        vec![("slope", self.slope.to_string())]
    }

    #[inline(always)]
    fn forward<A: Algebra>(self, a: &mut A, x: A::Value) -> A::Value {
        self.gradient(a, x, x)
    }

    #[inline(always)]
    fn gradient<A: Algebra>(self, a: &mut A, x: A::Value, dy: A::Value) -> A::Value {
        let (zero, slope) = (a.constant(0.0), a.constant(self.slope));
        let is_positive = a.greater(x, zero);
        let less = a.mul(slope, dy);
        a.select(is_positive, dy, less)
    }
}
