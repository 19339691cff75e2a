"""A workload trained by Keras on TensorFlow, through `fit`, written for speed.

- `fit` runs many quick steps an execution on batches that tf.data gathers in large blocks, with
  `jit_compile`. On CPUs, XLA's convolutions may be slower than oneDNN's: for nets that have any,
  laptime tries it with and without there.
- Keras's Adam takes βᵗ and 1 − β₂ᵗ in single precision: an update is off by 7·10⁻⁶ of it, and a free
  running training soon differs from one in which it is not.
- As published: the scripts of December 2020 to the letter. Keras's defaults, its own shuffle, one
  `fit` for all epochs on arrays; ResNet50 with a softmax and categorical cross-entropy.
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
from dropout import program_masks
from job import Job, Score, State, Unsupported, is_of_symbols, micro_batches, rate_share

# Keras's own defaults, whatever a keras.json says.
keras.config.set_floatx("float32")
keras.config.set_epsilon(1e-7)
keras.config.set_image_data_format("channels_last")
keras.config.set_dtype_policy("float32")

# Steps an execution: it costs a millisecond or so beside its steps, and nothing is told and no wish to
# stop is heard until its end.
MOST_STEPS = 125
LONGEST_EXECUTION_S = 1.0
EXECUTION_S = 0.25
# A step that takes longer gains too little from a larger block to compile it anew.
QUICK_STEP_S = 0.01
EVALUATION_BLOCK = 500
# Between two looks at the score and the wish to stop.
LOOK_S = 0.1


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


def use_only(device: dict) -> str:
    """Hides all cards but the one that is meant, and gives the name of the device."""
    cards = tf.config.list_physical_devices("GPU")
    is_cpu = device["kind"] == "cpu"
    tf.config.set_visible_devices([] if is_cpu else cards[device["index"]], "GPU")
    return tf.config.list_logical_devices("CPU" if is_cpu else "GPU")[0].name


# Layers: (layer, inputs) → output and the Keras layer that has the variables.


def dense(layer, inputs):
    made = keras.layers.Dense(layer["units"], use_bias=layer.get("bias", True))
    return made(inputs[0]), made


class Embedding(keras.layers.Embedding):
    """Keras's own, but that its gradient is a whole tensor: of the slices that TensorFlow makes of it, one for
    each place, Keras's Adam takes the squares one by one, and not that of the sum of a row's."""

    def call(self, symbols):
        # Of a product TensorFlow makes a whole tensor.
        table = self.embeddings * keras.ops.ones((), self.embeddings.dtype)
        return keras.ops.take(table, symbols, axis=0)


def embedding(layer, inputs):
    made = Embedding(layer["symbols"], layer["dimension"])
    # A sequence is an image of height 1.
    return keras.layers.Reshape((1, inputs[0].shape[1], layer["dimension"]))(made(inputs[0])), made


def is_same(layer, x) -> bool:
    """Whether the padding is what TensorFlow calls `same`."""
    above, below, left, right = layer["padding"]
    wanted = []
    dilations = layer.get("dilation", (1, 1))
    for size, kernel, stride, dilation in zip(x.shape[1:3], layer["kernel"], layer["stride"], dilations):
        span = (kernel - 1) * dilation + 1
        total = max((math.ceil(size / stride) - 1) * stride + span - size, 0)
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


def dilation_of(layer) -> tuple:
    return tuple(layer.get("dilation", (1, 1)))


class DepthwiseConv2D(keras.layers.Layer):
    """Keras's own has the kernel's last two axes the other way round than a convolution in groups, which
    TensorFlow cannot train on processors."""

    def __init__(self, layer: dict, padding: str) -> None:
        super().__init__()
        self.layer, self.padding = layer, padding

    def build(self, shape):
        self.kernel = self.add_weight(shape=(*self.layer["kernel"], 1, shape[-1]), name="kernel")
        if self.layer["bias"]:
            self.bias = self.add_weight(shape=(shape[-1],), name="bias")

    def call(self, x):
        kernel = keras.ops.transpose(self.kernel, (0, 1, 3, 2))
        y = keras.ops.depthwise_conv(
            x, kernel, tuple(self.layer["stride"]), self.padding, dilation_rate=dilation_of(self.layer)
        )
        return y + self.bias if self.layer["bias"] else y


class GroupedConv2D(keras.layers.Layer):
    """A convolution for each group, as TensorFlow cannot train one in groups on processors."""

    def __init__(self, layer: dict, padding: str) -> None:
        super().__init__()
        self.layer, self.padding = layer, padding

    def build(self, shape):
        groups, filters = self.layer["groups"], self.layer["filters"]
        kernel = (*self.layer["kernel"], shape[-1] // groups, filters)
        self.kernel = self.add_weight(shape=kernel, name="kernel")
        if self.layer["bias"]:
            self.bias = self.add_weight(shape=(filters,), name="bias")

    def call(self, x):
        groups, stride = self.layer["groups"], tuple(self.layer["stride"])
        parts = zip(keras.ops.split(x, groups, -1), keras.ops.split(self.kernel, groups, -1))
        dilation = dilation_of(self.layer)
        made = [
            keras.ops.conv(part, kernel, stride, self.padding, dilation_rate=dilation) for part, kernel in parts
        ]
        y = keras.ops.concatenate(made, -1)
        return y + self.bias if self.layer["bias"] else y


def conv2d(layer, inputs):
    x, padding = padded(layer, inputs[0])
    groups = layer.get("groups", 1)
    if max(layer["stride"]) > 1 and max(dilation_of(layer)) > 1:
        raise Unsupported("TensorFlow has no convolution with both a stride and a dilation above 1")
    if groups > 1 and not groups == x.shape[-1] == layer["filters"]:
        made = GroupedConv2D(layer, padding)
        return made(x), made
    if groups > 1:
        if layer["stride"][0] != layer["stride"][1]:
            raise Unsupported("a depthwise convolution with different strides down and to the right")
        made = DepthwiseConv2D(layer, padding)
        return made(x), made
    made = keras.layers.Conv2D(
        layer["filters"],
        layer["kernel"],
        strides=layer["stride"],
        padding=padding,
        dilation_rate=dilation_of(layer),
        use_bias=layer["bias"],
    )
    return made(x), made


def conv2d_transpose(layer, inputs):
    if max(dilation_of(layer)) > 1:
        raise Unsupported("TensorFlow's adapter knows no transposed convolution with a dilation")
    above, below, left, right = layer["padding"]
    same = []
    for kernel, stride in zip(layer["kernel"], layer["stride"]):
        total = kernel - stride
        same += [total // 2, total - total // 2]
    is_same = [above, below, left, right] == same and not any(layer["output_padding"])
    made = keras.layers.Conv2DTranspose(
        layer["filters"],
        layer["kernel"],
        strides=layer["stride"],
        padding="same" if is_same else "valid",
        output_padding=None if is_same else layer["output_padding"],
        use_bias=layer["bias"],
    )
    y = made(inputs[0])
    if not is_same and any(layer["padding"]):
        y = keras.layers.Cropping2D(((above, below), (left, right)))(y)
    return y, made


def batch_norm(layer, inputs):
    made = keras.layers.BatchNormalization(momentum=layer["momentum"], epsilon=layer["epsilon"])
    return made(inputs[0]), made


def layer_norm(layer, inputs):
    made = keras.layers.LayerNormalization(epsilon=layer["epsilon"])
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


def multiply(layer, inputs):
    """Of images and a row, each channel has a factor."""
    dimensions = max(len(x.shape) for x in inputs)
    wide = lambda x: x if len(x.shape) == dimensions else keras.layers.Reshape((1, 1, x.shape[-1]))(x)
    return keras.layers.Multiply()([wide(x) for x in inputs]), None


def keras_layer(make):
    """A layer without variables and with one input."""
    return lambda layer, inputs: (make(layer)(inputs[0]), None)


class ProgramDropout(keras.layers.Layer):
    """Drops what the Program does, in the gate. Its masks are a variable, as `fit` has no place for them: of
    some steps, told apart by the optimizer's count."""

    # As many as the gate asks for in one call, and more.
    ROOM = 8

    def __init__(self, layer: dict, net: "Net") -> None:
        super().__init__()
        self.net = net
        shape = self.ROOM, net.workload["batch_size"], *layer["output"]
        self.masks = self.add_weight(shape=shape, trainable=False, initializer="zeros")
        self.first = self.add_weight(shape=(), dtype="int64", trainable=False, initializer="zeros")

    def call(self, x, training=False):
        if not training:
            return x
        number = tf.cast(self.net.optimizer.iterations.value, tf.int64) - self.first.value
        row = Model.first_row
        return x * tf.gather(self.masks.value, number)[row : row + tf.shape(x)[0]]


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of each step, counted from 0."""

    def __init__(self, workload: dict, rate) -> None:
        self.workload, self.rate = workload, rate

    def __call__(self, step):
        number = keras.ops.cast(step, keras.backend.floatx()) + 1
        return self.rate * rate_share(self.workload, number, keras.ops)


class RmsProp(keras.optimizers.RMSprop):
    """With ε outside of the root, as PyTorch has it; Keras's own is inside."""

    def update_step(self, gradient, variable, learning_rate):
        v = self._velocities[self._get_variable_index(variable)]
        rate = keras.ops.cast(learning_rate, variable.dtype)
        g = keras.ops.cast(gradient, variable.dtype)
        self.assign(v, v + (1 - self.rho) * (keras.ops.square(g) - v))
        self.assign_sub(variable, rate * g / (keras.ops.sqrt(v) + self.epsilon))


