"""What a peer and laptime exchange in files: the job folder, and states. Needs NumPy alone.

The folder's files are described where they are written, in `src/exchange.rs`.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TYPES = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "U8": np.dtype("u1"),
    "U16": np.dtype("<u2"),
    "I32": np.dtype("<i4"),
}


class Unsupported(Exception):
    """What the framework, or its adapter, cannot do: the user asked for the wrong thing."""


@dataclass
class Samples:
    """Samples as stored in the dataset, mapped into memory."""

    pixels: np.ndarray  # (samples, height, width, channels), or rows (samples, values); uint8 or float32
    labels: np.ndarray  # (samples), uint8 or uint16; or what to learn in rows (samples, values), float32
    metadata: dict[str, str]  # which columns these are; the dataset's source and sha256

    @property
    def targets(self) -> np.ndarray:
        """`labels` in a type that every library reads."""
        return self.labels if self.labels.ndim == 2 else self.labels.astype(np.int32)

    def rows(self, divisor: float, dtype: type = np.float32) -> np.ndarray:
        """All samples as rows of scaled pixels."""
        rows = self.pixels.reshape(len(self.pixels), -1)
        return np.divide(rows, dtype(divisor), dtype=dtype)


@dataclass
class Job:
    """What to train."""

    workload: dict
    initial: dict[str, np.ndarray]  # float32, by name: fc1.weight is (outputs, inputs)
    orders: np.ndarray  # (epochs, samples), uint32
    train: Samples
    test: Samples

    def __post_init__(self) -> None:
        self.batch_size: int = self.workload["batch_size"]
        self.layers: list[dict] = self.workload["layers"]
        self.label_smoothing: float = self.workload.get("label_smoothing", 0.0)
        self.has_convolutions = any(layer["kind"] in ("conv2d", "conv2d_transpose") for layer in self.layers)


@dataclass
class Score:
    """Loss and accuracy over a number of samples."""

    samples: int = 0
    loss_sum: float = 0.0
    correct: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.samples + other.samples,
            self.loss_sum + other.loss_sum,
            self.correct + other.correct,
        )


def is_of_symbols(workload: dict) -> bool:
    """Whether samples are the symbols of a text, which name rows of a table, and no numbers."""
    return any(layer["kind"] == "embedding" for layer in workload["layers"])


def micro_batches(workload: dict, samples: int) -> list[tuple[slice, float]]:
    """The samples of each micro-batch of a step, in order, and their share of the step: the mean of the step's
    losses is that of theirs by these shares, and so are its gradients. One, of everything, where the workload
    has none."""
    size = workload.get("micro_batch_size") or samples
    ends = [(begin, min(begin + size, samples)) for begin in range(0, samples, size)]
    return [(slice(begin, end), (end - begin) / samples) for begin, end in ends]


def rows_of(tensors: dict | None, rows: slice) -> dict | None:
    """Dropout masks of a micro-batch, of those of a step."""
    return None if tensors is None else {name: tensor[rows] for name, tensor in tensors.items()}


@dataclass
class State:
    """All that lives across steps, by laptime's names: `fc1.weight`, `fc1.weight.m`."""

    steps: int
    tensors: dict[str, np.ndarray]


class Plain:
    """What `rate_share` needs of a library, for numbers."""

    cos, floor = math.cos, math.floor

    @staticmethod
    def clip(x, low, high):
        return min(max(x, low), high)

    @staticmethod
    def where(is_so, yes, no):
        return yes if is_so else no


def rate_share(workload: dict, step, lib):
    """What the learning rate is multiplied by in a step: a tensor that counts from 1, in a library that has
    `where`, `clip`, `cos` and `floor`. 1 without a schedule."""
    schedule = workload.get("rate_schedule")
    if schedule is None:
        return 1
    # Whole numbers may be too large for a library's own.
    schedule = {key: float(value) if key != "kind" else value for key, value in schedule.items()}
    warmup = schedule["warmup_steps"]
    past = step - (1 + warmup)
    if schedule["kind"] == "step":
        share = schedule["factor"] ** lib.floor(lib.clip(past, 0, math.inf) / schedule["every_steps"])
    else:
        gone = lib.clip(past / schedule["decay_steps"], 0, 1)
        left = 1 - gone if schedule["kind"] == "linear" else (1 + lib.cos(math.pi * gone)) / 2
        share = schedule["final_share"] + (1 - schedule["final_share"]) * left
    return lib.where(past < 0, step / warmup, share) if warmup else share


def read_job(folder: str | Path) -> Job:
    folder = Path(folder)
    workload = json.loads((folder / "workload.json").read_text())
    train = read_samples(folder / "train.safetensors")
    workload["input_shape"] = list(train.pixels.shape[1:])
    order = read_order(folder / "order.u32")
    return Job(
        workload=workload,
        initial=read_safetensors(folder / "init.safetensors")[0],
        orders=order.reshape(-1, len(train.labels)) if len(order) else order,
        train=train,
        test=read_samples(folder / "test.safetensors"),
    )


def read_order(path: str | Path) -> np.ndarray:
    return np.fromfile(path, dtype="<u4")


def read_samples(path: Path) -> Samples:
    tensors, metadata = read_safetensors(path)
    pixels = tensors[metadata["input"]]
    # What learns its own input need not have labels.
    labels = tensors[metadata["labels"]] if "labels" in metadata else np.zeros(len(pixels), np.uint8)
    return Samples(pixels, labels, metadata)


def read_state(path: str | Path) -> State:
    tensors, metadata = read_safetensors(path)
    return State(int(metadata["steps"]), tensors)


def read_safetensors(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The file's tensors by name, mapped into memory, and its metadata."""
    with open(path, "rb") as file:
        header_length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(header_length))
    metadata = header.pop("__metadata__", {})
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + header_length)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = data[begin:end].view(TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata


def write_state(path: str | Path, state: State) -> None:
    """Writes a state as safetensors, in the types that its tensors have."""
    names = {dtype: name for name, dtype in TYPES.items()}
    header: dict[str, dict] = {"__metadata__": {"steps": str(state.steps)}}
    begin = 0
    for name, tensor in state.tensors.items():
        end = begin + tensor.nbytes
        header[name] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
        begin = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for tensor in state.tensors.values():
            file.write(np.ascontiguousarray(tensor).tobytes())
