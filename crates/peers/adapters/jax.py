"""A workload trained by JAX, written for speed.

- Training is one compiled loop over the steps of an epoch, ahead of time, its state donated; the
  batch is gathered from the resident bytes inside of it. How many steps a call does is an argument:
  the same executable does one step for the gate and thousands in a timed epoch.
- On CPUs, XLA runs convolutions inside of loops on one thread: nets that have any are trained a
  call a step there.
- Images are NHWC and kernels HWIO, as XLA's CPU convolution wants them.
"""

import math
import time
from functools import partial

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from dropout import program_masks
from job import Job, Score, State, Unsupported, is_of_symbols, micro_batches, rate_share, rows_of

# IEEE single precision in every product: no TF32 on cards that have it.
jax.config.update("jax_default_matmul_precision", "highest")

EVALUATION_BLOCK = 500
# Between two looks at the wish to stop.
CALL_S = 0.25


def describe() -> dict:
    return {
        "versions": {"jax": jax.__version__, "jaxlib": jaxlib.__version__},
        "devices": [
            {
                "kind": "cpu" if device.platform == "cpu" else "gpu",
                "name": device.device_kind,
                "driver": getattr(device.client, "platform_version", None),
            }
            for device in all_devices()
        ],
    }


def all_devices() -> list[jax.Device]:
    platforms = {jax.default_backend(): 0, "cpu": 0}
    return [device for platform in platforms for device in jax.devices(platform)]


def find_device(wanted: dict) -> jax.Device:
    return all_devices()[wanted["index"]]


# Layers: (layer, inputs, parameters, statistics, mode) → output. A norm puts its new statistics into
# the dictionary that it is given.


def dense(layer, inputs, parameters, *_):
    name = layer["name"]
    y = inputs[0] @ parameters[f"{name}.weight"].T
    return y + parameters[f"{name}.bias"] if layer.get("bias", True) else y


