//! What each of Keras's layers is in laptime: its settings as keys, its weights in laptime's order.

use serde_json::Value;

use super::{
    advice::EXPORT,
    walk::{Flow, Walk, text},
};
use crate::{
    net::{Layer, number},
    nodes::Window,
    problem::Problem,
};

/// Far beyond use; sizes below it cannot overflow anywhere.
const MOST: u64 = 1 << 16;

/// What a layer makes of what it reads, with the activation that it has.
pub(super) fn convert(
    walk: &mut Walk,
    class: &str,
    config: &Value,
    given: &[Flow],
) -> Result<Flow, Problem> {
    if walk.is_ended {
        let what = "it reads what a softmax gives";
        let advice = "leave the softmax to the end of the model: laptime's loss has it";
        return Err(Problem::new(what, advice));
    }
    let [first, ..] = given else {
        return Err(Problem::new("it reads nothing", EXPORT));
    };
    let is_join = ["Add", "Multiply", "Concatenate"].contains(&class);
    if given.len() != 1 && !is_join {
        let what = format!("it reads {} layers", given.len());
        return Err(Problem::new(what, EXPORT));
    }
    let may_be_padded = ["Conv2D", "DepthwiseConv2D", "MaxPooling2D", "ZeroPadding2D"];
    if given.iter().any(|it| it.padding != [0; 4]) && !may_be_padded.contains(&class) {
        let what = "it reads an image with zeros around it";
        let advice = "laptime pads in front of convolutions and, behind a ReLU, of max pools";
        return Err(Problem::new(what, advice));
    }
    let plain = |kind| Layer::new(kind, &[first.place], first.shape.clone());
    match class {
        "Conv2D" | "DepthwiseConv2D" => convolution(walk, class, config, first),
        "Dense" => dense(walk, config, first),
        "BatchNormalization" | "LayerNormalization" => norm(walk, class, config, first),
        "MaxPooling2D" | "AveragePooling2D" => pool(walk, class, config, first),
        "GlobalAveragePooling2D" => {
            let [.., channels] = image(config, first)?;
            let is_kept = config["keepdims"] == true;
            must(
                !is_kept,
                "it keeps the axes of the image",
                "leave keepdims out",
            )?;
            let layer = Layer::new("global_avg_pool", &[first.place], vec![channels]);
            Ok(walk.add(named(layer, config)))
        }
        "Flatten" => match first.shape.len() {
            1 => Ok(first.clone()),
            _ => {
                image(config, first)?;
                let values = vec![first.shape.iter().product()];
                Ok(walk.add(named(Layer::new("flatten", &[first.place], values), config)))
            }
        },
        "Dropout" => {
            let is_plain = config["noise_shape"].is_null();
            must(
                is_plain,
                "it has a noise_shape",
                "laptime drops single values",
            )?;
            let rate = config["rate"].as_f64().unwrap_or(0.0);
            Ok(walk.add(named(plain("dropout").key("rate", number(rate)), config)))
        }
        "Rescaling" => rescaling(walk, config, first),
        "ZeroPadding2D" => padding(config, first),
        "Activation" => activation(walk, config, first.clone()),
        "Softmax" => softmax(walk, first.clone()),
        "ReLU" => {
            let plain_value = |key: &str| config[key].as_f64().unwrap_or(0.0);
            let is_plain = plain_value("negative_slope") == 0.0 && plain_value("threshold") == 0.0;
            let kind = match config["max_value"].as_f64() {
                None if is_plain => "relu",
                Some(6.0) if is_plain => "relu6",
                _ => {
                    return Err(Problem::new(
                        "it is a ReLU of another form",
                        "laptime has relu and relu6",
                    ));
                }
            };
            Ok(walk.add(named(plain(kind), config)))
        }
        "LeakyReLU" | "ELU" => {
            let (kind, from, key) = match class {
                "ELU" => ("elu", "alpha", "alpha"),
                _ => ("leaky_relu", "negative_slope", "slope"),
            };
            let value = config[from].as_f64();
            let value = value.ok_or_else(|| Problem::new(format!("it has no {from}"), EXPORT))?;
            Ok(walk.add(named(plain(kind).key(key, number(value)), config)))
        }
        "Add" | "Multiply" => {
            let is_one = given.iter().all(|it| it.shape == first.shape);
            must(is_one, "it joins different shapes", EXPORT)?;
            let kind = if class == "Add" { "add" } else { "multiply" };
            let mut joined = first.clone();
            for other in &given[1..] {
                let layer = Layer::new(kind, &[joined.place, other.place], joined.shape.clone());
                joined = walk.add(named(layer, config));
            }
            Ok(joined)
        }
        "Concatenate" => concatenation(walk, config, given),
        _ => Err(Problem::new(
            "laptime has no such layer that it reads from Keras's archives",
            EXPORT,
        )),
    }
}

