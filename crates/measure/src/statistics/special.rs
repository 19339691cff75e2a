//! The distribution functions that the tests and intervals need.
//!
//! W. H. Press, S. A. Teukolsky, W. T. Vetterling, B. P. Flannery: "Numerical Recipes", 3rd ed.
//! (2007), chapter 6.

/// The quantile of the normal distribution that leaves 2.5 % above it.
pub const Z_975: f64 = 1.959_963_984_540_054;

/// Φ(z), the probability that a standard normal value is below z, to a relative 10⁻⁷ in either
/// tail.
pub fn normal_below(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    // A Chebyshev approximation of erfc.
    let series = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let sum = series.iter().rev().fold(0.0, |sum, term| sum * t + term);
    let tail = 0.5 * t * (sum - x * x).exp();
    if z < 0.0 { tail } else { 1.0 - tail }
}

/// The quantile of Student's t distribution that leaves 2.5 % above it; infinite for no degrees
/// of freedom.
pub fn student_t_975(degrees_of_freedom: usize) -> f64 {
    if degrees_of_freedom == 0 {
        return f64::INFINITY;
    }
    let df = degrees_of_freedom as f64;
    // P(|T| > t) = I(df/(df + t²); df/2, 1/2), which falls in t; it is 12.7 for one degree.
    let (mut low, mut high) = (Z_975 - 1e-3, 12.8);
    for _ in 0..60 {
        let t = f64::midpoint(low, high);
        if beta_below(df / (df + t * t), df / 2.0, 0.5) > 0.05 {
            low = t;
        } else {
            high = t;
        }
    }
    low
}

/// The probability that a value of the beta distribution with parameters a and b is below x: the
/// regularised incomplete beta function.
pub fn beta_below(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let log_front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln();
    let front = log_front.exp();
    // The fraction converges fast on this side of the mean only.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(x, a, b) / a
    } else {
        1.0 - front * beta_fraction(1.0 - x, b, a) / b
    }
}

/// The continued fraction of the incomplete beta function, by Lentz's method.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    let away_from_0 = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_0(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..=300 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_0(1.0 + term * d);
            c = away_from_0(1.0 + term / c);
            change = d * c;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-14 {
            break;
        }
    }
    fraction
}

/// ln Γ(x) for x > 0, by Lanczos' approximation.
fn ln_gamma(x: f64) -> f64 {
    let terms = [
        76.180_091_729_471_46,
        -86.505_320_329_416_77,
        24.014_098_240_830_91,
        -1.231_739_572_450_155,
        0.120_865_097_386_617_9e-2,
        -0.539_523_938_495_3e-5,
    ];
    let shifted = x + 5.5;
    let sum = terms
        .iter()
        .zip(1u32..)
        .fold(1.000_000_000_190_015, |sum, (term, i)| {
            sum + term / (x + f64::from(i))
        });
    (x + 0.5) * shifted.ln() - shifted + (2.506_628_274_631_000_5 * sum / x).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_have_the_values_of_the_tables() {
        for (z, expected) in [
            (0.0, 0.5),
            (Z_975, 0.975),
            (-2.575_829, 0.005),
            (-3.0, 0.001_349_898),
        ] {
            assert!((normal_below(z) - expected).abs() < 1e-7, "{z}");
        }
        for (df, expected) in [
            (1, 12.706_2),
            (2, 4.302_7),
            (5, 2.570_6),
            (30, 2.042_3),
            (100_000, 1.960_0),
        ] {
            assert!((student_t_975(df) - expected).abs() < 1e-4, "{df}");
        }
        assert_eq!(student_t_975(0), f64::INFINITY);
        // I(x; 2, 3) = 6x² − 8x³ + 3x⁴.
        for x in [0.0, 0.1, 0.5, 0.9, 1.0f64] {
            let expected = 6.0 * x.powi(2) - 8.0 * x.powi(3) + 3.0 * x.powi(4);
            assert!((beta_below(x, 2.0, 3.0) - expected).abs() < 1e-9, "{x}");
        }
    }
}
