//! Zeros around images.

use crate::{
    flow::Layout,
    messages::Node,
    problem::Problem,
    walk::{Value, Walk, axis},
};

/// Zeros around an image, which a convolution puts there itself.
pub(super) fn pad<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let flow = walk.loose(node, 0)?;
    let pads = walk.known(node, 1, "pads")?.unwrap_or_default();
    let value = match walk.optional(node, 2)? {
        Some(value) => value.scalar(walk.beside)?,
        None => Some(node.float("value", 0.0)),
    };
    if pads.iter().all(|pad| *pad == 0) {
        walk.set_flow(node, flow);
        return Ok(());
    }
    let refused = || {
        let what = format!("it pads with {pads:?} in the mode {:?}", node.text("mode"));
        Problem::new(
            what,
            "laptime pads the height and width of images with zeros",
        )
    };
    let is_plain = ["", "constant"].contains(&node.text("mode")) && value == Some(0.0);
    let Layout::Image(axes) = &flow.layout else {
        return Err(refused());
    };
    let given: Option<Vec<i64>> = match node.given(3) {
        Some(_) => walk.known(node, 3, "")?,
        None => Some((0..=flow.dims.len() as i64).collect()),
    };
    let given = given.unwrap_or_default();
    let (true, Some((before, after))) = (is_plain, pads.split_at_checked(given.len())) else {
        return Err(refused());
    };
    let mut padding = [0; 4];
    for (place, number) in given.iter().enumerate() {
        let (Some(before), Some(after)) = (before.get(place), after.get(place)) else {
            return Err(refused());
        };
        let which = axis(*number, &flow.dims)?
            .and_then(|axis| axes[..2].iter().position(|one| *one == Some(axis)));
        match which {
            Some(which)
                if (0..=MOST_PADDING).contains(before) && (0..=MOST_PADDING).contains(after) =>
            {
                padding[2 * which] = *before as usize;
                padding[2 * which + 1] = *after as usize;
            }
            _ if (*before, *after) == (0, 0) => {}
            _ => return Err(refused()),
        }
    }
    walk.set(node, Value::Padded(flow, padding));
    Ok(())
}

/// Far beyond use; sums of it cannot overflow.
const MOST_PADDING: i64 = 1 << 16;
