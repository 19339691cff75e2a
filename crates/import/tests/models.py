"""Exports the models that the tests import, with what they give for two fixed samples.

    python models.py torch FOLDER      needs torch, onnx, onnxscript
    python models.py keras FOLDER      needs keras, tensorflow, tf2onnx
    python models.py keras-archives FOLDER     needs keras, tensorflow

For each model FOLDER gets NAME.onnx (or NAME.keras) and NAME.json: the logits of two samples whose bytes are
those of `pixels` below. The tests make the same bytes (`tests/imports.rs`). Weights are random, not learned, and
small: the files are kept in git.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy

SAMPLES = 2


def pixels(shape):
    """Bytes of the samples, in laptime's order: height, width, channels."""
    count = int(numpy.prod(shape))
    numbers = numpy.arange(SAMPLES * count, dtype=numpy.int64)
    values = (numbers * 37 + numbers * numbers // 5) % 256
    return values.reshape(SAMPLES, *shape).astype(numpy.float32)


def write(folder, name, end, logits):
    """`end` is what the model does with its logits that laptime leaves to the loss."""
    values = [[float(f"{value:.7g}") for value in row.reshape(-1)] for row in logits]
    text = json.dumps({"end": end, "values": values})
    (folder / f"{name}.json").write_text(text + "\n")
    print(name, [(one.name, one.stat().st_size) for one in folder.glob(f"{name}.*")])


def torch_models():
    """Name, model, input shape (height, width, channels), and how it is exported."""
    import torch
    from torch import nn

    class Residual(nn.Module):
        def __init__(self, channels, out, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(out)
            self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(out)
            self.relu = nn.ReLU(inplace=True)
            self.downsample = None
            if stride != 1 or channels != out:
                self.downsample = nn.Sequential(
                    nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
                )

        def forward(self, x):
            identity = x if self.downsample is None else self.downsample(x)
            x = self.relu(self.bn1(self.conv1(x)))
            return self.relu(self.bn2(self.conv2(x)) + identity)

    def resnet18(width):
        """As torchvision's, with `width` in the place of 64."""
        layers = [
            nn.Conv2d(3, width, 7, 2, 3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        ]
        channels = width
        for stage in range(4):
            out = width << stage
            layers += [Residual(channels, out, 1 if stage == 0 else 2), Residual(out, out, 1)]
            channels = out
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))

    def vgg11(width):
        """As torchvision's, with `width` in the place of 64; for 32x32 images."""
        layers, channels = [], 3
        for step in (1, "M", 2, "M", 4, 4, "M", 8, 8, "M", 8, 8, "M"):
            if step == "M":
                layers.append(nn.MaxPool2d(2, 2))
            else:
                layers += [nn.Conv2d(channels, step * width, 3, padding=1), nn.ReLU(inplace=True)]
                channels = step * width
        head = [nn.Linear(channels, 12), nn.ReLU(), nn.Dropout(), nn.Linear(12, 12), nn.ReLU()]
        return nn.Sequential(
            *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *head, nn.Dropout(), nn.Linear(12, 10)
        )

    class LeNet(nn.Module):
        end = "log_softmax"

        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
            self.conv2 = nn.Conv2d(6, 4, 5)
            self.fc1 = nn.Linear(4 * 5 * 5, 16)
            self.fc2 = nn.Linear(16, 10)

        def forward(self, x):
            x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
            x = nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2)
            x = torch.relu(self.fc1(torch.flatten(x, 1)))
            return torch.log_softmax(self.fc2(x), dim=1)

    class Fire(nn.Module):
        """SqueezeNet's, with its concatenation."""

        def __init__(self, channels, squeeze, expand):
            super().__init__()
            self.squeeze = nn.Conv2d(channels, squeeze, 1)
            self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
            self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

        def forward(self, x):
            x = torch.relu(self.squeeze(x))
            return torch.cat([torch.relu(self.expand1x1(x)), torch.relu(self.expand3x3(x))], 1)

    squeezenet = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(4, 2, 4),
        Fire(8, 2, 4),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(8, 3, 6),
        nn.Dropout(0.5),
        nn.Conv2d(12, 10, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )

    class DenseBlock(nn.Module):
        def __init__(self, channels, growth, layers):
            super().__init__()
            self.layers = nn.ModuleList(
                nn.Sequential(
                    nn.BatchNorm2d(channels + number * growth),
                    nn.ReLU(),
                    nn.Conv2d(channels + number * growth, growth, 3, padding=1, bias=False),
                )
                for number in range(layers)
            )

        def forward(self, x):
            features = [x]
            for layer in self.layers:
                features.append(layer(torch.cat(features, 1)))
            return torch.cat(features, 1)

    densenet = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1, bias=False),
        DenseBlock(4, 2, 3),
        nn.BatchNorm2d(10),
        nn.ReLU(),
        nn.Conv2d(10, 5, 1, bias=False),
        nn.AvgPool2d(2),
        DenseBlock(5, 2, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(9, 10),
    )

    class Inverted(nn.Module):
        """MobileNetV2's block; with `excite` and SiLU, EfficientNet's."""

        def __init__(self, channels, out, stride, excite=0):
            super().__init__()
            hidden = 3 * channels
            activation = nn.SiLU if excite else nn.ReLU6
            self.is_residual = stride == 1 and channels == out
            self.expand = nn.Sequential(
                nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), activation()
            )
            self.depthwise = nn.Sequential(
                nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
                nn.BatchNorm2d(hidden),
                activation(),
            )
            self.excite = None
            if excite:
                self.excite = nn.Sequential(
                    nn.AdaptiveAvgPool2d(1),
                    nn.Conv2d(hidden, excite, 1),
                    nn.SiLU(),
                    nn.Conv2d(excite, hidden, 1),
                    nn.Sigmoid(),
                )
            self.project = nn.Sequential(nn.Conv2d(hidden, out, 1, bias=False), nn.BatchNorm2d(out))

        def forward(self, x):
            y = self.depthwise(self.expand(x))
            if self.excite is not None:
                y = y * self.excite(y)
            y = self.project(y)
            return x + y if self.is_residual else y

    def inverted(excite):
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, 2, 1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU6(),
            Inverted(4, 4, 1, excite),
            Inverted(4, 6, 2, excite),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(6, 10),
        )

    class Shuffled(nn.Module):
        """Grouped convolutions, channels last for a while as ConvNeXt has it."""

        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 6, 4, 4)
            self.grouped = nn.Conv2d(6, 12, 3, padding=1, groups=3)
            self.norm = nn.LayerNorm(12, eps=1e-6)
            self.up = nn.Linear(12, 10)
            self.down = nn.Linear(10, 12)
            self.head = nn.Linear(12, 10)

        def forward(self, x):
            x = self.grouped(self.stem(x))
            y = self.norm(x.permute(0, 2, 3, 1))
            y = self.down(nn.functional.gelu(self.up(y))).permute(0, 3, 1, 2)
            return self.head((x + y).mean([2, 3]))

    class Autoencoder(nn.Module):
        """Its end is an image, as its input."""

        def __init__(self):
            super().__init__()
            self.encoder = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ELU(), nn.Conv2d(4, 2, 3, padding=1))
            self.decoder = nn.Sequential(nn.Mish(), nn.Conv2d(2, 4, 3, padding=1), nn.Hardsigmoid())
            self.last = nn.Conv2d(4, 3, 1)

        def forward(self, x):
            return self.last(self.decoder(self.encoder(x)))

    class Growing(nn.Module):
        """A convolutional autoencoder that grows back in three ways."""

        def __init__(self):
            super().__init__()
            self.down = nn.Conv2d(3, 4, 3, stride=2, padding=1)
            self.wide = nn.Conv2d(4, 6, 3, stride=2, padding=2, dilation=2)
            self.up = nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1)
            self.even = nn.ConvTranspose2d(4, 4, (2, 4), stride=(1, 2), padding=(0, 1), bias=False)
            self.nearest = nn.Upsample(scale_factor=(2, 1), mode="nearest")
            self.last = nn.ConvTranspose2d(8, 3, 3, padding=(2, 1))

        def forward(self, x):
            x = nn.functional.relu(self.down(x))
            x = nn.functional.relu(self.up(nn.functional.relu(self.wide(x))))
            x = self.nearest(self.even(x))
            return self.last(torch.cat([x, x], 1))

    dropout = nn.Dropout(0.2, inplace=True)
    mlp = nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.ReLU(), dropout, nn.Linear(8, 10))
    conv1d = nn.Sequential(
        nn.Conv1d(2, 4, 5, stride=2, padding=2),
        nn.BatchNorm1d(4),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(4, 6, 3),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(6, 5),
    )
    regressor = nn.Sequential(nn.Linear(13, 8), nn.Tanh(), nn.Linear(8, 1))
    activations = nn.Sequential(
        nn.Conv2d(1, 4, 5, stride=3),
        nn.BatchNorm2d(4),
        nn.SiLU(),
        nn.GELU(),
        nn.GELU(approximate="tanh"),
        nn.Hardswish(),
        nn.LeakyReLU(0.2),
        nn.Softplus(),
        nn.Tanh(),
        nn.Flatten(),
        nn.BatchNorm1d(256),
        nn.Linear(256, 10),
        nn.LayerNorm(10),
        nn.Sigmoid(),
    )
    windows = nn.Sequential(
        nn.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 0)),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.ReLU(),
        nn.ZeroPad2d((1, 0, 2, 1)),
        nn.Conv2d(4, 4, 3, groups=4, padding="same"),
        nn.ReLU(),
        nn.ZeroPad2d((0, 1, 1, 0)),
        nn.MaxPool2d(2),
        nn.AvgPool2d(3, 2, padding=1, count_include_pad=False),
        nn.Flatten(),
        nn.Linear(4 * 3 * 4, 10),
    )
    return [
        ("lenet", LeNet(), (28, 28, 1), "dynamo"),
        ("lenet-legacy", LeNet(), (28, 28, 1), "legacy"),
        ("lenet-external", LeNet(), (28, 28, 1), "external"),
        ("mlp", mlp, (28, 28, 1), "dynamo"),
        ("activations", activations, (28, 28, 1), "dynamo"),
        ("activations-legacy", activations, (28, 28, 1), "legacy"),
        ("windows", windows, (32, 32, 3), "dynamo"),
        ("vgg11", vgg11(1), (32, 32, 3), "dynamo"),
        ("resnet18", resnet18(1), (32, 32, 3), "dynamo"),
        ("squeezenet", squeezenet, (32, 32, 3), "dynamo"),
        ("densenet", densenet, (32, 32, 3), "dynamo"),
        ("mobilenet", inverted(0), (32, 32, 3), "dynamo"),
        ("efficientnet", inverted(2), (32, 32, 3), "legacy"),
        ("convnext", Shuffled(), (32, 32, 3), "dynamo"),
        ("autoencoder", Autoencoder(), (32, 32, 3), "dynamo"),
        ("growing", Growing(), (32, 32, 3), "dynamo"),
        ("growing-legacy", Growing(), (32, 32, 3), "legacy"),
        ("conv1d", conv1d, (1, 40, 2), "dynamo"),
        ("regressor", regressor, (13,), "dynamo"),
        ("resnet18-legacy", resnet18(1), (32, 32, 3), "legacy"),
    ]


