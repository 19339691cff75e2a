"""A workload trained by Keras on TensorFlow, through `fit`, written for speed.

- `fit` runs many steps an execution on batches that tf.data gathers in large blocks, with
  `jit_compile`. On CPUs, XLA's convolutions may be slower than oneDNN's: for nets that have any,
  laptime tries it with and without there.
- Keras's Adam takes βᵗ and 1 − β₂ᵗ in single precision: an update is off by 7·10⁻⁶ of it, and a free
  running training soon differs from one in which it is not.
- As published: the script of December 2020 to the letter. Keras's defaults, its own shuffle, one
  `fit` for all epochs on arrays.
"""

import math
import os
import queue
import threading
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import keras
import numpy as np
import tensorflow as tf

from job import Job, Score, State, Unsupported

MOST_STEPS_AN_EXECUTION = 125
EVALUATION_BLOCK = 500
# Between two looks at the score and the wish to stop.
LOOK_S = 0.1

# IEEE single precision in every product: no TF32 on cards that have it.
tf.config.experimental.enable_tensor_float_32_execution(False)


def describe() -> dict:
    cards = tf.config.list_physical_devices("GPU")
    driver = f"CUDA {tf.sysconfig.get_build_info().get('cuda_version', 'unknown')}"
    return {
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        "devices": [
            *({"kind": "gpu", "name": card_name(card), "driver": driver} for card in cards),
            {"kind": "cpu", "name": "cpu", "driver": None},
        ],
    }


def card_name(card) -> str:
    return tf.config.experimental.get_device_details(card).get("device_name", card.name)


# Layers: (layer, inputs) → output and the Keras layer that has the variables.


def dense(layer, inputs):
    made = keras.layers.Dense(layer["units"])
    return made(inputs[0]), made


