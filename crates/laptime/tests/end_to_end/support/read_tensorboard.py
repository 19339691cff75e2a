"""Prints what TensorBoard's own reader finds below a folder, as JSON: for each run its scalars, the number of
its histograms, its hyperparameters and its end."""

import json
import sys

from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import metadata, plugin_data_pb2


def plugin_data(events, tag):
    content = events.SummaryMetadata(tag).plugin_data.content
    data = plugin_data_pb2.HParamsPluginData()
    data.ParseFromString(content)
    return data


def value(of):
    kind = of.WhichOneof("kind")
    return getattr(of, kind)


def read(folder):
    # Without a guidance, one histogram of a tag is kept.
    everything = {"scalars": 0, "histograms": 0, "tensors": 0}
    multiplexer = EventMultiplexer(size_guidance=everything).AddRunsFromDirectory(folder)
    multiplexer.Reload()
    runs = {}
    for name in multiplexer.Runs():
        events = multiplexer.GetAccumulator(name)
        tags = events.Tags()
        run = {
            tag: [{"step": it.step, "value": it.value} for it in events.Scalars(tag)] for tag in tags["scalars"]
        }
        run["histograms"] = {tag: len(events.Histograms(tag)) for tag in tags["histograms"]}
        start = plugin_data(events, metadata.SESSION_START_INFO_TAG).session_start_info
        run["hparams"] = {name: value(it) for name, it in start.hparams.items()}
        end = plugin_data(events, metadata.SESSION_END_INFO_TAG).session_end_info
        run["status"] = end.status
        runs[name] = run
    return runs


print(json.dumps(read(sys.argv[1])))
