//! What PyTorch, Keras and papers call things, so that a spec written from memory of them gets laptime's
//! name, or is told that laptime does not have it.
//!
//! Names are in lower case without separators, as [`crate::suggest`] compares them.

/// Names of others for what stands in one list of ours.
pub struct Foreign {
    /// Their names, and ours; of several the first that the list has.
    pub renamed: &'static [(&'static [&'static str], &'static [&'static str])],
    /// Their names, and what to do instead.
    pub instead: &'static [(&'static [&'static str], &'static str)],
    /// What everybody knows and laptime does not have.
    pub absent: &'static [&'static str],
}

pub(crate) const NONE: Foreign = Foreign {
    renamed: &[],
    instead: &[],
    absent: &[],
};

pub(crate) const WORKLOADS: Foreign = Foreign {
    renamed: &[
        (&["fmnist", "fashion"], &["fashion-mnist"]),
        (
            &["cifar", "cifar10", "resnet", "resnet50"],
            &["cifar10-resnet50"],
        ),
        (&["cifar100"], &["cifar100-resnet50"]),
    ],
    instead: &[(
        &["mnist"],
        "take \"fashion-mnist\": as many images of the same size, of clothes instead of digits",
    )],
    absent: &["imagenet", "resnet18", "bert", "gpt2"],
};

pub(crate) const LAYERS: Foreign = Foreign {
    renamed: &[
        (&["linear", "fc", "fullyconnected", "gemm"], &["dense"]),
        (&["conv", "convolution", "convolution2d"], &["conv2d"]),
        (
            &[
                "convtranspose2d",
                "convtranspose",
                "deconv",
                "deconvolution",
            ],
            &["conv2d_transpose"],
        ),
        (
            &["batchnorm2d", "batchnorm1d", "batchnormalization", "bn"],
            &["batch_norm"],
        ),
        (&["layernormalization", "ln"], &["layer_norm"]),
        (&["maxpool2d", "maxpooling", "maxpooling2d"], &["max_pool"]),
        (
            &["avgpool2d", "averagepool", "averagepooling2d"],
            &["avg_pool"],
        ),
        (
            &[
                "globalaveragepool",
                "globalaveragepooling2d",
                "adaptiveavgpool2d",
                "gap",
            ],
            &["global_avg_pool"],
        ),
        (&["addition", "sum", "residual"], &["add"]),
        (&["concatenate", "cat"], &["concat"]),
        (
            &["upsampling2d", "upsampling", "interpolate", "resize"],
            &["upsample"],
        ),
        (&["mul", "times"], &["multiply"]),
        (&["embed", "lookup"], &["embedding"]),
        (&["swish"], &["silu"]),
        (&["gelunew", "newgelu"], &["gelu_tanh"]),
        (&["logistic"], &["sigmoid"]),
    ],
    instead: &[
        (
            &["dropout2d", "spatialdropout2d", "alphadropout", "dropout1d"],
            "the nearest is \"dropout\", which drops single values, not whole channels",
        ),
        (
            &["softmax", "logsoftmax"],
            "leave it out: the loss \"softmax-cross-entropy\" has the softmax",
        ),
        (
            &["depthwiseconv2d", "depthwiseconv"],
            "write a \"conv2d\" with groups and filters as many as the channels",
        ),
        (
            &[
                "conv1d",
                "maxpool1d",
                "avgpool1d",
                "averagepooling1d",
                "maxpooling1d",
            ],
            "write the layer of images, with a kernel, a stride and a padding that are 1, 1 and 0 in height",
        ),
        (
            &["input", "inputlayer"],
            "leave it out: the first layer reads the input",
        ),
    ],
    absent: &[
        "celu",
        "selu",
        "hardtanh",
        "logsigmoid",
        "softsign",
        "prelu",
        "glu",
        "swiglu",
        "lstm",
        "gru",
        "rnn",
        "simplernn",
        "bidirectional",
        "attention",
        "selfattention",
        "multiheadattention",
        "transformer",
        "groupnorm",
        "instancenorm",
        "rmsnorm",
        "conv3d",
        "separableconv2d",
        "globalmaxpool",
        "globalmaxpooling2d",
        "zeropadding2d",
        "reshape",
        "permute",
    ],
};

pub(crate) const OPTIMIZERS: Foreign = Foreign {
    renamed: &[(&["momentum", "sgdmomentum", "nesterov"], &["sgd"])],
    instead: &[],
    absent: &[
        "nadam",
        "radam",
        "adamax",
        "adagrad",
        "adadelta",
        "adafactor",
        "lamb",
        "lars",
        "lion",
        "muon",
        "lbfgs",
    ],
};

pub(crate) const RATE_SCHEDULES: Foreign = Foreign {
    renamed: &[
        (
            &["cosineannealinglr", "cosineannealing", "cosinedecay"],
            &["cosine"],
        ),
        (&["linearlr", "polynomialdecay"], &["linear"]),
        (&["steplr"], &["step"]),
    ],
    instead: &[
        (
            &["constant", "none", "constantlr"],
            "leave the table [schedule] out",
        ),
        (
            &["exponentialdecay"],
            "the nearest is \"step\", which is ExponentialDecay(staircase=True)",
        ),
    ],
    absent: &[
        "exponential",
        "exponentiallr",
        "lambdalr",
        "polynomiallr",
        "piecewiseconstantdecay",
        "onecycle",
        "onecyclelr",
        "multisteplr",
        "reducelronplateau",
        "cyclic",
        "cycliclr",
        "cosineannealingwarmrestarts",
        "cosinedecayrestarts",
        "inversetimedecay",
    ],
};

