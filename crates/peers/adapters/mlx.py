"""A workload trained by MLX, written for speed on Apple silicon.

Run by those who wrote it only on Linux CPUs, which MLX knows too; `laptime verify --engine mlx` tells
whether it does what it should on a card.

- Forward, backward and update are one compiled function whose state is captured; the batch is
  gathered inside of it from the resident bytes.
- MLX is lazy: a step is only queued until its values are asked for. A few steps are kept in flight.
- Its own Adam corrects no bias unless it is told to, and then adds ε elsewhere than Keras; the update
  is written out here.
"""

import math
import time
from functools import partial

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from dropout import program_masks
from job import Job, Score, State, Unsupported, micro_batches, rate_share, rows_of

EVALUATION_BLOCK = 500
# Between two looks at the score and the wish to stop.
LOOK_S = 0.1
STEPS_IN_FLIGHT = 10


def describe() -> dict:
    has_metal = mx.metal.is_available()
    name = mx.metal.device_info().get("device_name", "Apple GPU") if has_metal else ""
    card = {"kind": "gpu", "name": name, "driver": "Metal"}
    return {
        "versions": {"mlx": mx.__version__},
        "devices": [*([card] if has_metal else []), {"kind": "cpu", "name": "cpu", "driver": None}],
    }


# Layers: (layer, inputs, parameters, statistics, is_training, masks) → output. Images are NHWC and
# kernels OHWI, as MLX wants them. A norm puts its new statistics into the dictionary that it is given. The
# Program's dropout masks come in the gate; what is timed has None, and draws its own.


def dense(layer, inputs, parameters, *_):
    name = layer["name"]
    weight = parameters[f"{name}.weight"]
    if not layer.get("bias", True):
        return inputs[0] @ weight.T
    return mx.addmm(parameters[f"{name}.bias"], inputs[0], weight.T)


def padded(layer, x, value=0.0):
    above, below, left, right = layer["padding"]
    if not any(layer["padding"]):
        return x
    return mx.pad(x, ((0, 0), (above, below), (left, right), (0, 0)), constant_values=value)


def conv2d(layer, inputs, parameters, *_):
    name = layer["name"]
    above, below, left, right = layer["padding"]
    is_even = above == below and left == right
    x = inputs[0] if is_even else padded(layer, inputs[0])
    padding = (above, left) if is_even else (0, 0)
    weight, stride = parameters[f"{name}.weight"], tuple(layer["stride"])
    groups, dilation = layer.get("groups", 1), tuple(layer.get("dilation", (1, 1)))
    if x.dtype == mx.float64:
        x, weights = padded(layer, inputs[0]), mx.split(weight, groups)
        parts = [convolution_f64(*one, stride, dilation) for one in zip(mx.split(x, groups, -1), weights)]
        y = mx.concatenate(parts, -1)
    else:
        y = mx.conv2d(x, weight, stride, padding, dilation, groups)
    return y + parameters[f"{name}.bias"] if layer["bias"] else y


def convolution_f64(x, weight, stride, dilation):
    """MLX has no convolution in float64, for which the gate asks, but products: one for each tap."""
    down, right = stride
    _, height, width, _ = weight.shape
    tops = range(0, height * dilation[0], dilation[0])
    lefts = range(0, width * dilation[1], dilation[1])
    rows, columns = (x.shape[1] - tops[-1] - 1) // down + 1, (x.shape[2] - lefts[-1] - 1) // right + 1
    y = 0
    for i, top in enumerate(tops):
        for j, left in enumerate(lefts):
            met = x[:, top : top + rows * down : down, left : left + columns * right : right]
            met = met[:, :rows, :columns]
            y = y + met @ weight[:, i, j].T
    return y