class DecayingSgd(keras.optimizers.SGD):
    """With a decay that is added to the gradients behind clipping, as in PyTorch; Keras's own moves parameters
    beside the momentum."""

    def __init__(self, decay: float, weights_only: bool, *constants, **others) -> None:
        super().__init__(*constants, **others)
        self.decay, self.weights_only = decay, weights_only

    def update_step(self, gradient, variable, learning_rate):
        if len(variable.shape) > 1 or not self.weights_only:
            decay = keras.ops.cast(self.decay, variable.dtype)
            gradient = keras.ops.cast(gradient, variable.dtype) + decay * variable
        super().update_step(gradient, variable, learning_rate)


class CorrectedEpsilon:
    """Adam with ε added to the root of the corrected second moment, as PyTorch has it."""

    def update_step(self, gradient, variable, learning_rate):
        ops, index = keras.ops, self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        rate = ops.cast(learning_rate, variable.dtype)
        g = ops.cast(gradient, variable.dtype)
        step = ops.cast(self.iterations + 1, variable.dtype)
        correction = lambda beta: 1 - ops.power(ops.cast(beta, variable.dtype), step)
        self.assign(m, m + (1 - self.beta_1) * (g - m))
        self.assign(v, v + (1 - self.beta_2) * (ops.square(g) - v))
        if self.amsgrad:
            largest = self._velocity_hats[index]
            self.assign(largest, ops.maximum(largest, v))
            v = largest
        root = ops.sqrt(v / correction(self.beta_2))
        self.assign_sub(variable, rate / correction(self.beta_1) * m / (root + self.epsilon))