fn must(holds: bool, what: &str, advice: &str) -> Result<(), Problem> {
    match holds {
        true => Ok(()),
        false => Err(Problem::new(what, advice)),
    }
}

fn named(mut layer: Layer, config: &Value) -> Layer {
    layer.name = Some(text(config, "name").to_owned()).filter(|it| !it.is_empty());
    layer
}

/// Height, width and channels, in this order.
fn image(config: &Value, flow: &Flow) -> Result<[usize; 3], Problem> {
    let format = config["data_format"].as_str().unwrap_or("channels_last");
    must(
        format == "channels_last",
        "it has its channels first",
        "set data_format=\"channels_last\"",
    )?;
    let shape = <[usize; 3]>::try_from(flow.shape.as_slice());
    shape.map_err(|_| Problem::new("it reads a row, and is a layer of images", EXPORT))
}

/// A number of settings that may be for both directions.
fn pair(config: &Value, key: &str) -> Result<[usize; 2], Problem> {
    let value = &config[key];
    let of = |it: &Value| it.as_u64().filter(|it| *it <= MOST).map(|it| it as usize);
    let both = match value.as_array().map(Vec::as_slice) {
        Some([first, second]) => of(first).zip(of(second)),
        None => of(value).map(|it| (it, it)),
        _ => None,
    };
    let (first, second) =
        both.ok_or_else(|| Problem::new(format!("its {key} is {value}"), EXPORT))?;
    Ok([first, second])
}

fn window(config: &Value, size: &str, flow: &Flow) -> Result<Window, Problem> {
    let [height, width, _] = image(config, flow)?;
    let stride = match config["strides"].is_null() {
        true => pair(config, size)?,
        false => pair(config, "strides")?,
    };
    // Of convolutions alone.
    let dilation = match config["dilation_rate"].is_null() {
        true => [1; 2],
        false => pair(config, "dilation_rate")?,
    };
    let mut window = Window {
        size: pair(config, size)?,
        stride,
        padding: [0; 4],
        dilation,
    };
    let is_possible = ![window.size, stride, dilation].concat().contains(&0);
    must(is_possible, "its kernel, stride or dilation is 0", EXPORT)?;
    match text(config, "padding") {
        "valid" => {}
        "same" => {
            let [above, below, left, right] = flow.padding;
            window.padding = window.same([height + above + below, width + left + right]);
        }
        other => return Err(Problem::new(format!("its padding is {other:?}"), EXPORT)),
    }
    window.padded_by(flow.padding);
    Ok(window)
}

fn is_set(config: &Value, key: &str) -> bool {
    config[key].as_bool().unwrap_or(true)
}

fn convolution(walk: &mut Walk, class: &str, config: &Value, flow: &Flow) -> Result<Flow, Problem> {
    let [height, width, channels] = image(config, flow)?;
    let window = window(config, "kernel_size", flow)?;
    let count = |key: &str| -> Result<usize, Problem> {
        let found = config[key].as_u64().filter(|it| (1..=MOST).contains(it));
        let problem = || Problem::new(format!("its {key} is {}", config[key]), EXPORT);
        Ok(found.ok_or_else(problem)? as usize)
    };
    let (own, filters, groups, order): (_, _, _, [usize; 4]) = match class {
        "Conv2D" => ("conv2d", count("filters")?, count("groups")?, [3, 2, 0, 1]),
        // Each channel has so many filters, which are Keras's last axis and laptime's first one behind the channels.
        _ => {
            let filters = channels * count("depth_multiplier")?;
            ("depthwise_conv2d", filters, channels, [2, 3, 0, 1])
        }
    };
    let is_cut = channels % groups == 0 && filters % groups == 0;
    must(is_cut, "its groups do not divide its channels", EXPORT)?;
    let [rows, columns] = window.size;
    let kernel = match class {
        "Conv2D" => vec![rows, columns, channels / groups, filters],
        _ => vec![rows, columns, channels, filters / channels],
    };
    let has_bias = is_set(config, "use_bias");
    let [out_height, out_width] = window.output([height, width])?;
    let layer = Layer::new(
        "conv2d",
        &[flow.place],
        vec![out_height, out_width, filters],
    );
    let layer = window.keys(layer.key("filters", filters), "kernel", [height, width]);
    let mut layer = layer.key("bias", has_bias);
    if groups != 1 {
        layer = layer.key("groups", groups);
    }
    let mut wanted: Vec<(_, _, &[usize])> = vec![("weight", kernel, &order)];
    if has_bias {
        wanted.push(("bias", vec![filters], &[0]));
    }
    layer.parameters = walk.weights.next(own, &wanted)?;
    if class != "Conv2D" {
        layer.parameters[0].shape = vec![filters, 1, rows, columns];
    }
    let made = walk.add(named(layer, config));
    activation(walk, config, made)
}