def conv2d(layer, inputs, parameters, *_):
    name = layer["name"]
    above, below, left, right = layer["padding"]
    y = jax.lax.conv_general_dilated(
        inputs[0],
        parameters[f"{name}.weight"],
        layer["stride"],
        [(above, below), (left, right)],
        rhs_dilation=layer.get("dilation", (1, 1)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=layer.get("groups", 1),
    )
    return y + parameters[f"{name}.bias"] if layer["bias"] else y


def conv2d_transpose(layer, inputs, parameters, *_):
    name = layer["name"]
    dilation = layer.get("dilation", (1, 1))
    spans = [(kernel - 1) * dilated for kernel, dilated in zip(layer["kernel"], dilation)]
    above, below, left, right = layer["padding"]
    down, across = layer["output_padding"]
    y = jax.lax.conv_general_dilated(
        inputs[0],
        parameters[f"{name}.weight"][::-1, ::-1],
        (1, 1),
        [(spans[0] - above, spans[0] - below + down), (spans[1] - left, spans[1] - right + across)],
        lhs_dilation=layer["stride"],
        rhs_dilation=dilation,
        # The weights have the outputs where a convolution has its inputs.
        dimension_numbers=("NHWC", "HWOI", "NHWC"),
    )
    return y + parameters[f"{name}.bias"] if layer["bias"] else y


def batch_norm(layer, inputs, parameters, statistics, mode):
    name, x = layer["name"], inputs[0]
    names = f"{name}.running_mean", f"{name}.running_var"
    if mode.is_training:
        axes = tuple(range(x.ndim - 1))
        mean = x.mean(axes)
        variance = jnp.square(x - mean).mean(axes)
        kept = layer["momentum"]
        for key, value in zip(names, (mean, variance)):
            statistics[key] = kept * statistics[key] + (1 - kept) * value
    else:
        mean, variance = (statistics[key] for key in names)
    scale = parameters[f"{name}.weight"] * jax.lax.rsqrt(variance + layer["epsilon"])
    return (x - mean) * scale + parameters[f"{name}.bias"]


def layer_norm(layer, inputs, parameters, *_):
    name, x = layer["name"], inputs[0]
    mean = x.mean(-1, keepdims=True)
    variance = jnp.square(x - mean).mean(-1, keepdims=True)
    normed = (x - mean) * jax.lax.rsqrt(variance + layer["epsilon"])
    return normed * parameters[f"{name}.weight"] + parameters[f"{name}.bias"]


def windows(layer, x, start, operation):
    above, below, left, right = layer["padding"]
    return jax.lax.reduce_window(
        x,
        np.array(start, x.dtype),
        operation,
        (1, *layer["kernel"], 1),
        (1, *layer["stride"], 1),
        ((0, 0), (above, below), (left, right), (0, 0)),
    )


def max_pool(layer, inputs, *_):
    return windows(layer, inputs[0], -jnp.inf, jax.lax.max)


def avg_pool(layer, inputs, *_):
    x = inputs[0]
    counts = windows(layer, jnp.ones_like(x[:1]), 0, jax.lax.add)
    return windows(layer, x, 0, jax.lax.add) / counts


def dropout(layer, inputs, parameters, statistics, mode):
    x, rate = inputs[0], layer["rate"]
    if not mode.is_training:
        return x
    if mode.masks is not None:
        return x * mode.masks[layer["name"]]
    keep = jax.random.bernoulli(mode.key_of(layer), 1 - rate, x.shape)
    return jnp.where(keep, x / (1 - rate), 0)


def upsample(layer, x):
    down, right = layer["factor"]
    return jnp.repeat(jnp.repeat(x, down, 1), right, 2)


def multiply(a, b):
    """Of images and a row, each channel has a factor."""
    wide = lambda x: x[:, None, None] if x.ndim < max(a.ndim, b.ndim) else x
    return wide(a) * wide(b)


LAYERS = {
    "flatten": lambda layer, inputs, *_: inputs[0].reshape(len(inputs[0]), -1),
    "dense": dense,
    # A sequence is an image of height 1.
    "embedding": lambda layer, inputs, parameters, *_: parameters[f"{layer['name']}.weight"][inputs[0]][:, None],
    "relu": lambda layer, inputs, *_: jax.nn.relu(inputs[0]),
    "leaky_relu": lambda layer, inputs, *_: jnp.where(inputs[0] > 0, inputs[0], layer["slope"] * inputs[0]),
    "gelu": lambda layer, inputs, *_: jax.nn.gelu(inputs[0], approximate=False),
    "gelu_tanh": lambda layer, inputs, *_: jax.nn.gelu(inputs[0], approximate=True),
    "silu": lambda layer, inputs, *_: jax.nn.silu(inputs[0]),
    "sigmoid": lambda layer, inputs, *_: jax.nn.sigmoid(inputs[0]),
    "tanh": lambda layer, inputs, *_: jnp.tanh(inputs[0]),
    "softplus": lambda layer, inputs, *_: jax.nn.softplus(inputs[0]),
    "hard_swish": lambda layer, inputs, *_: jax.nn.hard_swish(inputs[0]),
    # JAX's own has the slope 1/2 at 0.
    "relu6": lambda layer, inputs, *_: jnp.minimum(jax.nn.relu(inputs[0]), 6),
    "hard_sigmoid": lambda layer, inputs, *_: jax.nn.hard_sigmoid(inputs[0]),
    "scale": lambda layer, inputs, *_: layer["factor"] * inputs[0] + layer["offset"],
    "elu": lambda layer, inputs, *_: jax.nn.elu(inputs[0], layer["alpha"]),
    "mish": lambda layer, inputs, *_: jax.nn.mish(inputs[0]),
    "conv2d": conv2d,
    "conv2d_transpose": conv2d_transpose,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "global_avg_pool": lambda layer, inputs, *_: inputs[0].mean((1, 2)),
    "upsample": lambda layer, inputs, *_: upsample(layer, inputs[0]),
    "dropout": dropout,
    "add": lambda layer, inputs, *_: inputs[0] + inputs[1],
    "multiply": lambda layer, inputs, *_: multiply(*inputs),
    "concat": lambda layer, inputs, *_: jnp.concatenate(inputs, -1),
}


class Evaluation:
    is_training = False


class Training:
    is_training = True

    # The Program's masks in the gate; what is timed draws its own.
    def __init__(self, workload: dict, step: jax.Array, masks: dict | None, first: int = 0) -> None:
        """Of the samples of a step from `first` on."""
        self.masks = masks
        key = jax.random.fold_in(jax.random.key(workload["seed"]), step)
        self.key = jax.random.fold_in(key, first) if first else key
        self.names = [layer["name"] for layer in workload["layers"]]

    def key_of(self, layer: dict) -> jax.Array:
        return jax.random.fold_in(self.key, self.names.index(layer["name"]))


def logits_of(workload, parameters, statistics, pixels, mode):
    """The logits, and the statistics behind this batch."""
    dtype = next(iter(parameters.values())).dtype
    x = pixels if is_of_symbols(workload) else pixels.astype(dtype) / workload["pixel_divisor"]
    statistics = dict(statistics)
    outputs = []
    for layer in workload["layers"]:
        inputs = [x if source == "input" else outputs[source["layer"]] for source in layer["inputs"]]
        forward = LAYERS[layer["kind"]]
        outputs.append(forward(layer, inputs, parameters, statistics, mode))
    return outputs[-1], statistics


def adam(constants, step, rate_share, gradients, parameters, m, v, v_max=None):
    """Keras's form: ε is added to the root of the uncorrected second moment, unless the corrected one is meant."""
    # 1 − βᵗ without what single precision loses of it while β is near 1.
    correction = lambda beta: -jnp.expm1(step * math.log(beta))
    beta1, beta2 = constants["beta1"], constants["beta2"]
    root = jnp.sqrt(correction(beta2))
    rate = constants["learning_rate"] * rate_share * root / correction(beta1)
    epsilon = constants["epsilon"] * (root if constants.get("corrected_epsilon", False) else 1)
    m = jax.tree.map(lambda m, g: m + (1 - beta1) * (g - m), m, gradients)
    v = jax.tree.map(lambda v, g: v + (1 - beta2) * (g * g - v), v, gradients)
    moments = {"m": m, "v": v}
    if v_max is not None:
        # AMSGrad's is the largest so far, before its correction, as in PyTorch and Keras.
        v = moments["v_max"] = jax.tree.map(jnp.maximum, v_max, v)
    update = lambda w, m, v: w - rate * m / (jnp.sqrt(v) + epsilon)
    return jax.tree.map(update, parameters, m, v), moments


def adamw(constants, step, rate_share, gradients, parameters, m, v, v_max=None):
    """Parameters decay, by the learning rate after its schedule, maybe without biases and norms; then Adam."""
    decay = constants["weight_decay"] * constants["learning_rate"] * rate_share
    least = 2 if constants.get("weights_only", False) else 1
    parameters = jax.tree.map(lambda w: w - decay * w if w.ndim >= least else w, parameters)
    return adam(constants, step, rate_share, gradients, parameters, m, v, v_max)


def amsgrad(constants, *rest, **moments):
    """With a decay or without. Optax's takes the largest of the corrected moments, which is another rule."""
    return (adamw if "weight_decay" in constants else adam)(constants, *rest, **moments)


def sgd(constants, step, rate_share, gradients, parameters, velocity):
    """A decay is added to the gradients, as by PyTorch's `SGD` and Optax's `add_decayed_weights` before `sgd`."""
    momentum, rate = constants["momentum"], constants["learning_rate"] * rate_share
    if (decay := constants.get("weight_decay")) is not None:
        least = 2 if constants.get("weights_only", False) else 1
        decayed = lambda g, w: g + decay * w if w.ndim >= least else g
        gradients = jax.tree.map(decayed, gradients, parameters)
    velocity = jax.tree.map(lambda u, g: momentum * u + g, velocity, gradients)
    is_nesterov = constants.get("nesterov", False)
    direction = lambda u, g: momentum * u + g if is_nesterov else u
    update = lambda w, u, g: w - rate * direction(u, g)
    return jax.tree.map(update, parameters, velocity, gradients), {"velocity": velocity}


def rmsprop(constants, step, rate_share, gradients, parameters, v):
    """PyTorch's form: ε is outside of the root; Optax has it inside."""
    alpha, rate = constants["alpha"], constants["learning_rate"] * rate_share
    v = jax.tree.map(lambda v, g: v + (1 - alpha) * (g * g - v), v, gradients)
    update = lambda w, g, v: w - rate * g / (jnp.sqrt(v) + constants["epsilon"])
    return jax.tree.map(update, parameters, gradients, v), {"v": v}


def clipped(max_norm, gradients):
    """All gradients times one factor, so that the norm of all of them together is `max_norm` at most."""
    norm = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(gradients)))
    factor = max_norm / jnp.maximum(norm, max_norm)
    return jax.tree.map(lambda g: factor * g, gradients)