def randomize(model):
    """Weights and statistics that make every layer's part of the result show."""
    import torch

    generator = torch.Generator().manual_seed(1)
    for name, tensor in model.state_dict().items():
        if not tensor.dtype.is_floating_point:
            continue
        noise = torch.rand(tensor.shape, generator=generator)
        fan_in = tensor[0].numel() if tensor.dim() > 1 else 1
        if name.endswith("running_var") or (name.endswith("weight") and tensor.dim() == 1):
            tensor.copy_(0.5 + noise)
        else:
            tensor.copy_((noise - 0.5) * 3.0 / fan_in**0.5)


def export_torch(folder):
    import torch

    for name, model, shape, how in torch_models():
        randomize(model)
        model.eval()
        image = torch.from_numpy(pixels(shape) / 255)
        if len(shape) == 3:
            image = image.permute(0, 3, 1, 2).contiguous()
        if name == "conv1d":
            image = image.squeeze(2)
        with torch.no_grad():
            logits = model(image).numpy()
        path = str(folder / f"{name}.onnx")
        if how == "legacy":
            # PRESERVE: batch norms stay as they are; else they become a part of convolutions.
            torch.onnx.export(
                model,
                (image,),
                path,
                dynamo=False,
                do_constant_folding=False,
                training=torch.onnx.TrainingMode.PRESERVE,
                input_names=["image"],
                dynamic_axes={"image": {0: "batch"}},
            )
        else:
            # In training mode dropout stays, without `optimize` batch norms do. By default weights lie in a
            # file beside the model.
            model.train()
            torch.onnx.export(
                model,
                (image,),
                path,
                dynamo=True,
                optimize=False,
                external_data=how == "external",
                verbose=False,
                input_names=["image"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
            )
            strip(path)
        write(folder, name, getattr(model, "end", ""), logits)


def strip(path):
    """Leaves out what PyTorch notes for people: stack traces, which are most of a small file."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    del model.graph.value_info[:]
    model.doc_string = ""
    for holder in [model, model.graph, *model.graph.node, *model.graph.initializer]:
        if hasattr(holder, "metadata_props"):
            del holder.metadata_props[:]
        holder.doc_string = ""
    for value in [*model.graph.input, *model.graph.output]:
        del value.metadata_props[:]
    onnx.save(model, path)


def export_keras(folder, is_archive=False):
    """Keras folds batch norms into convolutions when it exports: what is left are scales and shifts."""
    import keras
    from keras import layers

    def block(x, filters, stride):
        shortcut = x
        if stride != 1 or x.shape[-1] != filters:
            shortcut = layers.Conv2D(filters, 1, strides=stride)(x)
            shortcut = layers.BatchNormalization()(shortcut)
        x = layers.Conv2D(filters, 3, strides=stride, padding="same")(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
        x = layers.Conv2D(filters, 3, padding="same")(x)
        x = layers.BatchNormalization()(x)
        return layers.Activation("relu")(layers.Add()([x, shortcut]))

    def residual():
        image = keras.Input((32, 32, 3))
        x = layers.ZeroPadding2D(1)(layers.Rescaling(1 / 255)(image))
        x = layers.Conv2D(4, 3, strides=2, use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization()(x))
        x = block(block(x, 4, 1), 6, 2)
        x = layers.GlobalAveragePooling2D()(x)
        return keras.Model(image, layers.Dense(10, activation="softmax")(x))

    def cnn():
        return keras.Sequential(
            [
                keras.Input((28, 28, 1)),
                layers.Rescaling(1 / 255),
                layers.Conv2D(4, 3, padding="same", activation="silu"),
                layers.MaxPooling2D(2),
                layers.BatchNormalization(),
                layers.DepthwiseConv2D(3, strides=2, padding="same", activation="leaky_relu"),
                layers.AveragePooling2D(2, padding="same"),
                layers.Flatten(),
                layers.Dense(12, activation="tanh"),
                layers.Dropout(0.5),
                layers.Dense(10),
            ]
        )

    def norms():
        """Layer norms, which Keras spells out: of channels, of rows, with and without scale and shift."""
        image = keras.Input((28, 28, 1))
        x = layers.Rescaling(1 / 255)(image)
        x = layers.Conv2D(6, 4, strides=4)(x)
        x = shortcut = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.DepthwiseConv2D(3, padding="same")(x)
        x = layers.LayerNormalization()(x)
        x = layers.Conv2D(6, 1, activation="gelu")(x)
        x = layers.Add()([x, shortcut])
        x = layers.LayerNormalization(scale=False, center=False)(x)
        x = layers.Conv2D(5, 1)(x)
        x = layers.Flatten()(layers.LayerNormalization(center=False)(x))
        x = layers.LayerNormalization(scale=False)(layers.Dense(12)(x))
        return keras.Model(image, layers.Dense(10)(layers.LayerNormalization()(x)))

    def rows():
        """What the others have not."""
        return keras.Sequential(
            [
                keras.Input((784,)),
                layers.Rescaling(1 / 255),
                layers.Dense(9, activation="gelu"),
                layers.LayerNormalization(),
                layers.Dense(8, activation="elu", use_bias=False),
                layers.LeakyReLU(0.1),
                layers.BatchNormalization(momentum=0.9),
                layers.Dense(7, activation="hard_silu"),
                layers.Dense(10, activation="softmax"),
            ]
        )

    def branches():
        image = keras.Input((28, 28, 1))
        x = layers.Conv2D(6, (3, 5), strides=(2, 1), name="a stem")(layers.Rescaling(1 / 255)(image))
        x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(((1, 0), (1, 1)))(layers.ReLU()(x)))
        one = layers.Conv2D(4, 3, padding="same", groups=2, activation="relu6")(x)
        two = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="mish")(x)
        x = layers.Concatenate()([one, two])
        x = layers.Multiply()([x, layers.Conv2D(16, 1, activation="sigmoid")(x)])
        return keras.Model(image, layers.Dense(10)(layers.Flatten()(layers.ELU(0.5)(x))))

    models = [("keras-cnn", cnn(), ""), ("keras-resnet", residual(), "softmax"), ("keras-norms", norms(), "")]
    if is_archive:
        models = [(f"archive-{name[6:]}", *others) for name, *others in models]
        models += [("archive-rows", rows(), "softmax"), ("archive-branches", branches(), "")]
    for name, model, end in models:
        generator = numpy.random.default_rng(1)
        for weight in model.weights:
            noise = generator.random(weight.shape, dtype=numpy.float32)
            fan_in = numpy.prod(weight.shape[:-1]) if len(weight.shape) > 1 else 1
            is_scale = weight.name in ("gamma", "moving_variance")
            weight.assign(0.5 + noise if is_scale else (noise - 0.5) * 3 / fan_in**0.5)
        # The models scale bytes themselves.
        logits = numpy.asarray(model(pixels(model.input_shape[1:])))
        if is_archive:
            model.save(folder / f"{name}.keras")
        else:
            model.export(str(folder / f"{name}.onnx"), format="onnx", verbose=False)
        write(folder, name, end, logits)


def main():
    warnings.filterwarnings("ignore")
    exporter, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    exporters = {
        "torch": export_torch,
        "keras": export_keras,
        "keras-archives": lambda folder: export_keras(folder, is_archive=True),
    }
    exporters[exporter](folder)


if __name__ == "__main__":
    main()