def conv2d_transpose(layer, inputs, parameters, *_):
    name, x = layer["name"], inputs[0]
    weight = parameters[f"{name}.weight"]
    stride, dilation = tuple(layer["stride"]), tuple(layer.get("dilation", (1, 1)))
    # The weights are (channels, height, width, filters).
    weight = weight.transpose(3, 1, 2, 0)
    spans = [(kernel - 1) * dilated for kernel, dilated in zip(layer["kernel"], dilation)]
    if x.dtype == mx.float64:
        batch, height, width, channels = x.shape
        zeros = ((0, 0), (0, 0), (0, stride[0] - 1), (0, 0), (0, stride[1] - 1), (0, 0))
        apart = mx.pad(x[:, :, None, :, None], zeros)
        apart = apart.reshape(batch, height * stride[0], width * stride[1], channels)
        apart = apart[:, : (height - 1) * stride[0] + 1, : (width - 1) * stride[1] + 1]
        apart = mx.pad(apart, ((0, 0), (spans[0], spans[0]), (spans[1], spans[1]), (0, 0)))
        y = convolution_f64(apart, weight[:, ::-1, ::-1], (1, 1), dilation)
    else:
        y = mx.conv_transpose2d(x, weight, stride, 0, dilation)
    above, below, left, right = layer["padding"]
    down, across = layer["output_padding"]
    y = mx.pad(y, ((0, 0), (0, down), (0, across), (0, 0)))
    y = y[:, above : y.shape[1] - below, left : y.shape[2] - right]
    return y + parameters[f"{name}.bias"] if layer["bias"] else y


def batch_norm(layer, inputs, parameters, statistics, is_training, masks):
    name, x = layer["name"], inputs[0]
    names = f"{name}.running_mean", f"{name}.running_var"
    if is_training:
        axes = tuple(range(x.ndim - 1))
        mean, variance = mx.mean(x, axes), mx.var(x, axes)
        kept = layer["momentum"]
        for key, value in zip(names, (mean, variance)):
            statistics[key] = kept * statistics[key] + (1 - kept) * mx.stop_gradient(value)
    else:
        mean, variance = (statistics[key] for key in names)
    scale = parameters[f"{name}.weight"] * mx.rsqrt(variance + layer["epsilon"])
    return (x - mean) * scale + parameters[f"{name}.bias"]


def layer_norm(layer, inputs, parameters, *_):
    name, x = layer["name"], inputs[0]
    weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
    # By hand: MLX's own kernel has no float64, for which the gate asks.
    mean = mx.mean(x, -1, keepdims=True)
    variance = mx.var(x, -1, keepdims=True)
    return (x - mean) * mx.rsqrt(variance + layer["epsilon"]) * weight + bias


def max_pool(layer, inputs, *_):
    x = padded(layer, inputs[0], -math.inf)
    return nn.MaxPool2d(layer["kernel"], layer["stride"])(x)


def avg_pool(layer, inputs, *_):
    pool = nn.AvgPool2d(layer["kernel"], layer["stride"])
    if not any(layer["padding"]):
        return pool(inputs[0])
    ones = mx.ones_like(inputs[0][:1])
    return pool(padded(layer, inputs[0])) / pool(padded(layer, ones))


def dropout(layer, inputs, parameters, statistics, is_training, masks):
    x, rate = inputs[0], layer["rate"]
    if masks is not None:
        return x * masks[layer["name"]]
    return mx.where(mx.random.bernoulli(1 - rate, x.shape), x / (1 - rate), 0) if is_training else x


