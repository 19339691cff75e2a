"""A peer's side of the line protocol, the same for every framework.

    python -I main.py THREADS

laptime writes commands to standard input and reads events from standard output, one JSON object a
line; `src/protocol.rs` lists them. Both get descriptors of their own before the framework is
imported, and standard output then leads to the log: whatever a framework prints cannot be taken for
an event. `adapter.py` beside this file is the framework's adapter; it has

    describe() -> dict        versions of the libraries, and the devices
    variants(job, device)     names of the ways to train this that may be the fastest: where there are
                              several, laptime tries each for some seconds
    Session(job, device, threads, variant)
        .prepare_s, .details  what making samples ready took; what it really runs, for the record
        .train(order, told)   a Score and the seconds of each step or None; calls told(score) now and
                              then, and stops when that says so
        .logits(samples)      of test samples, in evaluation mode
        .evaluate()           a Score of all test samples, if not that of their logits
        .state(), .set_state(state), .trace_f64(state, order)
        .own_dropout(layer, step, shape)    what the dropout that is timed makes of ones in a step
        .use_program_masks()                from now on, training drops what `dropout.py` says

`trace_f64` always drops what `dropout.py` says.
"""

import json
import os
import platform
import queue
import shutil
import signal
import sys
import threading
import time
import traceback