# An update rule and the names of its moments.
OPTIMIZERS = {
    "adam": (adam, ("m", "v")),
    "amsgrad": (amsgrad, ("m", "v", "v_max")),
    "adamw": (adamw, ("m", "v")),
    "sgd": (sgd, ("velocity",)),
    "rmsprop": (rmsprop, ("v",)),
}


def train_step(workload, state, pixels, labels, masks=None):
    step = state["step"] + 1
    statistics, gradients, loss_sum, correct = state["statistics"], None, 0, 0
    # Unrolled: there are few of them, and the last may be smaller.
    for rows, share in micro_batches(workload, len(labels)):
        mode = Training(workload, step, rows_of(masks, rows), rows.start)
        loss_of = partial(shared_loss, workload, share, mode)
        gradient = jax.grad(loss_of, has_aux=True)
        of_these = pixels[rows], labels[rows]
        added, (loss, statistics, right) = gradient(state["parameters"], statistics, *of_these)
        gradients = added if gradients is None else jax.tree.map(jnp.add, gradients, added)
        loss_sum, correct = loss_sum + loss * len(labels[rows]), correct + right
    if (max_norm := workload.get("global_clip_norm")) is not None:
        gradients = clipped(max_norm, gradients)
    optimizer = workload["optimizer"]
    update, _ = OPTIMIZERS[optimizer["kind"]]
    number = step.astype(next(iter(state["parameters"].values())).dtype)
    share = rate_share(workload, number, jnp)
    parameters, moments = update(optimizer, number, share, gradients, state["parameters"], **state["moments"])
    return {
        "parameters": parameters,
        "statistics": statistics,
        "moments": moments,
        "step": step,
        "loss_sum": state["loss_sum"] + loss_sum,
        "correct": state["correct"] + correct.astype(jnp.int32),
    }