def gelu_tanh(x):
    """MLX's own approximation is another one in some versions."""
    return 0.5 * x * (1 + mx.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


def upsample(layer, x):
    down, right = layer["factor"]
    return mx.repeat(mx.repeat(x, down, 1), right, 2)


def multiply(a, b):
    """Of images and a row, each channel has a factor."""
    wide = lambda x: x[:, None, None] if x.ndim < max(a.ndim, b.ndim) else x
    return wide(a) * wide(b)


LAYERS = {
    "flatten": lambda layer, inputs, *_: inputs[0].reshape(len(inputs[0]), -1),
    "dense": dense,
    "relu": lambda layer, inputs, *_: mx.maximum(inputs[0], 0),
    "leaky_relu": lambda layer, inputs, *_: mx.where(inputs[0] > 0, inputs[0], layer["slope"] * inputs[0]),
    "gelu": lambda layer, inputs, *_: nn.gelu(inputs[0]),
    "gelu_tanh": lambda layer, inputs, *_: gelu_tanh(inputs[0]),
    "silu": lambda layer, inputs, *_: nn.silu(inputs[0]),
    "sigmoid": lambda layer, inputs, *_: mx.sigmoid(inputs[0]),
    "tanh": lambda layer, inputs, *_: mx.tanh(inputs[0]),
    "softplus": lambda layer, inputs, *_: nn.softplus(inputs[0]),
    "hard_swish": lambda layer, inputs, *_: nn.hardswish(inputs[0]),
    "relu6": lambda layer, inputs, *_: mx.minimum(mx.maximum(inputs[0], 0), 6),
    "hard_sigmoid": lambda layer, inputs, *_: mx.minimum(mx.maximum(inputs[0] + 3, 0), 6) / 6,
    "scale": lambda layer, inputs, *_: layer["factor"] * inputs[0] + layer["offset"],
    "elu": lambda layer, inputs, *_: nn.elu(inputs[0], layer["alpha"]),
    "mish": lambda layer, inputs, *_: nn.mish(inputs[0]),
    "conv2d": conv2d,
    "conv2d_transpose": conv2d_transpose,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "global_avg_pool": lambda layer, inputs, *_: mx.mean(inputs[0], (1, 2)),
    "upsample": lambda layer, inputs, *_: upsample(layer, inputs[0]),
    "dropout": dropout,
    "add": lambda layer, inputs, *_: inputs[0] + inputs[1],
    "multiply": lambda layer, inputs, *_: multiply(*inputs),
    "concat": lambda layer, inputs, *_: mx.concatenate(inputs, -1),
}


def logits_of(workload, parameters, statistics, pixels, is_training, masks=None):
    """The logits, and the statistics behind this batch."""
    dtype = next(iter(parameters.values())).dtype
    x = pixels.astype(dtype) / mx.array(workload["pixel_divisor"], dtype)
    statistics = dict(statistics)
    outputs = []
    for layer in workload["layers"]:
        inputs = [x if source == "input" else outputs[source["layer"]] for source in layer["inputs"]]
        forward = LAYERS[layer["kind"]]
        outputs.append(forward(layer, inputs, parameters, statistics, is_training, masks))
    return outputs[-1], statistics


def adam(constants, step, rate_share, gradients, parameters, m, v, v_max=None):
    """Keras's form: ε is added to the root of the uncorrected second moment, unless the corrected one is meant."""
    # 1 − βᵗ without what single precision loses of it while β is near 1.
    correction = lambda beta: -mx.expm1(step * math.log(beta))
    beta1, beta2 = constants["beta1"], constants["beta2"]
    root = mx.sqrt(correction(beta2))
    rate = constants["learning_rate"] * rate_share * root / correction(beta1)
    epsilon = constants["epsilon"] * (root if constants.get("corrected_epsilon", False) else 1)
    m = {name: m[name] + (1 - beta1) * (g - m[name]) for name, g in gradients.items()}
    v = {name: v[name] + (1 - beta2) * (g * g - v[name]) for name, g in gradients.items()}
    moments = {"m": m, "v": v}
    if v_max is not None:
        # AMSGrad's is the largest so far, before its correction, as in PyTorch and Keras.
        v = moments["v_max"] = {name: mx.maximum(v_max[name], v[name]) for name in v}
    update = lambda name: rate * m[name] / (mx.sqrt(v[name]) + epsilon)
    return {name: w - update(name) for name, w in parameters.items()}, moments


def adamw(constants, step, rate_share, gradients, parameters, m, v, v_max=None):
    """Parameters decay, by the learning rate after its schedule, maybe without biases and norms; then Adam."""
    decay = constants["weight_decay"] * constants["learning_rate"] * rate_share
    least = 2 if constants.get("weights_only", False) else 1
    parameters = {name: w - decay * w if w.ndim >= least else w for name, w in parameters.items()}
    return adam(constants, step, rate_share, gradients, parameters, m, v, v_max)


def amsgrad(constants, *rest, **moments):
    """With a decay or without."""
    return (adamw if "weight_decay" in constants else adam)(constants, *rest, **moments)


def sgd(constants, step, rate_share, gradients, parameters, velocity):
    """A decay is added to the gradients, as by MLX's own `SGD`."""
    momentum, rate = constants["momentum"], constants["learning_rate"] * rate_share
    if (decay := constants.get("weight_decay")) is not None:
        least = 2 if constants.get("weights_only", False) else 1
        decayed = lambda g, w: g + decay * w if w.ndim >= least else g
        gradients = {name: decayed(g, parameters[name]) for name, g in gradients.items()}
    velocity = {name: momentum * u + gradients[name] for name, u in velocity.items()}
    direction = velocity
    if constants.get("nesterov", False):
        direction = {name: momentum * u + gradients[name] for name, u in velocity.items()}
    parameters = {name: w - rate * direction[name] for name, w in parameters.items()}
    return parameters, {"velocity": velocity}


def rmsprop(constants, step, rate_share, gradients, parameters, v):
    """PyTorch's form: ε is outside of the root."""
    alpha, rate = constants["alpha"], constants["learning_rate"] * rate_share
    v = {name: v[name] + (1 - alpha) * (g * g - v[name]) for name, g in gradients.items()}
    update = lambda name: rate * gradients[name] / (mx.sqrt(v[name]) + constants["epsilon"])
    return {name: w - update(name) for name, w in parameters.items()}, {"v": v}


def clipped(max_norm, gradients):
    """All gradients times one factor, so that the norm of all of them together is `max_norm` at most; MLX's own
    `clip_grad_norm` adds 1e-6 to the norm."""
    norm = mx.sqrt(sum(mx.sum(g * g) for g in gradients.values()))
    factor = max_norm / mx.maximum(norm, max_norm)
    return {name: factor * g for name, g in gradients.items()}


# An update rule and the names of its moments.
OPTIMIZERS = {
    "adam": (adam, ("m", "v")),
    "amsgrad": (amsgrad, ("m", "v", "v_max")),
    "adamw": (adamw, ("m", "v")),
    "sgd": (sgd, ("velocity",)),
    "rmsprop": (rmsprop, ("v",)),
}


def train_step(workload, state, data, batch, masks=None):
    """Puts the state behind a step on this batch into `state`."""
    statistics, gradients, loss_sum, correct = state["statistics"], {}, 0, 0
    for rows, share in micro_batches(workload, len(batch)):
        pixels, labels = data[0][batch[rows]], data[1][batch[rows]]
        gradient = mx.value_and_grad(partial(shared_loss, workload, share, rows_of(masks, rows)))
        (_, loss, statistics, right), added = gradient(state["parameters"], statistics, pixels, labels)
        gradients = {name: gradients[name] + g if gradients else g for name, g in added.items()}
        loss_sum, correct = loss_sum + loss * len(labels), correct + right
    if (max_norm := workload.get("global_clip_norm")) is not None:
        gradients = clipped(max_norm, gradients)
    optimizer = workload["optimizer"]
    update, _ = OPTIMIZERS[optimizer["kind"]]
    state["step"] = state["step"] + 1
    step, share = state["step"], rate_share(workload, state["step"], mx)
    parameters, moments = update(optimizer, step, share, gradients, state["parameters"], **state["moments"])
    state |= {
        "parameters": parameters,
        "statistics": statistics,
        "moments": moments,
        "loss_sum": state["loss_sum"] + loss_sum,
        "correct": state["correct"] + correct,
    }


def shared_loss(workload, share, masks, *of):
    """What a micro-batch adds to the mean loss of a step; beside it what `loss_after` gives."""
    loss, statistics, correct = loss_after(workload, masks, *of)
    return loss * share, loss, statistics, correct


def loss_after(workload, masks, parameters, statistics, pixels, labels):
    """The mean loss of some samples, the statistics behind them, and how many were right."""
    logits, statistics = logits_of(workload, parameters, statistics, pixels, True, masks)
    if workload["loss"] == "mean-squared-error":
        if labels.ndim == 2:
            target = labels.astype(logits.dtype)
        else:
            divisor = mx.array(workload["pixel_divisor"], logits.dtype)
            target = pixels.reshape(logits.shape).astype(logits.dtype) / divisor
        return mx.mean(mx.square(logits - target)), statistics, mx.array(0, mx.int32)
    smoothing = workload.get("label_smoothing", 0.0)
    loss = nn.losses.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="mean")
    return loss, statistics, mx.sum(mx.argmax(logits, axis=1) == labels)