class CorrectedAdam(CorrectedEpsilon, keras.optimizers.Adam):
    pass


class CorrectedAdamW(CorrectedEpsilon, keras.optimizers.AdamW):
    pass


LAYERS = {
    "flatten": keras_layer(lambda layer: keras.layers.Flatten()),
    "dense": dense,
    "embedding": embedding,
    "relu": keras_layer(lambda layer: keras.layers.ReLU()),
    "leaky_relu": keras_layer(lambda layer: keras.layers.LeakyReLU(layer["slope"])),
    "gelu": keras_layer(lambda layer: keras.layers.Activation("gelu")),
    "gelu_tanh": keras_layer(lambda layer: lambda x: keras.activations.gelu(x, approximate=True)),
    "silu": keras_layer(lambda layer: keras.layers.Activation("silu")),
    "sigmoid": keras_layer(lambda layer: keras.layers.Activation("sigmoid")),
    "tanh": keras_layer(lambda layer: keras.layers.Activation("tanh")),
    "softplus": keras_layer(lambda layer: keras.layers.Activation("softplus")),
    "hard_swish": keras_layer(lambda layer: keras.layers.Activation("hard_swish")),
    "relu6": keras_layer(lambda layer: keras.layers.Activation("relu6")),
    "hard_sigmoid": keras_layer(lambda layer: keras.layers.Activation("hard_sigmoid")),
    "scale": keras_layer(lambda layer: keras.layers.Rescaling(layer["factor"], layer["offset"])),
    "elu": keras_layer(lambda layer: keras.layers.ELU(layer["alpha"])),
    "mish": keras_layer(lambda layer: keras.layers.Activation("mish")),
    "conv2d": conv2d,
    "conv2d_transpose": conv2d_transpose,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "global_avg_pool": keras_layer(lambda layer: keras.layers.GlobalAveragePooling2D()),
    "upsample": keras_layer(lambda layer: keras.layers.UpSampling2D(layer["factor"])),
    "dropout": None,  # the net's own: `Net.dropout`
    "add": lambda layer, inputs: (keras.layers.Add()(inputs), None),
    "multiply": multiply,
    "concat": lambda layer, inputs: (keras.layers.Concatenate()(inputs), None),
}