pub(crate) const INITIALIZERS: Foreign = Foreign {
    renamed: &[
        (
            &["kaimingnormal", "kaimingnormal_", "henorm", "msra"],
            &["he_normal"],
        ),
        (&["kaiminguniform", "kaiminguniform_"], &["he_uniform"]),
        (
            &["xavier", "xavieruniform", "xavieruniform_"],
            &["glorot_uniform"],
        ),
        (&["xaviernormal", "xaviernormal_"], &["glorot_normal"]),
        (&["randomnormal", "gaussian"], &["normal"]),
        (&["randomuniform"], &["uniform"]),
        (&["default", "torch"], &["pytorch"]),
    ],
    instead: &[],
    absent: &[
        "orthogonal",
        "truncatednormal",
        "variancescaling",
        "zeros",
        "ones",
        "constant",
        "identity",
        "sparse",
    ],
};

pub(crate) const LOSSES: Foreign = Foreign {
    renamed: &[
        (
            &[
                "crossentropy",
                "crossentropyloss",
                "categoricalcrossentropy",
                "sparsecategoricalcrossentropy",
                "softmaxcrossentropywithlogits",
            ],
            &["softmax-cross-entropy"],
        ),
        (
            &["mse", "mseloss", "meansquarederror", "l2", "l2loss"],
            &["mean-squared-error"],
        ),
    ],
    instead: &[],
    absent: &[
        "mae",
        "l1",
        "l1loss",
        "huber",
        "hinge",
        "bce",
        "bceloss",
        "bcewithlogitsloss",
        "binarycrossentropy",
        "nll",
        "nllloss",
        "kldivloss",
    ],
};

pub(crate) const PRECISIONS: Foreign = Foreign {
    renamed: &[
        (&["float32", "f32", "single", "float"], &["fp32"]),
        (&["bfloat16", "mixedbfloat16"], &["bf16"]),
    ],
    instead: &[],
    absent: &[
        "fp16",
        "f16",
        "float16",
        "half",
        "mixedfloat16",
        "tf32",
        "fp8",
        "fp64",
        "f64",
        "float64",
        "double",
    ],
};

pub(crate) const DATASETS: Foreign = Foreign {
    renamed: &[
        (&["fmnist", "fashion"], &["fashion-mnist"]),
        (&["cifar"], &["cifar-10"]),
    ],
    instead: &[],
    absent: &["mnist", "kmnist", "emnist", "imagenet", "svhn", "stl10"],
};

pub(crate) const KEYS: Foreign = Foreign {
    renamed: &[
        (&["lr"], &["learning_rate"]),
        (&["betas"], &["beta1"]),
        (&["eps"], &["epsilon"]),
        (&["rho"], &["alpha"]),
        (&["wd"], &["weight_decay"]),
        (&["outfeatures"], &["units"]),
        (&["outchannels", "channels"], &["filters"]),
        (&["kernelsize"], &["kernel", "size"]),
        (&["poolsize", "kernel", "window"], &["size"]),
        (&["size"], &["kernel"]),
        (&["strides"], &["stride"]),
        (&["dilationrate", "dilations"], &["dilation"]),
        (&["pad"], &["padding"]),
        (&["usebias"], &["bias"]),
        (&["p", "prob", "probability"], &["rate"]),
        (&["negativeslope", "alpha"], &["slope", "final_share"]),
        (
            &[
                "scheduler",
                "lrscheduler",
                "lrschedule",
                "learningrateschedule",
            ],
            &["schedule"],
        ),
        (&["tmax", "totaliters"], &["decay_steps"]),
        (&["stepsize"], &["every_steps"]),
        (&["gamma", "decayrate"], &["factor"]),
        (&["warmup"], &["warmup_steps"]),
        (&["smoothing", "labelsmooth"], &["label_smoothing"]),
        (&["dropremainder"], &["drop_last"]),
        (
            &[
                "globalclipnorm",
                "maxnorm",
                "maxgradnorm",
                "gradientclipval",
            ],
            &["global_clip_norm"],
        ),
        (
            &[
                "trainmicrobatchsizepergpu",
                "perdevicetrainbatchsize",
                "microbatch",
            ],
            &["micro_batch_size"],
        ),
        (&["type", "op"], &["kind"]),
        (&["input"], &["inputs"]),
    ],
    instead: &[
        (
            &["clipnorm", "clipvalue"],
            "laptime clips by the norm of all gradients together: global_clip_norm = 1.0 in [optimizer]",
        ),
        (
            &["kernelregularizer", "l2", "l2regularization"],
            "an L2(c) of kernels is weight_decay = 2c and weights_only = true in [optimizer] of kind \"sgd\"",
        ),
        (
            &[
                "gradientaccumulationsteps",
                "accumulationsteps",
                "accumulategradbatches",
            ],
            "write batch_size, the samples of a whole step, and micro_batch_size, those whose gradients are made \
             at once: their quotient is the number of accumulated micro-batches",
        ),
        (
            &["scheduler", "lrscheduler"],
            "write a table [schedule]: laptime workloads --layers lists its kinds",
        ),
        (
            &["activation"],
            "write the activation as a layer of its own after this one: kind = \"relu\", \
             \"gelu\" and others; a softmax at the end is left out, because the loss has it",
        ),
        (
            &[
                "inchannels",
                "infeatures",
                "inputshape",
                "inputdim",
                "numfeatures",
            ],
            "leave it out: laptime takes it from the layer before",
        ),
    ],
    absent: &[
        "dampening",
        "paddingmode",
        "ceilmode",
        "kernelinitializer",
        "validationsplit",
    ],
};