def own_axes(tensor):
    """laptime has kernels OIHW, MLX OHWI."""
    return tensor.transpose(0, 2, 3, 1) if tensor.ndim == 4 else tensor


def laptime_axes(tensor):
    return tensor.transpose(0, 3, 1, 2) if tensor.ndim == 4 else tensor


def to_own_state(workload: dict, state: State, dtype) -> dict:
    _, suffixes = OPTIMIZERS[workload["optimizer"]["kind"]]
    own = np.float64 if dtype == mx.float64 else np.float32
    tensors = {
        name: mx.array(np.ascontiguousarray(own_axes(np.array(tensor, own))), dtype)
        for name, tensor in state.tensors.items()
    }
    is_statistic = lambda name: name.endswith((".running_mean", ".running_var"))
    is_moment = lambda name: name.endswith(tuple("." + suffix for suffix in suffixes))
    names = [name for name in tensors if not is_statistic(name) and not is_moment(name)]
    moment = lambda name, suffix: tensors.get(f"{name}.{suffix}", mx.zeros_like(tensors[name]))
    return {
        "parameters": {name: tensors[name] for name in names},
        "statistics": {name: tensors[name] for name in tensors if is_statistic(name)},
        "moments": {suffix: {name: moment(name, suffix) for name in names} for suffix in suffixes},
        "step": mx.array(float(state.steps), dtype),
        "loss_sum": mx.array(0.0, dtype),
        "correct": mx.array(0, mx.int32),
    }


