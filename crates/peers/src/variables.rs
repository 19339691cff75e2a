//! The environment variables of a peer. Frameworks, their libraries, compilers and allocators read
//! hundreds of them, and any may change what is computed, or with which kernels, behind the back of the
//! verdict and the record. So what may pass is listed here, and nothing else passes. Configuration
//! files (`~/.keras/keras.json` and others) are kept away by a home of the peer's own.

use std::{env, ffi::OsString, path::Path, process::Command};

/// What a peer gets as laptime has it: where programs and libraries are, which devices may be seen, and
/// the language of messages.
pub(crate) const PASSED: &[&str] = &[
    // Programs: PyTorch's compiler looks for a C++ compiler, which has its own places of libraries.
    "PATH",
    "CPATH",
    "LIBRARY_PATH",
    // Libraries.
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "NIX_LD",
    "NIX_LD_LIBRARY_PATH",
    "CUDA_HOME",
    "CUDA_PATH",
    // Which devices may be seen; the peer reports those that it has found.
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    // Many AMD cards are not found without it.
    "HSA_OVERRIDE_GFX_VERSION",
    "JAX_PLATFORMS",
    // Temporary files.
    "TMPDIR",
    "TEMP",
    "TMP",
    // The language of messages, and how paths are encoded.
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "TZ",
    // Libraries ask for the user's name, and containers may have no other place for it.
    "USER",
    "LOGNAME",
    "USERNAME",
    // Windows starts no program and finds no compiler without these.
    "COMSPEC",
    "PATHEXT",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "WINDIR",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "PROGRAMFILES(X86)",
    "NUMBER_OF_PROCESSORS",
    "PROCESSOR_ARCHITECTURE",
];

/// How laptime's own variables begin, which no framework reads.
const OWN: &str = "LAPTIME_";

/// Where programs look for the user's configuration.
const HOMES: [&str; 4] = ["HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"];

/// Gives a program the variables that may pass, and this folder as the user's home.
pub(crate) fn limit(program: &mut Command, home: &Path) {
    program.env_clear();
    program.envs(env::vars_os().filter(|(name, _)| passes(name)));
    for variable in HOMES {
        program.env(variable, home);
    }
}

fn passes(name: &OsString) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let is_same = |passed: &&str| match cfg!(windows) {
        true => passed.eq_ignore_ascii_case(name),
        false => *passed == name,
    };
    name.starts_with(OWN) || PASSED.iter().any(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_what_is_computed_does_not_pass() {
        for name in [
            "ATEN_CPU_CAPABILITY",
            "DNNL_MAX_CPU_ISA",
            "GLIBC_TUNABLES",
            "HOME",
            "JAX_DEFAULT_DTYPE_BITS",
            "JAX_DISABLE_JIT",
            "JAX_ENABLE_X64",
            "KERAS_HOME",
            "KMP_AFFINITY",
            "LD_PRELOAD",
            "MKL_NUM_THREADS",
            "OMP_NUM_THREADS",
            "ONEDNN_DEFAULT_FPMATH_MODE",
            "OPENBLAS_CORETYPE",
            "PYTHONPATH",
            "TF_ENABLE_ONEDNN_OPTS",
            "TORCHDYNAMO_DISABLE",
            "TORCHINDUCTOR_MAX_AUTOTUNE",
            "XDG_CONFIG_HOME",
            "XLA_FLAGS",
        ] {
            assert!(!passes(&name.into()), "{name}");
        }
        for name in ["PATH", "CUDA_VISIBLE_DEVICES", "LAPTIME_PEER_TIMEOUT_S"] {
            assert!(passes(&name.into()), "{name}");
        }
    }
}