# laptime's names of a layer's variables, in Keras's names.
VARIABLES = {
    "weight": ("kernel", "gamma", "embeddings"),
    "bias": ("bias", "beta"),
    "running_mean": ("moving_mean",),
    "running_var": ("moving_variance",),
}


def own_axes(tensor, is_table):
    """laptime has matrices outputs × inputs and kernels OIHW, Keras inputs × outputs and HWIO; tables of
    embeddings are the same in both."""
    if is_table:
        return tensor
    return tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor.T


def laptime_axes(tensor, is_table):
    if is_table:
        return tensor
    return tensor.transpose(3, 2, 0, 1) if tensor.ndim == 4 else tensor.T


class SmoothedCrossEntropy(keras.losses.Loss):
    """Keras smooths one-hot labels alone."""

    def __init__(self, classes: int, smoothing: float) -> None:
        super().__init__()
        self.classes, self.smoothing = classes, smoothing

    def call(self, labels, logits):
        labels = keras.ops.reshape(keras.ops.cast(labels, "int32"), (-1,))
        wanted = keras.ops.one_hot(labels, self.classes, dtype=logits.dtype)
        return keras.losses.categorical_crossentropy(
            wanted, logits, from_logits=True, label_smoothing=self.smoothing
        )


class Model(keras.Model):
    """Keras's, whose step may go through its batch in micro-batches. Keras's own accumulation of gradients counts
    each of them as a batch, and would leave those behind the last whole step out."""

    micro_batch_size: int | None = None
    # Of the micro-batch that a step goes through while it is traced; of all models, as one is traced at a time.
    first_row = 0

    def train_step(self, data):
        if self.micro_batch_size is None:
            return super().train_step(data)
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        gradients = None
        for rows, share in micro_batches({"micro_batch_size": self.micro_batch_size}, x.shape[0]):
            Model.first_row = rows.start
            with tf.GradientTape() as tape:
                predicted = self(x[rows], training=True)
                loss = self.compute_loss(x=x[rows], y=y[rows], y_pred=predicted, training=True)
                shared = loss * tf.cast(share, loss.dtype)
            added = tape.gradient(shared, self.trainable_weights)
            gradients = added if gradients is None else [sum(pair) for pair in zip(gradients, added)]
            self._loss_tracker.update_state(loss, sample_weight=rows.stop - rows.start)
            metrics = self.compute_metrics(x[rows], y[rows], predicted)
        Model.first_row = 0
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
        return metrics