def shared_loss(workload, share, mode, parameters, *of):
    """What a micro-batch adds to the mean loss of a step; beside it what `loss_after` gives."""
    loss, after = loss_after(workload, mode, parameters, *of)
    return loss * share, (loss, *after)


def loss_after(workload, mode, parameters, statistics, pixels, labels):
    """The mean loss of some samples; beside it the statistics behind them, and how many were right."""
    logits, statistics = logits_of(workload, parameters, statistics, pixels, mode)
    if workload["loss"] == "mean-squared-error":
        if labels.ndim == 2:
            target = labels.astype(logits.dtype)
        else:
            target = pixels.reshape(logits.shape).astype(logits.dtype) / workload["pixel_divisor"]
        return jnp.mean(jnp.square(logits - target)), (statistics, jnp.int32(0))
    # On CPUs a comparison is quicker than taking one value a row.
    is_label = labels[:, None] == jnp.arange(logits.shape[1])
    logs = jax.nn.log_softmax(logits)
    loss = -jnp.sum(jnp.where(is_label, logs, 0)) / len(labels)
    if smoothing := workload.get("label_smoothing", 0.0):
        loss = (1 - smoothing) * loss - smoothing * jnp.mean(logs)
    own = jnp.max(jnp.where(is_label, logits, -jnp.inf), axis=1)
    correct = jnp.sum(own >= jnp.max(logits, axis=1))
    return loss, (statistics, correct)


def steps_in_loop(workload, state, data, order, masks, first, last):
    """The steps first..last of an order (steps, batch), with masks of as many steps or None."""
    one = lambda number, state: one_step(workload, state, data, order, masks, number, number + 1)
    return jax.lax.fori_loop(first, last, one, state)


def one_step(workload, state, data, order, masks, first, last):
    pixels, labels = data
    masks = jax.tree.map(lambda mask: mask[first], masks)
    return train_step(workload, state, pixels[order[first]], labels[order[first]], masks)


def own_axes(tensor):
    """laptime has kernels OIHW, as PyTorch."""
    return tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor


def laptime_axes(tensor):
    return tensor.transpose(3, 2, 0, 1) if tensor.ndim == 4 else tensor


def to_own_state(workload: dict, state: State, dtype) -> dict:
    _, suffixes = OPTIMIZERS[workload["optimizer"]["kind"]]
    tensors = {name: jnp.array(own_axes(np.array(tensor, dtype))) for name, tensor in state.tensors.items()}
    is_statistic = lambda name: name.endswith((".running_mean", ".running_var"))
    is_moment = lambda name: name.endswith(tuple("." + suffix for suffix in suffixes))
    names = [name for name in tensors if not is_statistic(name) and not is_moment(name)]
    moment = lambda name, suffix: tensors.get(f"{name}.{suffix}", jnp.zeros_like(tensors[name]))
    return {
        "parameters": {name: tensors[name] for name in names},
        "statistics": {name: tensors[name] for name in tensors if is_statistic(name)},
        "moments": {suffix: {name: moment(name, suffix) for name in names} for suffix in suffixes},
        "step": jnp.int32(state.steps),
        "loss_sum": jnp.zeros((), dtype),
        "correct": jnp.int32(0),
    }


def to_laptime_state(state: dict) -> State:
    tensors = dict(state["parameters"]) | state["statistics"]
    for suffix, moments in state["moments"].items():
        tensors |= {f"{name}.{suffix}": moment for name, moment in moments.items()}
    tensors = {name: laptime_axes(np.asarray(tensor)) for name, tensor in tensors.items()}
    return State(int(state["step"]), tensors)


STEP, LOOP = "a compiled step a call", "a compiled loop over the steps"


def variants(job: Job, device: dict) -> list[str]:
    is_stepwise = job.has_convolutions and find_device(device).platform == "cpu"
    return [STEP if is_stepwise else LOOP]