fn dense(walk: &mut Walk, config: &Value, flow: &Flow) -> Result<Flow, Problem> {
    let [values] = flow.shape[..] else {
        let what = "it reads an image";
        return Err(Problem::new(
            what,
            "put a Flatten in front of it, or a convolution with kernel 1 in its place",
        ));
    };
    let units = config["units"]
        .as_u64()
        .filter(|it| (1..=1 << 24).contains(it));
    let units = units.ok_or_else(|| Problem::new("it has no units", EXPORT))? as usize;
    let has_bias = is_set(config, "use_bias");
    let layer = Layer::new("dense", &[flow.place], vec![units]);
    let mut layer = layer.key("units", units).key("bias", has_bias);
    let mut wanted: Vec<(_, _, &[usize])> = vec![("weight", vec![values, units], &[1, 0])];
    if has_bias {
        wanted.push(("bias", vec![units], &[0]));
    }
    layer.parameters = walk.weights.next("dense", &wanted)?;
    let made = walk.add(named(layer, config));
    activation(walk, config, made)
}

fn norm(walk: &mut Walk, class: &str, config: &Value, flow: &Flow) -> Result<Flow, Problem> {
    let rank = flow.shape.len() as i64;
    let axis = match config["axis"].as_array().map(Vec::as_slice) {
        Some([one]) => one.as_i64(),
        _ => config["axis"].as_i64(),
    };
    let is_last = axis.is_some_and(|it| it == -1 || it == rank);
    must(
        is_last,
        "it does not normalize along the last axis",
        "set axis=-1",
    )?;
    let has_both = is_set(config, "center") && is_set(config, "scale");
    must(
        has_both,
        "it has no scale or no offset",
        "laptime's norms have both: set center and scale",
    )?;
    let odd = ["renorm", "rms_scaling"]
        .iter()
        .find(|it| config[**it] == true);
    must(odd.is_none(), "it is a norm of another form", EXPORT)?;
    let value = |key: &str| -> Result<String, Problem> {
        let found = config[key].as_f64().map(number);
        found.ok_or_else(|| Problem::new(format!("it has no {key}"), EXPORT))
    };
    let channels = vec![flow.shape[flow.shape.len() - 1]];
    let (kind, own, names): (_, _, &[&str]) = match class {
        "BatchNormalization" => (
            "batch_norm",
            "batch_normalization",
            &["weight", "bias", "running_mean", "running_var"],
        ),
        _ => ("layer_norm", "layer_normalization", &["weight", "bias"]),
    };
    let layer = Layer::new(kind, &[flow.place], flow.shape.clone());
    let mut layer = layer.key("epsilon", value("epsilon")?);
    if kind == "batch_norm" {
        layer = layer.key("momentum", value("momentum")?);
    }
    let wanted = names.iter().map(|name| (*name, channels.clone(), &[0][..]));
    layer.parameters = walk.weights.next(own, &wanted.collect::<Vec<_>>())?;
    Ok(walk.add(named(layer, config)))
}

fn pool(walk: &mut Walk, class: &str, config: &Value, flow: &Flow) -> Result<Flow, Problem> {
    let [height, width, channels] = image(config, flow)?;
    if flow.padding != [0; 4] {
        let of_relu = walk
            .net
            .layer_mut(flow.place)
            .is_some_and(|it| it.kind == "relu");
        must(
            of_relu,
            "it reads zeros around an image that may be below 0",
            EXPORT,
        )?;
    }
    let window = window(config, "pool_size", flow)?;
    let [out_height, out_width] = window.output([height, width])?;
    let kind = if class == "MaxPooling2D" {
        "max_pool"
    } else {
        "avg_pool"
    };
    let layer = Layer::new(kind, &[flow.place], vec![out_height, out_width, channels]);
    Ok(walk.add(named(window.keys(layer, "size", [height, width]), config)))
}