class Net:
    """A model and its optimizer, and their variables by laptime's names."""

    def __init__(
        self,
        workload: dict,
        real: type = float,
        has_softmax: bool = False,
        has_program_masks: bool = False,
        **compile_options,
    ) -> None:
        self.workload, self.real, self.has_program_masks = workload, real, has_program_masks
        dtype = "int32" if is_of_symbols(workload) else None
        x = keras.Input(tuple(workload["input_shape"]), dtype=dtype)
        outputs, self.variables, self.dropouts, self.tables = [], {}, {}, set()
        layers = LAYERS | {"dropout": self.dropout}
        for layer in workload["layers"]:
            inputs = [x if source == "input" else outputs[source["layer"]] for source in layer["inputs"]]
            output, made = layers[layer["kind"]](layer, inputs)
            outputs.append(output)
            for name, own_names in VARIABLES.items() if made else ():
                for own_name in own_names:
                    variable = getattr(made, own_name, None)
                    if variable is not None:
                        self.variables[f"{layer['name']}.{name}"] = variable
                        if own_name == "embeddings":
                            self.tables.add(f"{layer['name']}.{name}")
        self.logits = self.model = Model(x, outputs[-1])
        smoothing = workload.get("label_smoothing", 0.0)
        is_of_pixels = workload["loss"] == "mean-squared-error"
        if is_of_pixels:
            loss = keras.losses.MeanSquaredError()
        elif has_softmax:
            self.model = Model(x, keras.layers.Activation("softmax")(outputs[-1]))
            loss = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
        elif smoothing:
            loss = SmoothedCrossEntropy(workload["classes"], smoothing)
        else:
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        # Keras rounds a Python float to float32 on its way to float64, but not NumPy's.
        constants = {
            name: value if name == "kind" else real(value) for name, value in workload["optimizer"].items()
        }
        self.kind = constants["kind"]
        self.optimizer = self.make_optimizer(constants)
        self.compile_options = compile_options | {
            "optimizer": self.optimizer,
            "loss": loss,
            "metrics": [] if is_of_pixels else ["accuracy"],
        }
        self.model.micro_batch_size = workload.get("micro_batch_size")
        self.model.compile(**self.compile_options)
        self.models = {workload["batch_size"]: self.model}
        self.optimizer.build(self.model.trainable_variables)
        # Keras's SGD keeps −learning_rate·velocity.
        self.velocity_scale = -constants["learning_rate"]

    def model_for(self, batch_size: int) -> Model:
        """That which trains on batches of this size. Keras would trace one step for all sizes, in which the number
        of micro-batches is not known: each size has a model of the same layers, with the same optimizer."""
        if self.model.micro_batch_size is None:
            return self.model
        if batch_size not in self.models:
            made = self.models[batch_size] = Model(self.model.inputs, self.model.outputs)
            made.micro_batch_size = self.model.micro_batch_size
            made.compile(**self.compile_options | {"steps_per_execution": 1})
        return self.models[batch_size]

    def dropout(self, layer: dict, inputs: list):
        if self.has_program_masks:
            made = ProgramDropout(layer, self)
        else:
            made = keras.layers.Dropout(layer["rate"])
        self.dropouts[layer["name"]] = made
        return made(inputs[0]), None

    def prepare_masks(self, steps: int) -> None:
        """Those of the next steps, where they are the Program's."""
        if not self.has_program_masks or not self.dropouts:
            return
        if steps > ProgramDropout.ROOM:
            raise Unsupported(f"TensorFlow's adapter has masks of {ProgramDropout.ROOM} steps")
        done = int(self.optimizer.iterations)
        size = self.workload["batch_size"]
        # A smaller batch has the first rows of a whole one's.
        made = [program_masks(self.workload, size, done + number + 1) for number in range(steps)]
        for name, dropout in self.dropouts.items():
            room = np.zeros(dropout.masks.shape, dropout.masks.dtype)
            for number, of_step in enumerate(made):
                room[number] = of_step[name]
            dropout.masks.assign(room)
            dropout.first.assign(done)

    def make_optimizer(self, constants: dict) -> keras.optimizers.Optimizer:
        rate = constants["learning_rate"]
        if self.workload.get("rate_schedule") is not None:
            if self.kind == "sgd":
                raise Unsupported("Keras's SGD keeps the learning rate in its velocity, so none that changes")
            rate = Schedule(self.workload, rate)
        clip_norm = self.workload.get("global_clip_norm")
        clip = {} if clip_norm is None else {"global_clipnorm": self.real(clip_norm)}
        if self.kind == "sgd":
            if constants["momentum"] == 0:
                raise Unsupported("Keras keeps no velocity without momentum")
            is_nesterov = bool(constants.get("nesterov", False))
            common = rate, constants["momentum"], is_nesterov
            if "weight_decay" in constants:
                weights_only = bool(constants.get("weights_only", False))
                return DecayingSgd(constants["weight_decay"], weights_only, *common, **clip)
            return keras.optimizers.SGD(*common, **clip)
        if self.kind == "rmsprop":
            return RmsProp(rate, constants["alpha"], epsilon=constants["epsilon"], **clip)
        is_corrected = constants.get("corrected_epsilon", False)
        others = {**clip, "amsgrad": self.kind == "amsgrad"}
        if "weight_decay" in constants:
            betas = constants["beta1"], constants["beta2"]
            make = CorrectedAdamW if is_corrected else keras.optimizers.AdamW
            made = make(rate, constants["weight_decay"], *betas, constants["epsilon"], **others)
            if constants.get("weights_only", False):
                vectors = [one for one in self.model.trainable_variables if len(one.shape) == 1]
                made.exclude_from_weight_decay(var_list=vectors)
            return made
        make = CorrectedAdam if is_corrected else keras.optimizers.Adam
        return make(rate, constants["beta1"], constants["beta2"], constants["epsilon"], **others)

    def all_variables(self):
        """Everything that lives across steps: name, variable, what laptime's value is of it, and whether it is a
        table."""
        for name, variable in self.variables.items():
            yield name, variable, 1.0, name in self.tables
        trained = {id(variable): name for name, variable in self.variables.items()}
        for number, variable in enumerate(self.model.trainable_variables):
            name = trained[id(variable)]
            is_table = name in self.tables
            if self.kind == "sgd":
                yield f"{name}.velocity", self.optimizer.momentums[number], self.velocity_scale, is_table
                continue
            if self.kind != "rmsprop":
                yield f"{name}.m", self.optimizer._momentums[number], 1.0, is_table
            yield f"{name}.v", self.optimizer._velocities[number], 1.0, is_table
            if self.kind == "amsgrad":
                yield f"{name}.v_max", self.optimizer._velocity_hats[number], 1.0, is_table

    def set_state(self, state: State) -> None:
        self.optimizer.iterations.assign(state.steps)
        for name, variable, scale, is_table in self.all_variables():
            if name in state.tensors:
                variable.assign(own_axes(np.array(state.tensors[name]), is_table) * scale)
            else:
                variable.assign(np.zeros(variable.shape))

    def state(self) -> State:
        own = lambda variable, is_table: laptime_axes(keras.ops.convert_to_numpy(variable), is_table)
        tensors = {
            name: np.ascontiguousarray(own(variable, is_table) / np.asarray(scale, variable.dtype))
            for name, variable, scale, is_table in self.all_variables()
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


class Clock(keras.callbacks.Callback):
    """The seconds of the quickest execution."""

    def __init__(self) -> None:
        super().__init__()
        self.execution_s = math.inf

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self.begin = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        # A card has only finished when a value is asked for.
        float(logs["loss"])
        self.execution_s = min(self.execution_s, time.perf_counter() - self.begin)


def score_of(logs: dict, samples: int) -> Score:
    """From Keras's running means."""
    correct = round(float(logs.get("accuracy", 0)) * samples)
    return Score(samples, float(logs["loss"]) * samples, correct)


def targets(job: Job, pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What the loss compares with: labels, values, or the scaled pixels in rows."""
    is_of_pixels = job.workload["loss"] == "mean-squared-error" and labels.ndim == 1
    return pixels.reshape(len(pixels), -1) if is_of_pixels else labels


JIT, NO_JIT = "fit, jit_compile", "fit"


def variants(job: Job, device: dict) -> list[str]:
    # Small nets gain by a factor; on CPUs it depends on the net whose convolutions are quicker.
    may_gain = job.has_convolutions and device["kind"] == "cpu"
    return [NO_JIT, JIT] if may_gain else [JIT]


class Session:
    # The net in float64, from the first trace on.
    traced: Net | None = None
    # Keras's default, for what is as published: XLA where it can.
    is_jitted = False

    def __init__(self, job: Job, device: dict, threads: int, variant: str) -> None:
        for layer in job.layers:
            if layer["kind"] not in LAYERS:
                raise Unsupported(f"TensorFlow's adapter knows no layer {layer['kind']}")
        check_precision(job)
        keras.utils.set_random_seed(job.workload["seed"])
        # IEEE single precision in every product: no TF32 on cards that have it.
        tf.config.experimental.enable_tensor_float_32_execution(False)
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        device_name = use_only(device)
        self.job = job

        start = time.perf_counter()
        self.pixels, self.labels = self.scaled(job.train)
        self.test_pixels, _ = self.scaled(job.test)
        self.targets = targets(job, self.pixels, self.labels)
        self.data = tf.constant(self.pixels), tf.constant(self.targets)
        self.prepare_s = time.perf_counter() - start

        self.is_jitted = is_jitted = variant == JIT
        steps = max(1, len(self.labels) // job.batch_size)
        is_quick = is_jitted and not job.has_convolutions
        self.block = min(MOST_STEPS, steps) if is_quick else 1
        self.net = Net(job.workload, jit_compile=is_jitted, steps_per_execution=self.block)
        # Keras compiles within its first fit; then everything begins anew.
        initial = State(0, job.initial)
        self.net.set_state(initial)
        step_s = self.warm_up()
        is_too_long = step_s * self.block > LONGEST_EXECUTION_S
        if is_jitted and (is_too_long or (self.block == 1 and step_s < QUICK_STEP_S)):
            self.block = max(1, min(MOST_STEPS, steps, int(EXECUTION_S / step_s)))
            self.net.model.steps_per_execution = self.block
            self.net.model.make_train_function(force=True)
            self.warm_up()
        if len(job.test.labels):
            self.logits(np.arange(min(EVALUATION_BLOCK, len(job.test.labels))))
        self.net.set_state(initial)
        self.details = {
            "device": device_name,
            "steps_per_execution": str(self.block),
            "tf32": "off",
        }

    def warm_up(self) -> float:
        """Has the step compiled for each size of batch, and gives its seconds. An execution is a loop
        around the compiled step: one of a single step compiles all of it."""
        samples, size = len(self.labels), self.job.batch_size
        for batch in {min(size, samples), samples % size} - {0}:
            self.train(np.arange(batch), lambda score: False)
        # The first execution waits for its batches.
        steps = min(samples // size, 3 if self.block == 1 else 16)
        if steps == 0:
            return math.inf
        clock = Clock()
        self.fit(np.arange(steps * size), steps, clock)
        return clock.execution_s / min(steps, self.block)

    def scaled(self, samples) -> tuple[np.ndarray, np.ndarray]:
        pixels = self.inputs(samples.pixels, np.float32)
        return pixels, samples.targets

    def inputs(self, pixels: np.ndarray, real: type) -> np.ndarray:
        """What the first layer reads: numbers, or symbols as they are."""
        if is_of_symbols(self.job.workload):
            return pixels.astype(np.int32)
        return np.divide(pixels, real(self.job.workload["pixel_divisor"]), dtype=real)

    def batches(self, order: np.ndarray, steps: int) -> tf.data.Dataset:
        pixels, targets = self.data
        rows = tf.data.Dataset.from_tensor_slices(order.astype(np.int32).reshape(steps, -1))
        blocks = rows.batch(self.block)
        gathered = blocks.map(lambda block: (tf.gather(pixels, block), tf.gather(targets, block)))
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
            logs = self.fit(part, steps, look)
            done = min(look.steps, steps) * (len(part) // steps)
            score += score_of(logs, done)
            if self.net.model.stop_training:
                break
        return score, None

    def fit(self, order, steps: int, callback: keras.callbacks.Callback) -> dict:
        """The means of the metrics over these steps."""
        self.net.prepare_masks(steps)
        model = self.net.model_for(len(order) // steps)
        fit = model.fit(
            self.batches(order, steps),
            steps_per_epoch=steps,
            shuffle=False,
            verbose=0,
            callbacks=[callback],
        )
        return {name: values[-1] for name, values in fit.history.items()}

    def logits(self, samples):
        """By one function for a block: `predict` would trace one for all blocks of an execution."""
        blocks = np.split(samples, range(EVALUATION_BLOCK, len(samples), EVALUATION_BLOCK))
        predict = self.net.logits.predict_on_batch
        return np.concatenate([predict(self.test_pixels[block]) for block in blocks])

    def state(self) -> State:
        return self.net.state()

    def set_state(self, state: State) -> None:
        self.net.set_state(state)

    def net_f64(self) -> Net:
        return Net(self.job.workload, real=np.float64, has_program_masks=True, jit_compile=False)

    def masked_net(self) -> Net:
        return Net(
            self.job.workload,
            has_program_masks=True,
            jit_compile=self.is_jitted,
            steps_per_execution=self.block,
        )

    def use_program_masks(self) -> None:
        """The same net with another layer in dropout's place: it is not what is timed to the letter."""
        state = self.net.state()
        self.net = self.masked_net()
        self.net.set_state(state)

    def own_dropout(self, layer: dict, step: int, shape: tuple[int, int]):
        drop = self.net.dropouts[layer["name"]]
        run = tf.function(lambda x: drop(x, training=True), jit_compile=self.is_jitted)
        return run(tf.ones(shape)).numpy()

    def trace_f64(self, start: State, order):
        """The same model and optimizer with float64 as Keras's float."""
        policy, floatx = keras.config.dtype_policy(), keras.config.floatx()
        try:
            keras.config.set_floatx("float64")
            keras.config.set_dtype_policy("float64")
            with tf.device("/CPU:0"):
                # Keras compiles within the first step: the net is kept for the next call.
                self.traced = net = self.traced or self.net_f64()
                net.set_state(start)
                losses = []
                for batch in order.reshape(-1, self.job.batch_size):
                    pixels = self.inputs(self.job.train.pixels[batch], np.float64)
                    net.prepare_masks(1)
                    net.model.reset_metrics()
                    target = targets(self.job, pixels, self.labels[batch])
                    logs = net.model.train_on_batch(pixels, target, return_dict=True)
                    losses.append(float(logs["loss"]))
                return losses, net.state()
        finally:
            keras.config.set_floatx(floatx)
            keras.config.set_dtype_policy(policy)


class EpochByEpoch(keras.callbacks.Callback):
    """Holds one `fit` between two epochs until the next is asked for."""

    def __init__(self, batch_size: int) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.asked: queue.SimpleQueue = queue.SimpleQueue()
        self.done: queue.SimpleQueue = queue.SimpleQueue()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.told, self.most_steps = self.asked.get()
        self.looked = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.steps = batch + 1
        if self.steps == self.most_steps < self.params["steps"]:
            self.model.stop_training = True
        now = time.perf_counter()
        if now - self.looked >= LOOK_S:
            self.looked = now
            if self.told(score_of(logs, self.steps * self.batch_size)):
                self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.done.put((logs, self.steps))


def as_published_variants(job: Job, device: dict) -> list[str]:
    return ["as published: one fit, Keras's defaults and shuffle"]


class AsPublished(Session):
    """The scripts of December 2020: arrays, one `fit` for all epochs, `evaluate`; Keras's defaults,
    its own initial weights and shuffle, and what it compiles it compiles within the first epoch.

    Whole epochs are Keras's own. Fewer samples, as the gate gives, are trained on in the order given:
    by the same model, compiled in the same way, through the same `fit`."""

    def __init__(self, job: Job, device: dict, threads: int, variant: str) -> None:
        check_precision(job)
        keras.utils.set_random_seed(job.workload["seed"])
        device_name = use_only(device)
        self.job = job
        # The script of the ResNet50 has a softmax in the model, that of the dense net none.
        self.has_softmax = job.workload["name"] == "cifar10-resnet50"
        start = time.perf_counter()
        self.pixels, self.labels = self.scaled(job.train)
        self.test_pixels, self.test_labels = self.scaled(job.test)
        if self.has_softmax:
            classes = job.workload["classes"]
            self.labels = keras.utils.to_categorical(self.labels, classes)
            self.test_labels = keras.utils.to_categorical(self.test_labels, classes)
        self.targets = targets(job, self.pixels, self.labels)
        self.test_targets = targets(job, self.test_pixels, self.test_labels)
        self.prepare_s = time.perf_counter() - start
        self.net = Net(job.workload, has_softmax=self.has_softmax)
        self.epochs: EpochByEpoch | None = None
        is_cpu = device["kind"] == "cpu"
        self.details = {
            "device": device_name,
            "tf32": "off" if is_cpu else "TensorFlow's default: on, where the card has it",
        }

    def net_f64(self) -> Net:
        return Net(
            self.job.workload,
            real=np.float64,
            has_softmax=self.has_softmax,
            has_program_masks=True,
            jit_compile=False,
        )

    def masked_net(self) -> Net:
        return Net(self.job.workload, has_softmax=self.has_softmax, has_program_masks=True)

    def fit_all(self) -> None:
        """In a thread of its own, as it lasts from one command to another."""
        try:
            self.net.model.fit(
                self.pixels,
                self.targets,
                batch_size=self.job.batch_size,
                epochs=self.job.workload["epochs"],
                shuffle=self.job.workload["shuffle"],
                callbacks=[self.epochs],
            )
        except BaseException as error:
            self.epochs.done.put(error)

    def train(self, order, told):
        size = self.job.batch_size
        if self.epochs is None and len(order) < len(self.labels):
            look = Look(told, size, Score())
            pixels, targets = self.pixels[order], self.targets[order]
            self.net.prepare_masks(math.ceil(len(order) / size))
            fit = self.net.model.fit(pixels, targets, batch_size=size, shuffle=False, verbose=0, callbacks=[look])
            logs = {name: values[-1] for name, values in fit.history.items()}
            return score_of(logs, min(look.steps * size, len(order))), None
        if self.epochs is None:
            self.epochs = EpochByEpoch(size)
            threading.Thread(target=self.fit_all, daemon=True).start()
        self.epochs.asked.put((told, math.ceil(len(order) / size)))
        done = self.epochs.done.get()
        if isinstance(done, BaseException):
            raise done
        logs, steps = done
        return score_of(logs, min(steps * size, len(order))), None

    def evaluate(self) -> Score:
        model = self.net.model
        size = self.job.batch_size
        logs = model.evaluate(self.test_pixels, self.test_targets, size, return_dict=True)
        return score_of(logs, len(self.test_labels))