class Session:
    def __init__(self, job: Job, device: dict, threads: int, variant: str) -> None:
        for layer in job.layers:
            if layer["kind"] not in LAYERS:
                raise Unsupported(f"JAX's adapter knows no layer {layer['kind']}")
        if job.workload["precision"] != "fp32":
            raise Unsupported(f"JAX's adapter knows no {job.workload['precision']}")
        self.job, self.workload = job, job.workload
        self.device = find_device(device)
        jax.config.update("jax_default_device", self.device)

        start = time.perf_counter()
        on_device = lambda samples: (jnp.asarray(samples.pixels), jnp.asarray(samples.labels))
        self.data, self.test = jax.block_until_ready((on_device(job.train), on_device(job.test)))
        self.prepare_s = time.perf_counter() - start

        self.state_now = to_own_state(self.workload, State(0, job.initial), np.float32)
        samples = len(job.train.labels)
        is_stepwise = variant == STEP
        self.most_steps = max(1, samples // job.batch_size)
        self.call_steps = 1 if is_stepwise else 16
        self.is_stepwise = is_stepwise
        self.has_program_masks = False
        self.compile_steps()
        self.step_f64 = jax.jit(partial(train_step, self.workload))
        self.block = min(EVALUATION_BLOCK, len(job.test.labels)) or 1
        evaluate = jax.jit(self.evaluate_block)
        self.evaluation = evaluate.lower(
            self.state_now["parameters"],
            self.state_now["statistics"],
            self.test[0],
            jnp.zeros(self.block, jnp.int32),
        ).compile()
        self.details = {
            "device": str(self.device),
            "matmul_precision": "highest",
        }

    def compile_steps(self) -> None:
        """For each size of batch."""
        size, samples = self.job.batch_size, len(self.job.train.labels)
        function = one_step if self.is_stepwise else steps_in_loop
        shapes = {size: self.most_steps, samples % size: 1}
        self.compiled = {
            size: self.compile(function, steps, size) for size, steps in shapes.items() if 0 < size <= samples
        }

    def compile(self, function, steps: int, size: int):
        order = jnp.zeros((steps, size), jnp.int32)
        train = jax.jit(partial(function, self.workload), donate_argnums=0)
        masks = self.masks(0, steps, size)
        return train.lower(self.state_now, self.data, order, masks, 0, 1).compile()

    def masks(self, steps: int, room: int, size: int) -> dict | None:
        """The Program's masks of the next steps, in a place for `room` of them; None for what is timed,
        which draws its own."""
        if not self.has_program_masks:
            return None
        done = int(self.state_now["step"])
        made = {
            name: np.zeros((room, *mask.shape), np.float32)
            for name, mask in program_masks(self.workload, size, 1).items()
        }
        for number in range(steps):
            for name, mask in program_masks(self.workload, size, done + number + 1).items():
                made[name][number] = mask
        return jax.tree.map(jnp.asarray, made)

    def use_program_masks(self) -> None:
        """The same steps compiled anew with masks as an input: not the executable that is timed, but the
        same functions."""
        self.has_program_masks = True
        self.compile_steps()

    def own_dropout(self, layer: dict, step: int, shape: tuple[int, int]):
        mode = Training(self.workload, jnp.int32(step), None)
        run = jax.jit(lambda x: dropout(layer, [x], {}, {}, mode))
        return np.asarray(run(jnp.ones(shape, jnp.float32)))

    def evaluate_block(self, parameters, statistics, pixels, samples):
        return logits_of(self.workload, parameters, statistics, pixels[samples], Evaluation)[0]

    def train(self, order, told):
        self.state_now |= {"loss_sum": jnp.float32(0), "correct": jnp.int32(0)}
        size = self.job.batch_size
        full = len(order) // size
        trained = 0
        step_s = [] if self.is_stepwise else None
        orders = order[: full * size].reshape(full, size), order[full * size :].reshape(1, -1)
        for batches in orders:
            if batches.size and batches.shape[1] not in self.compiled:
                self.compiled[batches.shape[1]] = self.compile(one_step, 1, batches.shape[1])
            for begin in range(0, len(batches) if batches.size else 0, self.most_steps):
                for count in self.run(batches[begin : begin + self.most_steps], step_s):
                    trained += count
                    if told(self.score(trained)):
                        return self.score(trained), step_s
        return self.score(trained), step_s

    def run(self, batches, step_s):
        """Runs these batches, and gives how many samples each call trained on."""
        steps, size = batches.shape
        compiled = self.compiled[size]
        room = self.most_steps if size == self.job.batch_size else 1
        order = np.zeros((room, size), np.int32)
        order[:steps] = batches
        order = jnp.asarray(order)
        masks = self.masks(steps, room, size)
        first = 0
        while first < steps:
            last = min(first + self.call_steps, steps)
            begin = time.perf_counter()
            self.state_now = jax.block_until_ready(compiled(self.state_now, self.data, order, masks, first, last))
            elapsed_s = time.perf_counter() - begin
            if step_s is not None:
                step_s.append(elapsed_s)
            elif elapsed_s < CALL_S / 2 and last - first == self.call_steps:
                self.call_steps *= 2
            elif elapsed_s > 2 * CALL_S:
                self.call_steps = max(1, self.call_steps // 2)
            yield (last - first) * size
            first = last

    def score(self, samples: int) -> Score:
        return Score(samples, float(self.state_now["loss_sum"]), int(self.state_now["correct"]))

    def logits(self, samples):
        blocks = []
        for begin in range(0, len(samples), self.block):
            block = np.zeros(self.block, np.int32)
            some = samples[begin : begin + self.block]
            block[: len(some)] = some
            state = self.state_now
            logits = self.evaluation(state["parameters"], state["statistics"], self.test[0], block)
            blocks.append(np.asarray(logits)[: len(some)])
        return np.concatenate(blocks)

    def state(self) -> State:
        return to_laptime_state(self.state_now)

    def set_state(self, state: State) -> None:
        self.state_now = to_own_state(self.workload, state, np.float32)

    def trace_f64(self, start: State, order):
        with jax.enable_x64(True), jax.default_device(jax.devices("cpu")[0]):
            state = to_own_state(self.workload, start, np.float64)
            losses = []
            for batch in order.reshape(-1, self.job.batch_size):
                state |= {"loss_sum": jnp.float64(0)}
                pixels, labels = self.job.train.pixels[batch], self.job.train.labels[batch]
                given = program_masks(self.workload, len(batch), int(state["step"]) + 1)
                state = self.step_f64(state, pixels, labels, given)
                losses.append(float(state["loss_sum"]) / self.job.batch_size)
            return losses, to_laptime_state(state)