class Line:
    """The two ends of the line to laptime."""

    def __init__(self) -> None:
        self.input = os.fdopen(os.dup(0), "rb")
        self.output = os.fdopen(os.dup(1), "wb", buffering=0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        self.commands: queue.SimpleQueue[dict] = queue.SimpleQueue()
        self.is_stopped = threading.Event()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        """A thread of its own hears the wish to stop while a framework trains, and the end."""
        for line in self.input:
            command = json.loads(line)
            if command["command"] == "stop":
                self.is_stopped.set()
            else:
                self.commands.put(command)
        # laptime is gone: nobody waits for a result, or cleans up.
        end_all()

    def tell(self, event: str, **values) -> None:
        line = json.dumps({"event": event, **values}, allow_nan=False) + "\n"
        self.output.write(line.encode())


def end_all() -> None:
    """Ends this process with all that the framework has started, and leaves nothing of its folder."""
    folder = os.path.dirname(os.path.abspath(__file__))
    if os.path.basename(folder).startswith("laptime-peer-"):
        shutil.rmtree(folder, ignore_errors=True)
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def limit_threads(threads: int) -> None:
    """Frameworks make as many threads as they may use processors, each with pools of its own: what
    holds for all of them is to allow no more processors. Other systems leave it to the adapter."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[:threads])


def peak_memory_bytes() -> int | None:
    """The most memory that the process held. Linux's rusage would count what the parent held when
    it started this process."""
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    if sys.platform == "win32":
        return peak_working_set_bytes()
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def peak_working_set_bytes() -> int | None:
    """As `GetProcessMemoryInfo` of Windows tells it."""
    import ctypes
    from ctypes import wintypes

    class Counters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS."""

        _fields_ = [("size", wintypes.DWORD), ("page_faults", wintypes.DWORD)] + [
            (name, ctypes.c_size_t) for name in ("peak_working_set", *"bcdefgh")
        ]

    kernel32 = ctypes.WinDLL("kernel32")
    kernel32.GetCurrentProcess.restype = wintypes.HANDLE
    ask = kernel32.K32GetProcessMemoryInfo
    ask.argtypes = [wintypes.HANDLE, ctypes.POINTER(Counters), wintypes.DWORD]
    counters = Counters(size=ctypes.sizeof(Counters))
    if not ask(kernel32.GetCurrentProcess(), ctypes.byref(counters), counters.size):
        return None
    return counters.peak_working_set


def number(value: float) -> float | None:
    """JSON has no word for a loss that is not finite."""
    value = float(value)
    return value if abs(value) < float("inf") else None


class Peer:
    """Does one command after the other."""

    # A reader sees no more than that, and each costs a system call.
    TELL_PERIOD_S = 0.1

    def __init__(self, line: Line, threads: int) -> None:
        import adapter
        import job

        self.line, self.threads = line, threads
        self.adapter, self.files = adapter, job
        self.session = None
        self.told_s = 0.0
        python = {"python": platform.python_version()}
        description = adapter.describe()
        line.tell(
            "hello",
            versions=description["versions"] | python,
            devices=description["devices"],
        )

    def tell_score(self, event: str, score, **values) -> None:
        self.line.tell(
            event,
            samples=int(score.samples),
            loss_sum=number(score.loss_sum),
            correct=int(score.correct),
            **values,
        )

    def told(self, score) -> bool:
        now = time.monotonic()
        if now - self.told_s >= self.TELL_PERIOD_S:
            self.told_s = now
            self.tell_score("step", score)
        return self.line.is_stopped.is_set()

    def variants(self, folder: str, device: dict) -> None:
        names = self.adapter.variants(self.files.read_job(folder), device)
        self.line.tell("variants", names=names)

    def compile(self, folder: str, device: dict, variant: str) -> None:
        task = self.files.read_job(folder)
        self.session = self.adapter.Session(task, device, self.threads, variant)
        self.task, self.layers = task, task.layers
        self.line.tell("ready", prepare_s=self.session.prepare_s, details=self.session.details)

    def train(self, order: str) -> None:
        score, step_s = self.session.train(self.files.read_order(order), self.told)
        self.tell_score("epoch", score, step_s=step_s, peak_memory_bytes=peak_memory_bytes())

    def evaluate(self) -> None:
        if hasattr(self.session, "evaluate"):
            score = self.session.evaluate()
        else:
            is_of_values = self.task.workload["loss"] == "mean-squared-error"
            score = self.score_of_values() if is_of_values else self.score_of_logits()
        self.tell_score("result", score, peak_memory_bytes=peak_memory_bytes())

    def score_of_logits(self):
        import numpy as np

        labels, smoothing = self.task.test.labels, self.task.label_smoothing
        logits = self.session.logits(np.arange(len(labels), dtype=np.uint32))
        own = np.take_along_axis(logits, labels[:, None].astype(np.int64), axis=1)
        logits = logits.astype(np.float64)
        largest = logits.max(axis=1, keepdims=True)
        normalizer = largest + np.log(np.exp(logits - largest).sum(axis=1, keepdims=True))
        losses = normalizer - own
        if smoothing:
            even = normalizer - logits.mean(axis=1, keepdims=True)
            losses = (1 - smoothing) * losses + smoothing * even
        return self.files.Score(
            samples=len(labels),
            loss_sum=losses.sum(),
            correct=(logits.argmax(axis=1) == labels).sum(),
        )

    def score_of_values(self):
        import numpy as np

        pixels, labels = self.task.test.pixels, self.task.test.labels
        divisor = np.float32(self.task.workload["pixel_divisor"])
        loss_sum = 0.0
        for begin in range(0, len(pixels), 1000):
            block = pixels[begin : begin + 1000]
            samples = np.arange(begin, begin + len(block), dtype=np.uint32)
            if labels.ndim == 2:
                target = labels[samples]
            else:
                target = np.divide(block.reshape(len(block), -1), divisor, dtype=np.float32)
            errors = self.session.logits(samples).astype(np.float64) - target
            loss_sum += np.square(errors).mean(axis=1).sum()
        return self.files.Score(samples=len(pixels), loss_sum=loss_sum)

    def logits(self, samples: str, to: str) -> None:
        import numpy as np

        logits = self.session.logits(self.files.read_order(samples))
        np.ascontiguousarray(logits, dtype="<f4").tofile(to)
        self.line.tell("done")

    def state(self, to: str) -> None:
        self.files.write_state(to, self.session.state())
        self.line.tell("done")

    def set_state(self, state: str) -> None:
        self.session.set_state(self.files.read_state(state))
        self.line.tell("done")

    def own_dropout(self, layer: int, step: int, rows: int, columns: int, to: str) -> None:
        import numpy as np

        values = self.session.own_dropout(self.layers[layer], step, (rows, columns))
        np.ascontiguousarray(values, dtype="<f4").tofile(to)
        self.line.tell("done")

    def use_program_masks(self) -> None:
        self.session.use_program_masks()
        self.line.tell("done")

    def trace_f64(self, state: str, order: str, to: str) -> None:
        start = self.files.read_state(state)
        losses, end = self.session.trace_f64(start, self.files.read_order(order))
        self.files.write_state(to, end)
        self.line.tell("trace", losses=[number(loss) for loss in losses])

    def run(self) -> None:
        while True:
            command = self.line.commands.get()
            name = command.pop("command")
            # A wish to stop was meant for a training that has ended since.
            self.line.is_stopped.clear()
            getattr(self, name)(**command)


def main() -> None:
    line = Line()
    threads = int(sys.argv[1])
    limit_threads(threads)
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    try:
        Peer(line, threads).run()
    except BaseException as error:
        traceback.print_exc()
        line.tell(
            "error",
            message=f"{type(error).__name__}: {error}" if str(error) else type(error).__name__,
            is_unsupported=type(error).__name__ == "Unsupported",
        )
        sys.stdout.flush()
        sys.stderr.flush()
        # Threads of a framework that failed may keep the interpreter from ending.
        os._exit(1)


if __name__ == "__main__":
    main()
