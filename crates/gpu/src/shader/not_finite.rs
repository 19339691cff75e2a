//! Functions for values that may be NaN or infinite. WGSL lets an implementation suppose that there are
//! none, and its `max`, `min` and `exp` give of NaN what they like. So what must come out right for them
//! looks at bits.

/// Each is what the reference's op of the same kind makes of such values.
pub(super) const FUNCTIONS: &str = "\
fn is_nan(v: f32) -> bool { return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u; }
fn is_finite(v: f32) -> bool { return (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u; }
// NaN, of a value that is not finite.
fn nan_of(v: f32) -> f32 { return bitcast<f32>(bitcast<u32>(v) | 0x7fc00000u); }
fn larger(a: f32, b: f32) -> f32 { return select(select(max(a, b), b, is_nan(b)), a, is_nan(a)); }
fn is_largest(v: f32, largest: f32) -> bool {
    return v == largest || (is_nan(largest) && (is_nan(v) || bitcast<u32>(v) == 0x7f800000u));
}
// A value that is dropped: zero times it.
fn dropped(v: f32) -> f32 { return select(nan_of(v), 0.0, is_finite(v)); }
";