def to_laptime_state(state: dict) -> State:
    tensors = dict(state["parameters"]) | state["statistics"]
    for suffix, moments in state["moments"].items():
        tensors |= {f"{name}.{suffix}": moment for name, moment in moments.items()}
    own = lambda tensor: np.ascontiguousarray(laptime_axes(np.array(tensor)))
    return State(int(state["step"].item()), {name: own(t) for name, t in tensors.items()})


def variants(job: Job, device: dict) -> list[str]:
    return ["a compiled step"]


class Session:
    def __init__(self, job: Job, device: dict, threads: int, variant: str) -> None:
        for layer in job.layers:
            if layer["kind"] not in LAYERS:
                raise Unsupported(f"MLX's adapter knows no layer {layer['kind']}")
        if job.workload["precision"] != "fp32":
            raise Unsupported(f"MLX's adapter knows no {job.workload['precision']}")
        mx.random.seed(job.workload["seed"])
        mx.set_default_device(mx.cpu if device["kind"] == "cpu" else mx.gpu)
        self.job, self.workload = job, job.workload

        start = time.perf_counter()
        self.data, self.test = self.resident(job.train), self.resident(job.test)
        mx.eval(self.data, self.test)
        self.prepare_s = time.perf_counter() - start

        self.now = {}
        self.has_program_masks = False
        initial = State(0, job.initial)
        self.set_state(initial)
        step = partial(train_step, self.workload, self.now, self.data)
        captured = [self.now, mx.random.state]
        self.step = mx.compile(step, inputs=captured, outputs=captured)
        samples = len(job.train.labels)
        for size in {min(job.batch_size, samples), samples % job.batch_size} - {0}:
            self.step(mx.arange(size))
            mx.eval(self.now)
        self.set_state(initial)
        self.details = {"device": str(mx.default_device())}

    def resident(self, samples) -> tuple[mx.array, mx.array]:
        return mx.array(np.array(samples.pixels)), mx.array(np.array(samples.targets))

    def train(self, order, told):
        self.now |= {"loss_sum": mx.array(0.0), "correct": mx.array(0, mx.int32)}
        size = self.job.batch_size
        trained = 0
        looked = time.perf_counter()
        for number, begin in enumerate(range(0, len(order), size)):
            batch = mx.array(order[begin : begin + size].astype(np.int32))
            if self.has_program_masks:
                self.step(batch, self.masks(self.now, len(batch), mx.float32))
            else:
                self.step(batch)
            mx.async_eval(self.now)
            trained += len(batch)
            if number % STEPS_IN_FLIGHT == STEPS_IN_FLIGHT - 1:
                mx.eval(self.now)
                now = time.perf_counter()
                if now - looked >= LOOK_S:
                    looked = now
                    if told(self.score(trained)):
                        break
        mx.eval(self.now)
        return self.score(trained), None

    def score(self, samples: int) -> Score:
        return Score(samples, self.now["loss_sum"].item(), self.now["correct"].item())

    def logits(self, samples):
        blocks = []
        for begin in range(0, len(samples), EVALUATION_BLOCK):
            some = mx.array(samples[begin : begin + EVALUATION_BLOCK].astype(np.int32))
            state, pixels = self.now, self.test[0][some]
            logits, _ = logits_of(self.workload, state["parameters"], state["statistics"], pixels, False)
            blocks.append(np.array(logits))
        return np.concatenate(blocks)

    def state(self) -> State:
        return to_laptime_state(self.now)

    def set_state(self, state: State) -> None:
        # The compiled step has captured this dictionary.
        self.now |= to_own_state(self.workload, state, mx.float32)

    def masks(self, state: dict, samples: int, dtype) -> dict:
        """The Program's dropout masks of the next step."""
        own = np.float64 if dtype == mx.float64 else np.float32
        made = program_masks(self.workload, samples, int(state["step"].item()) + 1)
        return {name: mx.array(mask.astype(own), dtype) for name, mask in made.items()}

    def use_program_masks(self) -> None:
        """With masks as an input, the step is compiled anew: it is not what is timed to the letter."""
        self.has_program_masks = True

    def own_dropout(self, layer: dict, step: int, shape: tuple[int, int]):
        run = mx.compile(
            lambda x: dropout(layer, [x], {}, {}, True, None),
            inputs=mx.random.state,
            outputs=mx.random.state,
        )
        return np.array(run(mx.ones(shape)))

    def trace_f64(self, start: State, order):
        """In float64, which MLX has on the CPU alone."""
        with mx.stream(mx.cpu):
            state = to_own_state(self.workload, start, mx.float64)
            losses = []
            for batch in order.reshape(-1, self.job.batch_size):
                state["loss_sum"] = mx.array(0.0, mx.float64)
                given = self.masks(state, len(batch), mx.float64)
                some = mx.array(batch.astype(np.int32))
                train_step(self.workload, state, self.data, some, given)
                mx.eval(state)
                losses.append(state["loss_sum"].item() / len(batch))
            return losses, to_laptime_state(state)
