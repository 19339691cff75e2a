"""Fashion-MNIST's training in Keras on TensorFlow: how long does an epoch take?

    python baseline_keras.py JOB [--variant jit|plain] [--epochs N]

JOB is a folder that `export_job` wrote.

- `plain`: `fit` on arrays, as most scripts have it.
- `jit`: `jit_compile`, many steps an execution, and batches gathered in large blocks by tf.data;
  the fastest here.

Keras compiles within the first epoch: `compile_s` is what that took longer than the median one.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from job import Job, read_job
from report import report

MOST_STEPS_AN_EXECUTION = 125


class EpochClock(keras.callbacks.Callback):
    """The seconds of every epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch_s: list[float] = []
        self.loss = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.begin = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch_s.append(time.perf_counter() - self.begin)
        self.loss = logs["loss"]


def make_model(job: Job) -> keras.Model:
    hidden, inputs = job.initial["fc1.weight"].shape
    classes = job.initial["fc2.weight"].shape[0]
    model = keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dense(hidden, activation="relu"),
            keras.layers.Dense(classes),
        ]
    )
    names = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
    model.set_weights([job.initial[name].T for name in names])
    return model


def compile_model(model: keras.Model, job: Job, jit: bool, steps_an_execution: int) -> None:
    constants = job.workload["optimizer"]
    model.compile(
        optimizer=keras.optimizers.Adam(
            learning_rate=constants["learning_rate"],
            beta_1=constants["beta1"],
            beta_2=constants["beta2"],
            epsilon=constants["epsilon"],
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=jit,
        steps_per_execution=steps_an_execution,
    )


def fit_plain(model: keras.Model, job: Job, orders: np.ndarray, pixels, labels) -> EpochClock:
    """One `fit` an epoch, on arrays in that epoch's order; putting them in order counts."""
    compile_model(model, job, jit=False, steps_an_execution=1)
    clock = EpochClock()
    for order in orders:
        begin = time.perf_counter()
        model.fit(
            pixels[order],
            labels[order],
            batch_size=job.workload["batch_size"],
            shuffle=False,
            verbose=0,
            callbacks=[clock],
        )
        clock.epoch_s[-1] = time.perf_counter() - begin
    return clock


def fit_jit(model: keras.Model, job: Job, orders: np.ndarray, pixels, labels) -> EpochClock:
    """One `fit` for all epochs, fed with blocks of batches that tf.data gathers."""
    batch_size = job.workload["batch_size"]
    steps = orders.shape[1] // batch_size
    assert steps * batch_size == orders.shape[1], "every batch must be full"
    block = max(n for n in range(1, MOST_STEPS_AN_EXECUTION + 1) if steps % n == 0)
    compile_model(model, job, jit=True, steps_an_execution=block)
    pixels, labels = tf.constant(pixels), tf.constant(labels)
    blocks = tf.data.Dataset.from_tensor_slices(orders.reshape(-1, block, batch_size))
    gathered = blocks.map(lambda order: (tf.gather(pixels, order), tf.gather(labels, order)))
    clock = EpochClock()
    model.fit(
        gathered.prefetch(2).unbatch(),
        epochs=len(orders),
        steps_per_epoch=steps,
        verbose=0,
        callbacks=[clock],
    )
    return clock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", help="the job folder")
    parser.add_argument("--variant", choices=["jit", "plain"], default="jit")
    parser.add_argument("--epochs", type=int, help="those of the job if left out")
    arguments = parser.parse_args()

    job = read_job(arguments.job)
    orders = job.orders[: arguments.epochs].astype(np.int32)
    divisor = job.workload["pixel_divisor"]

    start = time.perf_counter()
    pixels, labels = job.train.rows(divisor), job.train.labels.astype(np.int32)
    prepare_s = time.perf_counter() - start
    model = make_model(job)
    fit = fit_jit if arguments.variant == "jit" else fit_plain
    clock = fit(model, job, orders, pixels, labels)

    begin = time.perf_counter()
    answers = model.predict(job.test.rows(divisor), batch_size=1000, verbose=0).argmax(axis=1)
    test_s = time.perf_counter() - begin

    epoch_s = clock.epoch_s
    report(
        framework=f"Keras {keras.__version__}, TensorFlow {tf.__version__}",
        variant=arguments.variant,
        prepare_s=prepare_s,
        compile_s=epoch_s[0] - statistics.median(epoch_s[1:] or epoch_s),
        epoch_s=epoch_s,
        test_s=test_s,
        train_loss=clock.loss,
        test_accuracy=float(np.mean(answers == job.test.labels)),
    )


if __name__ == "__main__":
    main()
