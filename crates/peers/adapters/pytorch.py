"""A workload trained by PyTorch, written for speed.

- Which way is the fastest depends on the net and the machine, so there are several, and laptime tries
  them: everything of a step as one function under torch.compile (small nets, whose launches would
  otherwise cost more than the products); forward and backward under torch.compile with a fused
  optimizer; or eager with a fused optimizer, in channels-last or PyTorch's own layout. On a CPU
  compiling needs a C++ compiler; without one, nets are trained eagerly.
- Samples are resident as scaled float32. Nothing waits for a loss but the look at the clock.
- bf16 is PyTorch's automatic mixed precision: products take bfloat16, everything else float32.

torch.compile keeps what it made in a cache on disk, as is its default; laptime gives it one that is
empty before the first timed run.
"""

import contextlib
import math
import os
import shutil
import time
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from dropout import program_masks
from job import Job, Plain, Score, State, Unsupported, is_of_symbols, micro_batches, rate_share, rows_of
from torch import Tensor
from torch.nn import functional

# IEEE single precision in every product: no TF32 on cards that have it.
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
# cuDNN tries its kernels for each shape, within the steps that compile.
torch.backends.cudnn.benchmark = True
# As TensorFlow and JAX do; threads that are made later have it from this one.
torch.set_flush_denormal(True)

EVALUATION_BLOCK = 500
# Between two looks at the score and the wish to stop: on a card each waits for the work so far.
LOOK_S = 0.1

Tensors = dict[str, Tensor]