def is_same(layer, x) -> bool:
    """Whether the padding is what TensorFlow calls `same`."""
    above, below, left, right = layer["padding"]
    wanted = []
    for size, kernel, stride in zip(x.shape[1:3], layer["kernel"], layer["stride"]):
        total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        wanted += [total // 2, total - total // 2]
    return [above, below, left, right] == wanted


def padded(layer, x, value=0.0):
    """The input and the mode of padding that is left for the operation."""
    above, below, left, right = layer["padding"]
    if not any(layer["padding"]):
        return x, "valid"
    if is_same(layer, x):
        return x, "same"
    amounts = ((0, 0), (above, below), (left, right), (0, 0))
    return keras.ops.pad(x, amounts, constant_values=value), "valid"


def conv2d(layer, inputs):
    x, padding = padded(layer, inputs[0])
    made = keras.layers.Conv2D(
        layer["filters"],
        layer["kernel"],
        strides=layer["stride"],
        padding=padding,
        use_bias=layer["bias"],
    )
    return made(x), made


def batch_norm(layer, inputs):
    made = keras.layers.BatchNormalization(momentum=layer["momentum"], epsilon=layer["epsilon"])
    return made(inputs[0]), made


def max_pool(layer, inputs):
    x, padding = padded(layer, inputs[0], -math.inf)
    return keras.layers.MaxPooling2D(layer["kernel"], layer["stride"], padding)(x), None


def avg_pool(layer, inputs):
    x, padding = padded(layer, inputs[0])
    pool = keras.layers.AveragePooling2D(layer["kernel"], layer["stride"], padding)
    if x is inputs[0]:
        # With `same`, TensorFlow leaves the padding out of the mean.
        return pool(x), None
    ones, _ = padded(layer, keras.ops.ones((1, *inputs[0].shape[1:]), inputs[0].dtype))
    return pool(x) / pool(ones), None


def keras_layer(make):
    """A layer without variables and with one input."""
    return lambda layer, inputs: (make(layer)(inputs[0]), None)


LAYERS = {
    "flatten": keras_layer(lambda layer: keras.layers.Flatten()),
    "dense": dense,
    "relu": keras_layer(lambda layer: keras.layers.ReLU()),
    "conv2d": conv2d,
    "batch_norm": batch_norm,
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "global_avg_pool": keras_layer(lambda layer: keras.layers.GlobalAveragePooling2D()),
    "dropout": keras_layer(lambda layer: keras.layers.Dropout(layer["rate"])),
    "add": lambda layer, inputs: (keras.layers.Add()(inputs), None),
}

# laptime's names of a layer's variables, in Keras's names.
VARIABLES = {
    "weight": ("kernel", "gamma"),
    "bias": ("bias", "beta"),
    "running_mean": ("moving_mean",),
    "running_var": ("moving_variance",),
}


def own_axes(tensor):
    """laptime has matrices outputs × inputs and kernels OIHW, Keras inputs × outputs and HWIO."""
    return tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor.T


def laptime_axes(tensor):
    return tensor.transpose(3, 2, 0, 1) if tensor.ndim == 4 else tensor.T


class Net:
    """A model and its optimizer, and their variables by laptime's names."""

    def __init__(self, workload: dict, real: type = float, **compile_options) -> None:
        shape = workload["input"]
        x = keras.Input((shape["height"], shape["width"], shape["channels"]))
        outputs, self.variables = [], {}
        for layer in workload["layers"]:
            inputs = [
                x if source == "input" else outputs[source["layer"]] for source in layer["inputs"]
            ]
            output, made = LAYERS[layer["kind"]](layer, inputs)
            outputs.append(output)
            for name, own_names in VARIABLES.items() if made else ():
                for own_name in own_names:
                    variable = getattr(made, own_name, None)
                    if variable is not None:
                        self.variables[f"{layer['name']}.{name}"] = variable
        self.model = keras.Model(x, outputs[-1])
        # Keras rounds a Python float to float32 on its way to float64, but not NumPy's.
        constants = {
            name: value if name == "kind" else real(value)
            for name, value in workload["optimizer"].items()
        }
        self.is_adam = constants["kind"] == "adam"
        self.optimizer = self.make_optimizer(constants)
        self.model.compile(
            optimizer=self.optimizer,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            **compile_options,
        )
        self.optimizer.build(self.model.trainable_variables)
        # Keras's SGD keeps −learning_rate·velocity.
        self.velocity_scale = -constants["learning_rate"]

    def make_optimizer(self, constants: dict) -> keras.optimizers.Optimizer:
        rate = constants["learning_rate"]
        if not self.is_adam:
            if constants["momentum"] == 0:
                raise Unsupported("Keras keeps no velocity without momentum")
            return keras.optimizers.SGD(rate, constants["momentum"])
        return keras.optimizers.Adam(
            rate, constants["beta1"], constants["beta2"], constants["epsilon"]
        )

    def all_variables(self):
        """Everything that lives across steps: name, variable, and what laptime's value is of it."""
        for name, variable in self.variables.items():
            yield name, variable, 1.0
        trained = {id(variable): name for name, variable in self.variables.items()}
        for number, variable in enumerate(self.model.trainable_variables):
            name = trained[id(variable)]
            if self.is_adam:
                yield f"{name}.m", self.optimizer._momentums[number], 1.0
                yield f"{name}.v", self.optimizer._velocities[number], 1.0
            else:
                yield f"{name}.velocity", self.optimizer.momentums[number], self.velocity_scale

    def set_state(self, state: State) -> None:
        self.optimizer.iterations.assign(state.steps)
        for name, variable, scale in self.all_variables():
            if name in state.tensors:
                variable.assign(own_axes(np.array(state.tensors[name])) * scale)
            else:
                variable.assign(np.zeros(variable.shape))

    def state(self) -> State:
        own = lambda variable: laptime_axes(keras.ops.convert_to_numpy(variable))
        tensors = {
            name: np.ascontiguousarray(own(variable) / np.asarray(scale, variable.dtype))
            for name, variable, scale in self.all_variables()
        }
        return State(int(self.optimizer.iterations), tensors)


def check_precision(job: Job) -> None:
    if job.workload["precision"] != "fp32":
        raise Unsupported(f"TensorFlow's adapter knows no {job.workload['precision']}")


class Look(keras.callbacks.Callback):
    """Tells how far an epoch is, and ends it where that is wished."""

    def __init__(self, told, batch_size: int, before: Score) -> None:
        super().__init__()
        self.told, self.batch_size, self.before = told, batch_size, before
        self.looked = time.perf_counter()
        self.steps = 0

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.steps = batch + 1
        now = time.perf_counter()
        if now - self.looked >= LOOK_S:
            self.looked = now
            if self.told(self.before + score_of(logs, self.steps * self.batch_size)):
                self.model.stop_training = True


def score_of(logs: dict, samples: int) -> Score:
    """From Keras's running means."""
    correct = round(float(logs["accuracy"]) * samples)
    return Score(samples, float(logs["loss"]) * samples, correct)


JIT, NO_JIT = "fit, jit_compile", "fit"


def variants(job: Job, device: dict) -> list[str]:
    # Small nets gain by a factor; on CPUs it depends on the net whose convolutions are quicker.
    may_gain = job.has_convolutions and device["kind"] == "cpu"
    return [NO_JIT, JIT] if may_gain else [JIT]


class Session:
    def __init__(self, job: Job, device: dict, threads: int, variant: str) -> None:
        for layer in job.layers:
            if layer["kind"] not in LAYERS:
                raise Unsupported(f"TensorFlow's adapter knows no layer {layer['kind']}")
        check_precision(job)
        keras.utils.set_random_seed(job.workload["seed"])
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        is_cpu = device["kind"] == "cpu"
        if is_cpu:
            tf.config.set_visible_devices([], "GPU")
        self.job = job

        start = time.perf_counter()
        self.pixels, self.labels = self.scaled(job.train)
        self.test_pixels, _ = self.scaled(job.test)
        self.data = tf.constant(self.pixels), tf.constant(self.labels)
        self.prepare_s = time.perf_counter() - start

        is_jitted = variant == JIT
        samples = len(self.labels)
        steps = samples // job.batch_size
        self.block = max(1, min(MOST_STEPS_AN_EXECUTION, steps)) if is_jitted else 1
        self.net = Net(job.workload, jit_compile=is_jitted, steps_per_execution=self.block)
        initial = State(0, job.initial)
        # Keras compiles within its first fit; then everything begins anew.
        self.net.set_state(initial)
        warm_up = min(self.block + 1, steps) * job.batch_size + samples % job.batch_size
        self.train(np.arange(warm_up, dtype=np.uint32), lambda score: False)
        if len(job.test.labels):
            self.logits(np.arange(min(EVALUATION_BLOCK, len(job.test.labels))))
        self.net.set_state(initial)
        self.details = {
            "device": tf.config.list_logical_devices()[0 if is_cpu else -1].name,
            "steps_per_execution": str(self.block),
            "tf32": "off",
        }

    def scaled(self, samples) -> tuple[np.ndarray, np.ndarray]:
        divisor = np.float32(self.job.workload["pixel_divisor"])
        pixels = np.divide(samples.pixels, divisor, dtype=np.float32)
        return pixels, samples.labels.astype(np.int32)

    def batches(self, order: np.ndarray, steps: int) -> tf.data.Dataset:
        pixels, labels = self.data
        rows = tf.data.Dataset.from_tensor_slices(order.astype(np.int32).reshape(steps, -1))
        blocks = rows.batch(self.block)
        gathered = blocks.map(lambda block: (tf.gather(pixels, block), tf.gather(labels, block)))
        return gathered.prefetch(2).unbatch()

    def train(self, order, told):
        size = self.job.batch_size
        full = len(order) // size
        score = Score()
        parts = [(order[: full * size], full), (order[full * size :], 1)]
        for part, steps in parts:
            if not len(part):
                continue
            look = Look(told, len(part) // steps, score)
            logs = self.net.model.fit(
                self.batches(part, steps),
                steps_per_epoch=steps,
                shuffle=False,
                verbose=0,
                callbacks=[look],
            ).history
            done = min(look.steps, steps) * (len(part) // steps)
            score += score_of({name: values[-1] for name, values in logs.items()}, done)
            if self.net.model.stop_training:
                break
        return score, None

    def logits(self, samples):
        pixels = self.test_pixels[samples]
        return self.net.model.predict(pixels, batch_size=EVALUATION_BLOCK, verbose=0)

    def state(self) -> State:
        return self.net.state()

    def set_state(self, state: State) -> None:
        self.net.set_state(state)

    def trace_f64(self, start: State, order):
        """The same model and optimizer with float64 as Keras's float."""
        policy, floatx = keras.config.dtype_policy(), keras.config.floatx()
        try:
            keras.config.set_floatx("float64")
            keras.config.set_dtype_policy("float64")
            with tf.device("/CPU:0"):
                net = Net(self.job.workload, real=np.float64, jit_compile=False)
                net.set_state(start)
                losses = []
                for batch in order.reshape(-1, self.job.batch_size):
                    pixels = np.asarray(self.job.train.pixels[batch], np.float64)
                    pixels /= self.job.workload["pixel_divisor"]
                    net.model.reset_metrics()
                    logs = net.model.train_on_batch(
                        pixels, self.labels[batch], return_dict=True
                    )
                    losses.append(float(logs["loss"]))
                return losses, net.state()
        finally:
            keras.config.set_floatx(floatx)
            keras.config.set_dtype_policy(policy)


class EpochByEpoch(keras.callbacks.Callback):
    """Holds one `fit` between two epochs until the next is asked for."""

    def __init__(self, told) -> None:
        super().__init__()
        self.told = told
        self.asked: queue.SimpleQueue = queue.SimpleQueue()
        self.done: queue.SimpleQueue = queue.SimpleQueue()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.told = self.asked.get()
        self.looked = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        now = time.perf_counter()
        if now - self.looked >= LOOK_S:
            self.looked = now
            if self.told(score_of(logs, (batch + 1) * self.params["batch_size"])):
                self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.done.put(logs)


def as_published_variants(job: Job, device: dict) -> list[str]:
    return ["as published: one fit, Keras's defaults and shuffle"]


class AsPublished(Session):
    """The script of December 2020: arrays, one `fit` for all epochs, `evaluate`; Keras's defaults,
    its own initial weights and shuffle, and what it compiles it compiles within the first epoch.

    Whole epochs are Keras's own. Fewer samples, as the gate gives, are trained on in the order given:
    by the same model, compiled in the same way, through the same `fit`."""

    def __init__(self, job: Job, device: dict, threads: int, variant: str) -> None:
        check_precision(job)
        keras.utils.set_random_seed(job.workload["seed"])
        if device["kind"] == "cpu":
            tf.config.set_visible_devices([], "GPU")
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        self.job = job
        start = time.perf_counter()
        self.pixels, self.labels = self.scaled(job.train)
        self.test_pixels, self.test_labels = self.scaled(job.test)
        self.prepare_s = time.perf_counter() - start
        self.net = Net(job.workload)
        self.epochs: EpochByEpoch | None = None
        self.details = {"device": tf.config.list_logical_devices()[0].name, "tf32": "off"}

    def fit(self) -> None:
        """In a thread of its own, as it lasts from one command to another."""
        try:
            self.net.model.fit(
                self.pixels,
                self.labels,
                batch_size=self.job.batch_size,
                epochs=self.job.workload["epochs"],
                shuffle=self.job.workload["shuffle"],
                callbacks=[self.epochs],
            )
        except BaseException as error:
            self.epochs.done.put(error)

    def train(self, order, told):
        size = self.job.batch_size
        if len(order) < len(self.labels):
            pixels, labels = self.pixels[order], self.labels[order]
            fit = self.net.model.fit(pixels, labels, batch_size=size, shuffle=False, verbose=0)
            logs = {name: values[-1] for name, values in fit.history.items()}
            return score_of(logs, len(order)), None
        if self.epochs is None:
            self.epochs = EpochByEpoch(told)
            threading.Thread(target=self.fit, daemon=True).start()
        self.epochs.asked.put(told)
        logs = self.epochs.done.get()
        if isinstance(logs, BaseException):
            raise logs
        return score_of(logs, len(order)), None

    def evaluate(self) -> Score:
        model = self.net.model
        size = self.job.batch_size
        logs = model.evaluate(self.test_pixels, self.test_labels, size, return_dict=True)
        return score_of(logs, len(self.test_labels))