fn rescaling(walk: &mut Walk, config: &Value, flow: &Flow) -> Result<Flow, Problem> {
    let is_first = walk.net.layers.iter().all(|it| it.kind == "flatten") && walk.divisor.is_none();
    let scale = config["scale"]
        .as_f64()
        .filter(|it| it.is_finite() && *it > 0.0);
    let is_plain = config["offset"].as_f64() == Some(0.0);
    match scale {
        Some(scale) if is_first && is_plain => {
            // 1/255 is no number of the format's, and 255 is meant.
            let divisor = 1.0 / scale;
            let whole = divisor.round();
            let is_whole = (divisor - whole).abs() < 1e-9 * divisor;
            walk.divisor = Some(if is_whole { whole } else { divisor });
            Ok(flow.clone())
        }
        _ => {
            let [factor, offset] = ["scale", "offset"].map(|key| config[key].as_f64());
            let (Some(factor), Some(offset)) = (factor, offset) else {
                return Err(Problem::new("its scale is not a number", EXPORT));
            };
            let layer = Layer::new("scale", &[flow.place], flow.shape.clone());
            let layer = layer.key("factor", number(factor));
            Ok(walk.add(named(layer.key("offset", number(offset)), config)))
        }
    }
}

fn padding(config: &Value, flow: &Flow) -> Result<Flow, Problem> {
    image(config, flow)?;
    let sides = &config["padding"];
    let side = |row: usize, place: usize| {
        let value = sides[row][place].as_u64().filter(|it| *it <= MOST);
        value.map(|it| it as usize)
    };
    let all = [side(0, 0), side(0, 1), side(1, 0), side(1, 1)];
    let mut padded = flow.clone();
    for (sum, more) in padded.padding.iter_mut().zip(all) {
        *sum += more.ok_or_else(|| Problem::new(format!("its padding is {sides}"), EXPORT))?;
    }
    must(
        padded.padding.iter().all(|it| *it as u64 <= MOST),
        "its padding is too large",
        EXPORT,
    )?;
    Ok(padded)
}

fn concatenation(walk: &mut Walk, config: &Value, given: &[Flow]) -> Result<Flow, Problem> {
    let first = &given[0].shape;
    let last = first.len() - 1;
    let axis = config["axis"].as_i64().unwrap_or(-1);
    let is_last = axis == -1 || axis == first.len() as i64;
    let is_alike = |it: &Flow| it.shape.len() == first.len() && it.shape[..last] == first[..last];
    let is_right = is_last && given.len() > 1 && given.iter().all(is_alike);
    must(
        is_right,
        "it does not join channels of images of one size, or rows",
        EXPORT,
    )?;
    let mut shape = first.clone();
    shape[last] = given.iter().map(|it| it.shape[last]).sum();
    let places: Vec<_> = given.iter().map(|it| it.place).collect();
    Ok(walk.add(named(Layer::new("concat", &places, shape), config)))
}

/// Activations that laptime calls as Keras does.
const SAME_NAMES: [&str; 12] = [
    "relu",
    "relu6",
    "gelu",
    "silu",
    "sigmoid",
    "tanh",
    "softplus",
    "hard_sigmoid",
    "hard_swish",
    "mish",
    "leaky_relu",
    "elu",
];

/// The activation that a layer's settings name, behind it.
fn activation(walk: &mut Walk, config: &Value, flow: Flow) -> Result<Flow, Problem> {
    let wanted = &config["activation"];
    let problem = || {
        let what = format!("its activation is {wanted}, which laptime lacks");
        Problem::new(what, "`laptime workloads --layers` lists activations")
    };
    let name = match wanted {
        Value::Null => "linear",
        wanted => wanted.as_str().ok_or_else(problem)?,
    };
    let kind = match name {
        "linear" => return Ok(flow),
        "softmax" => return softmax(walk, flow),
        "swish" => "silu",
        "hard_silu" => "hard_swish",
        name => {
            let mut known = SAME_NAMES.iter().copied();
            known.find(|it| *it == name).ok_or_else(problem)?
        }
    };
    let layer = Layer::new(kind, &[flow.place], flow.shape.clone());
    Ok(walk.add(match kind {
        "leaky_relu" => layer.key("slope", "0.2"),
        "elu" => layer.key("alpha", "1"),
        _ => layer,
    }))
}

/// A softmax at the end is the loss's.
fn softmax(walk: &mut Walk, flow: Flow) -> Result<Flow, Problem> {
    must(
        flow.shape.len() == 1,
        "its softmax is over an image",
        EXPORT,
    )?;
    walk.is_ended = true;
    Ok(flow)
}