def describe() -> dict:
    cards = [
        {
            "kind": "gpu",
            "name": torch.cuda.get_device_name(number),
            "driver": f"CUDA {torch.version.cuda}",
        }
        for number in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        cards.append({"kind": "gpu", "name": "Apple GPU", "driver": "Metal (mps)"})
    return {
        "versions": {"torch": torch.__version__},
        "devices": [*cards, {"kind": "cpu", "name": "cpu", "driver": None}],
    }


def find_device(wanted: dict) -> torch.device:
    if wanted["kind"] == "cpu":
        return torch.device("cpu")
    # As `describe` has them.
    is_cuda = wanted["index"] < torch.cuda.device_count()
    return torch.device("cuda", wanted["index"]) if is_cuda else torch.device("mps")


# Layers: (layer, inputs, parameters, statistics, is_training, masks) → output. Images are NCHW. A norm puts
# its new statistics into the dictionary that it is given. The Program's dropout masks come in the gate;
# what is timed has None, and draws its own.


def flatten(layer, inputs, *_):
    x = inputs[0]
    # laptime's rows have the channels of a pixel together.
    return x.permute(0, 2, 3, 1).flatten(1) if x.ndim == 4 else x.flatten(1)


def dense(layer, inputs, parameters, *_):
    name = layer["name"]
    return functional.linear(inputs[0], parameters[f"{name}.weight"], parameters.get(f"{name}.bias"))


def embedding(layer, inputs, parameters, *_):
    y = functional.embedding(inputs[0], parameters[f"{layer['name']}.weight"])
    # A sequence is an image of height 1.
    return y.transpose(1, 2).unsqueeze(2)


def padded(layer, x, value=0.0):
    """The input, and the padding that is left for the operation, which knows but the same amount on
    both sides."""
    above, below, left, right = layer["padding"]
    if above == below and left == right:
        return x, (above, left)
    return functional.pad(x, (left, right, above, below), value=value), (0, 0)


def conv2d(layer, inputs, parameters, *_):
    name = layer["name"]
    x, padding = padded(layer, inputs[0])
    bias = parameters[f"{name}.bias"] if layer["bias"] else None
    weight, groups = parameters[f"{name}.weight"], layer.get("groups", 1)
    dilation = layer.get("dilation", 1)
    return functional.conv2d(x, weight, bias, layer["stride"], padding, dilation, groups)


def cut(layer, height, width):
    """What is left of an image of a transposed convolution when its padding is cut off, as slices."""
    above, below, left, right = layer["padding"]
    return slice(above, height - below), slice(left, width - right)


def conv2d_transpose(layer, inputs, parameters, *_):
    name = layer["name"]
    above, below, left, right = layer["padding"]
    is_even = above == below and left == right
    bias = parameters[f"{name}.bias"] if layer["bias"] else None
    y = functional.conv_transpose2d(
        inputs[0],
        parameters[f"{name}.weight"],
        bias,
        layer["stride"],
        (above, left) if is_even else (0, 0),
        layer["output_padding"],
        dilation=layer.get("dilation", 1),
    )
    if is_even:
        return y
    rows, columns = cut(layer, *y.shape[2:])
    return y[:, :, rows, columns]


def batch_norm(layer, inputs, parameters, statistics, is_training, masks):
    name, x, epsilon = layer["name"], inputs[0], layer["epsilon"]
    weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
    names = f"{name}.running_mean", f"{name}.running_var"
    if not is_training:
        moving = [statistics[key] for key in names]
        return functional.batch_norm(x, *moving, weight, bias, False, 0.0, epsilon)
    # The compiler would keep the statistics of a bfloat16 input in bfloat16; eagerly they are float32.
    # The casts are fused.
    wide = x.to(weight.dtype) if torch.compiler.is_compiling() else x
    y, mean, inverse = torch.native_batch_norm(wide, weight, bias, None, None, True, 0.0, epsilon)
    # PyTorch itself would take the variance over n - 1 into the moving one.
    variance = inverse.detach() ** -2 - epsilon
    for key, value in zip(names, (mean.detach(), variance)):
        statistics[key] = torch.lerp(value, statistics[key], layer["momentum"])
    return y.to(x.dtype)


def layer_norm(layer, inputs, parameters, *_):
    name, x = layer["name"], inputs[0]
    weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
    # The channels of an image's position are normalized, which PyTorch wants last.
    x = x.permute(0, 2, 3, 1) if x.ndim == 4 else x
    y = functional.layer_norm(x, weight.shape, weight, bias, layer["epsilon"])
    return y.permute(0, 3, 1, 2) if y.ndim == 4 else y


def max_pool(layer, inputs, *_):
    x, padding = padded(layer, inputs[0], -math.inf)
    return functional.max_pool2d(x, layer["kernel"], layer["stride"], padding)


def avg_pool(layer, inputs, *_):
    x, padding = padded(layer, inputs[0])
    window = (layer["kernel"], layer["stride"], padding)
    if x is inputs[0]:
        return functional.avg_pool2d(x, *window, count_include_pad=False)
    ones, _ = padded(layer, torch.ones_like(inputs[0][:1, :1]))
    return functional.avg_pool2d(x, *window) / functional.avg_pool2d(ones, *window)


def dropout(layer, inputs, parameters, statistics, is_training, masks):
    if masks is not None:
        x = inputs[0]
        return (x * masks[layer["name"]]).to(x.dtype)
    return functional.dropout(inputs[0], layer["rate"], is_training)


def multiply(a, b):
    """Of images and a row, each channel has a factor."""
    wide = lambda x: x[:, :, None, None] if x.ndim < max(a.ndim, b.ndim) else x
    return wide(a) * wide(b)


LAYERS = {
    "flatten": flatten,
    "dense": dense,
    "embedding": embedding,
    "relu": lambda layer, inputs, *_: functional.relu(inputs[0]),
    "leaky_relu": lambda layer, inputs, *_: functional.leaky_relu(inputs[0], layer["slope"]),
    "gelu": lambda layer, inputs, *_: functional.gelu(inputs[0]),
    "gelu_tanh": lambda layer, inputs, *_: functional.gelu(inputs[0], approximate="tanh"),
    "silu": lambda layer, inputs, *_: functional.silu(inputs[0]),
    "sigmoid": lambda layer, inputs, *_: torch.sigmoid(inputs[0]),
    "tanh": lambda layer, inputs, *_: torch.tanh(inputs[0]),
    "softplus": lambda layer, inputs, *_: functional.softplus(inputs[0]),
    "hard_swish": lambda layer, inputs, *_: functional.hardswish(inputs[0]),
    "relu6": lambda layer, inputs, *_: functional.relu6(inputs[0]),
    "hard_sigmoid": lambda layer, inputs, *_: functional.hardsigmoid(inputs[0]),
    "scale": lambda layer, inputs, *_: layer["factor"] * inputs[0] + layer["offset"],
    "elu": lambda layer, inputs, *_: functional.elu(inputs[0], layer["alpha"]),
    "mish": lambda layer, inputs, *_: functional.mish(inputs[0]),
    "conv2d": conv2d,
    "conv2d_transpose": conv2d_transpose,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "global_avg_pool": lambda layer, inputs, *_: inputs[0].mean((2, 3)),
    "upsample": lambda layer, inputs, *_: functional.interpolate(inputs[0], scale_factor=tuple(layer["factor"])),
    "dropout": dropout,
    "add": lambda layer, inputs, *_: inputs[0] + inputs[1],
    "multiply": lambda layer, inputs, *_: multiply(*inputs),
    "concat": lambda layer, inputs, *_: torch.cat(inputs, 1),
}


def logits_of(layers, parameters, statistics, pixels, is_training, masks=None):
    """The logits of scaled pixels (batch, channels, height, width), and the statistics behind it."""
    statistics = dict(statistics)
    x = pixels
    outputs = []
    for layer in layers:
        inputs = [x if source == "input" else outputs[source["layer"]] for source in layer["inputs"]]
        forward = LAYERS[layer["kind"]]
        outputs.append(forward(layer, inputs, parameters, statistics, is_training, masks))
    return outputs[-1], statistics


def count_correct(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.detach().argmax(1) == labels).sum()


def adam_(constants, step, rate_share, parameters, gradients, m, v, v_max=None):
    """Keras's form: ε is added to the root of the uncorrected second moment, unless the corrected one is meant."""
    # 1 − βᵗ without what single precision loses of it while β is near 1.
    correction = lambda beta: -torch.expm1(step * math.log(beta))
    beta1, beta2 = constants["beta1"], constants["beta2"]
    root = torch.sqrt(correction(beta2))
    rate = constants["learning_rate"] * rate_share * root / correction(beta1)
    epsilon = constants["epsilon"] * (root if constants.get("corrected_epsilon", False) else 1)
    for name, w in parameters.items():
        g = gradients[name]
        m[name].lerp_(g, 1 - beta1)
        v[name].lerp_(g * g, 1 - beta2)
        # AMSGrad's is the largest so far, before its correction, as in PyTorch and Keras.
        second = v[name] if v_max is None else torch.maximum(v_max[name], v[name], out=v_max[name])
        w.sub_(rate * m[name] / (torch.sqrt(second) + epsilon))


def decays(constants, w) -> bool:
    """Whether a decay is for this parameter; biases and norms have vectors alone."""
    return w.ndim > 1 or not constants.get("weights_only", False)


def groups(constants, parameters) -> list[dict]:
    """PyTorch's groups of the parameters that decay and of those that do not."""
    some = [w for w in parameters if decays(constants, w)]
    others = [w for w in parameters if not decays(constants, w)]
    made = [{"params": some}, {"params": others, "weight_decay": 0.0}]
    return [group for group in made if group["params"]]


def adamw_(constants, step, rate_share, parameters, gradients, m, v, v_max=None):
    """Parameters decay by the learning rate after its schedule; then Adam."""
    decay = constants["weight_decay"] * constants["learning_rate"] * rate_share
    for w in parameters.values():
        if decays(constants, w):
            w.sub_(decay * w)
    adam_(constants, step, rate_share, parameters, gradients, m, v, v_max)


def amsgrad_(constants, *rest, **moments):
    """With a decay or without."""
    (adamw_ if "weight_decay" in constants else adam_)(constants, *rest, **moments)


def sgd_(constants, step, rate_share, parameters, gradients, velocity):
    momentum, decay = constants["momentum"], constants.get("weight_decay")
    for name, w in parameters.items():
        g = gradients[name]
        if decay is not None and decays(constants, w):
            g = g + decay * w
        u = velocity[name].mul_(momentum).add_(g)
        direction = momentum * u + g if constants.get("nesterov", False) else u
        w.sub_(constants["learning_rate"] * rate_share * direction)


def rmsprop_(constants, step, rate_share, parameters, gradients, v):
    for name, w in parameters.items():
        g = gradients[name]
        v[name].lerp_(g * g, 1 - constants["alpha"])
        w.sub_(constants["learning_rate"] * rate_share * g / (torch.sqrt(v[name]) + constants["epsilon"]))


UPDATES = {"adam": adam_, "amsgrad": amsgrad_, "adamw": adamw_, "sgd": sgd_, "rmsprop": rmsprop_}


def clip_(max_norm: float, gradients: list[Tensor]) -> None:
    """All gradients times one factor, so that the norm of all of them together is `max_norm` at most: what
    `torch.nn.utils.clip_grad_norm_` does, which adds 1e-6 to the norm."""
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    torch._foreach_mul_(gradients, torch.clamp(max_norm / norm, max=1.0))


class Trainer:
    """What both ways to train have in common: the tensors that live across steps."""

    # laptime's suffixes of moments and PyTorch's.
    MOMENTS = {
        "adam": {"m": "exp_avg", "v": "exp_avg_sq"},
        "amsgrad": {"m": "exp_avg", "v": "exp_avg_sq", "v_max": "max_exp_avg_sq"},
        "adamw": {"m": "exp_avg", "v": "exp_avg_sq"},
        "sgd": {"velocity": "momentum_buffer"},
        "rmsprop": {"v": "square_avg"},
    }

    def __init__(self, workload: dict, device: torch.device, dtype: torch.dtype, way: "Way") -> None:
        self.workload, self.device, self.dtype, self.way = workload, device, dtype, way
        self.layers, self.constants = workload["layers"], workload["optimizer"]
        self.max_norm = workload.get("global_clip_norm")
        self.names = self.MOMENTS[self.constants["kind"]]
        self.totals = torch.zeros(2, dtype=torch.float64 if device.type != "mps" else dtype)
        self.totals = self.totals.to(device)
        self.has_program_masks = False

    def tensor(self, values: np.ndarray) -> Tensor:
        tensor = torch.tensor(np.array(values), dtype=self.dtype, device=self.device)
        is_kernel = tensor.ndim == 4
        return tensor.contiguous(memory_format=self.way.layout) if is_kernel else tensor

    def loss_of(self, parameters, statistics, pixels, labels, masks):
        """The loss, and beside it how many were right and the statistics behind this batch."""
        with self.mixed_precision():
            logits, new = logits_of(self.layers, parameters, statistics, pixels, True, masks)
        # That of bfloat16's logits, too, is float32's.
        logits = logits.to(self.dtype)
        if self.workload["loss"] == "mean-squared-error":
            target = labels if labels.ndim == 2 else flatten(None, [pixels])
            none_right = torch.zeros((), dtype=torch.int64, device=logits.device)
            return functional.mse_loss(logits, target), (none_right, new)
        smoothing = self.workload.get("label_smoothing", 0.0)
        loss = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        return loss, (count_correct(logits, labels), new)

    def shared_loss(self, share: float, *of):
        """What a micro-batch adds to the mean loss of a step; beside it all that `loss_of` gives."""
        loss, (correct, new) = self.loss_of(*of)
        return loss * share, (loss, correct, new)

    def masks(self, samples: int) -> Tensors | None:
        """The Program's dropout masks of the next step, or None for masks of PyTorch's own."""
        if not self.has_program_masks:
            return None
        own_axes = lambda mask: mask.transpose(0, 3, 1, 2) if mask.ndim == 4 else mask
        made = program_masks(self.workload, samples, self.steps + 1)
        return {name: self.tensor(own_axes(mask)) for name, mask in made.items()}

    def mixed_precision(self):
        # In float64, for the gate, there is nothing to mix.
        if self.workload["precision"] == "bf16" and self.dtype == torch.float32:
            return torch.autocast(self.device.type, torch.bfloat16)
        return contextlib.nullcontext()

    def set_state(self, state: State) -> None:
        tensors = {name: self.tensor(values) for name, values in state.tensors.items()}
        is_statistic = lambda name: name.endswith((".running_mean", ".running_var"))
        is_moment = lambda name: name.endswith(tuple("." + suffix for suffix in self.names))
        names = [name for name in tensors if not is_statistic(name) and not is_moment(name)]
        moment = lambda key: tensors[key] if key in tensors else torch.zeros_like(tensors[key.rpartition(".")[0]])
        self.parameters = {name: tensors[name] for name in names}
        self.statistics = {name: tensors[name] for name in tensors if is_statistic(name)}
        self.moments = {suffix: {name: moment(f"{name}.{suffix}") for name in names} for suffix in self.names}
        self.steps = state.steps

    def state(self) -> State:
        tensors = self.parameters | self.statistics
        for suffix, moments in self.moments.items():
            tensors |= {f"{name}.{suffix}": moment for name, moment in moments.items()}
        own = lambda tensor: tensor.detach().cpu().contiguous().numpy().copy()
        return State(self.steps, {name: own(tensor) for name, tensor in tensors.items()})


class WholeStep(Trainer):
    """Everything of a step in one function."""

    def __init__(self, workload, device, dtype, way) -> None:
        super().__init__(workload, device, dtype, way)
        # Static shapes: a last, smaller batch gets code of its own.
        function = self.function
        self.ready = torch.compile(function, dynamic=False) if way.is_compiled else function

    def set_state(self, state: State) -> None:
        super().set_state(state)
        self.step_tensor = torch.tensor(float(self.steps), dtype=self.dtype, device=self.device)

    def function(self, parameters, statistics, moments, step, totals, data, batch, masks):
        new, gradients, score = statistics, {}, 0
        for rows, share in micro_batches(self.workload, len(batch)):
            pixels, labels = data[0][batch[rows]], data[1][batch[rows]]
            gradient = torch.func.grad(partial(self.shared_loss, share), has_aux=True)
            added, (loss, correct, new) = gradient(parameters, new, pixels, labels, rows_of(masks, rows))
            gradients = {name: gradients[name] + g if gradients else g for name, g in added.items()}
            score = score + torch.stack([(loss * len(labels)).to(totals.dtype), correct.to(totals.dtype)])
        if self.max_norm is not None:
            clip_(self.max_norm, list(gradients.values()))
        step.add_(1)
        update = UPDATES[self.constants["kind"]]
        share = rate_share(self.workload, step, torch)
        update(self.constants, step, share, parameters, gradients, **moments)
        for name, values in statistics.items():
            values.copy_(new[name])
        totals.add_(score)

    def step(self, data, batch) -> None:
        state = self.parameters, self.statistics, self.moments, self.step_tensor, self.totals
        self.ready(*state, data, batch, self.masks(len(batch)))
        self.steps += 1


class Autograd(Trainer):
    """Autograd and PyTorch's own fused optimizer."""

    def __init__(self, workload, device, dtype, way) -> None:
        super().__init__(workload, device, dtype, way)
        function = self.loss_of
        mode = "reduce-overhead" if way.is_graph else None
        compiled = lambda: torch.compile(function, dynamic=False, mode=mode)
        self.ready = compiled() if way.is_compiled else function

    def set_state(self, state: State) -> None:
        super().set_state(state)
        for parameter in self.parameters.values():
            parameter.requires_grad_()
        self.optimizer = self.make_optimizer()
        for name, parameter in self.parameters.items():
            slots = self.optimizer.state[parameter]
            slots["step"] = torch.tensor(float(self.steps), dtype=torch.float32, device=self.device)
            for suffix, slot in self.names.items():
                slots[slot] = self.moments[suffix][name]

    def make_optimizer(self) -> torch.optim.Optimizer:
        constants = self.constants
        rate = constants["learning_rate"]
        parameters = self.parameters.values()
        if constants["kind"] == "sgd":
            momentum = constants["momentum"]
            if momentum == 0:
                raise Unsupported("PyTorch keeps no velocity without momentum")
            is_nesterov, decay = constants.get("nesterov", False), constants.get("weight_decay", 0.0)
            common = {"weight_decay": decay, "nesterov": is_nesterov, "fused": True}
            return torch.optim.SGD(groups(constants, parameters), lr=rate, momentum=momentum, **common)
        if constants["kind"] == "rmsprop":
            # There is no fused one.
            alpha, epsilon = constants["alpha"], constants["epsilon"]
            return torch.optim.RMSprop(parameters, lr=rate, alpha=alpha, eps=epsilon)
        betas, epsilon = (constants["beta1"], constants["beta2"]), constants["epsilon"]
        is_amsgrad = constants["kind"] == "amsgrad"
        common = {"lr": rate, "betas": betas, "eps": epsilon, "amsgrad": is_amsgrad, "fused": True}
        if "weight_decay" in constants:
            decay = constants["weight_decay"]
            return torch.optim.AdamW(groups(constants, parameters), weight_decay=decay, **common)
        return torch.optim.Adam(parameters, **common)

    def set_rate(self) -> None:
        """That of the step that has begun."""
        if self.workload.get("rate_schedule") is not None:
            rate = self.constants["learning_rate"] * rate_share(self.workload, self.steps, Plain)
            for group in self.optimizer.param_groups:
                group["lr"] = rate

    def step(self, data, batch) -> None:
        masks = self.masks(len(batch))
        self.optimizer.zero_grad()
        for rows, share in micro_batches(self.workload, len(batch)):
            self.add_gradients(data, batch[rows], rows_of(masks, rows), share)
        if self.max_norm is not None:
            clip_(self.max_norm, [parameter.grad for parameter in self.parameters.values()])
        self.steps += 1
        self.set_rate()
        constants = self.constants
        if constants["kind"] in ("adam", "amsgrad", "adamw") and not constants.get("corrected_epsilon", False):
            # PyTorch adds ε to the root of the corrected moment, Keras to the uncorrected one's.
            correction = math.sqrt(1 - constants["beta2"] ** self.steps)
            for group in self.optimizer.param_groups:
                group["eps"] = constants["epsilon"] / correction
        self.optimizer.step()

    def add_gradients(self, data, batch, masks, share: float) -> None:
        """Those of a micro-batch, by its share of the step."""
        pixels, labels = data[0][batch], data[1][batch]
        loss, (correct, new) = self.ready(self.parameters, self.statistics, pixels, labels, masks)
        (loss if share == 1 else loss * share).backward()
        if self.way.is_graph:
            # What a graph gives lies in memory that its next replay writes to.
            for name, values in new.items():
                self.statistics[name].copy_(values)
        else:
            self.statistics = new
        with torch.no_grad():
            self.totals[0] += loss * len(labels)
            self.totals[1] += correct


@dataclass(frozen=True)
class Way:
    """A way to train, of which laptime takes the fastest."""

    trainer: type[Trainer]
    layout: torch.memory_format
    is_compiled: bool
    # Launched as one CUDA graph.
    is_graph: bool = False


WAYS = {
    "step compiled": Way(WholeStep, torch.channels_last, True),
    "eager": Way(Autograd, torch.contiguous_format, False),
    "eager, channels-last": Way(Autograd, torch.channels_last, False),
    "model compiled, channels-last": Way(Autograd, torch.channels_last, True),
    "model compiled, CUDA graph": Way(Autograd, torch.channels_last, True, True),
}


def variants(job: Job, device: dict) -> list[str]:
    names = ["eager, channels-last", "eager"] if job.has_convolutions else ["eager"]
    card = find_device(device)
    if can_compile(card):
        # A whole step of a deep net takes minutes to compile, and its time is in the products.
        names.append("model compiled, channels-last" if job.has_convolutions else "step compiled")
    if card.type == "cuda" and job.workload.get("micro_batch_size") is None:
        # Launches cost more than the products of a small net. A graph's gradients lie in memory that its next
        # replay writes to, so they cannot be added up.
        names.append("model compiled, CUDA graph")
    return names


def can_compile(device: torch.device) -> bool:
    if device.type != "cpu":
        return device.type == "cuda"
    return any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "clang++", "c++"))


class Session:
    def __init__(self, job: Job, device: dict, threads: int, variant: str) -> None:
        for layer in job.layers:
            if layer["kind"] not in LAYERS:
                raise Unsupported(f"PyTorch's adapter knows no layer {layer['kind']}")
        if job.workload["precision"] not in ("fp32", "bf16"):
            raise Unsupported(f"PyTorch's adapter knows no {job.workload['precision']}")
        torch.manual_seed(job.workload["seed"])
        torch.set_num_threads(threads)
        self.job, self.device, self.way = job, find_device(device), WAYS[variant]

        start = time.perf_counter()
        self.data = self.resident(job.train)
        self.test = self.resident(job.test)
        self.synchronize()
        self.prepare_s = time.perf_counter() - start

        self.trainer = self.way.trainer(job.workload, self.device, torch.float32, self.way)
        # What there is to compile and to allocate is so before the first timed step; then everything
        # begins anew.
        initial = State(0, job.initial)
        samples = len(job.train.labels)
        for size in {min(job.batch_size, samples), samples % job.batch_size} - {0}:
            self.trainer.set_state(initial)
            self.trainer.step(self.data, torch.arange(size, device=self.device))
        self.trainer.set_state(initial)
        self.synchronize()
        self.details = {
            "device": str(self.device),
            "tf32": "off",
            "blas": "MKL" if torch.backends.mkl.is_available() else "no MKL",
            "onednn": "on" if torch.backends.mkldnn.is_available() else "off",
        }

    def resident(self, samples) -> tuple[Tensor, Tensor]:
        pixels = torch.from_numpy(np.array(samples.pixels)).to(self.device)
        labels = self.targets(np.array(samples.labels)).to(self.device)
        return self.scaled(pixels, torch.float32), labels

    def scaled(self, pixels: Tensor, dtype: torch.dtype) -> Tensor:
        """What the first layer reads: numbers, or symbols as they are."""
        if is_of_symbols(self.job.workload):
            return pixels.long()
        return self.images(pixels.to(dtype).div_(self.job.workload["pixel_divisor"]))

    def targets(self, labels: np.ndarray) -> Tensor:
        """Classes, or rows of values."""
        return torch.from_numpy(labels if labels.ndim == 2 else labels.astype(np.int64))

    def images(self, pixels: Tensor) -> Tensor:
        """Samples (height, width, channels) as PyTorch's images, in the layout of this way; rows stay rows."""
        if pixels.ndim == 2:
            return pixels
        return pixels.permute(0, 3, 1, 2).contiguous(memory_format=self.way.layout)

    def synchronize(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def train(self, order, told):
        self.trainer.totals.zero_()
        batches = torch.from_numpy(order.astype(np.int64)).to(self.device)
        # On a card, steps are only queued: their seconds cannot be seen from here.
        step_s = [] if self.device.type == "cpu" else None
        trained = 0
        before = looked = time.perf_counter()
        for batch in batches.split(self.job.batch_size):
            self.trainer.step(self.data, batch)
            trained += len(batch)
            now = time.perf_counter()
            if step_s is not None:
                step_s.append(now - before)
            if now - looked >= LOOK_S:
                looked = now
                if told(self.score(trained)):
                    break
            before = time.perf_counter()
        self.synchronize()
        return self.score(trained), step_s

    def score(self, samples: int) -> Score:
        loss_sum, correct = self.trainer.totals.tolist()
        return Score(samples, loss_sum, int(correct))

    @torch.inference_mode()
    def logits(self, samples):
        batches = torch.from_numpy(samples.astype(np.int64)).to(self.device)
        trainer = self.trainer
        blocks = []
        for block in batches.split(EVALUATION_BLOCK):
            pixels = self.test[0][block]
            with trainer.mixed_precision():
                logits, _ = logits_of(trainer.layers, trainer.parameters, trainer.statistics, pixels, False)
            blocks.append(logits.float())
        return torch.cat(blocks).cpu().numpy()

    def state(self) -> State:
        return self.trainer.state()

    def set_state(self, state: State) -> None:
        self.trainer.set_state(state)

    def use_program_masks(self) -> None:
        """With masks as an input, torch.compile makes other code of the same functions: it is not what is
        timed to the letter."""
        self.trainer.has_program_masks = True

    def own_dropout(self, layer: dict, step: int, shape: tuple[int, int]):
        run = lambda x: dropout(layer, [x], {}, {}, True, None)
        if self.way.is_compiled:
            run = torch.compile(run, dynamic=False)
        return run(torch.ones(shape, device=self.device)).cpu().numpy()

    def trace_f64(self, start: State, order):
        """The same step on the CPU; compiling it would only take longer."""
        way = replace(self.way, is_compiled=False)
        trainer = way.trainer(self.job.workload, torch.device("cpu"), torch.float64, way)
        trainer.has_program_masks = True
        trainer.set_state(start)
        losses = []
        for batch in order.reshape(-1, self.job.batch_size):
            pixels = torch.from_numpy(self.job.train.pixels[batch])
            labels = self.targets(self.job.train.labels[batch])
            labels = labels.double() if labels.ndim == 2 else labels
            trainer.totals.zero_()
            data = (self.scaled(pixels, torch.float64), labels)
            trainer.step(data, torch.arange(len(batch)))
            losses.append(trainer.totals[0].item() / len(batch))
        return losses, trainer.state()
