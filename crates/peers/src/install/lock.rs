//! The locks: exact versions and hashes of every wheel, made by `scripts/lock.py`.

use std::{env::consts, fmt, str::FromStr};

use laptime_workload::Shown;

use super::{InstallError, Python};
use crate::Framework;

/// The packages of a framework for a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// Which packages, where a framework has several.
    pub variant: Variant,
    /// For which platform: `linux-x86_64`.
    pub platform: &'static str,
    /// Requirements as pip reads them, with a head of comments.
    pub text: &'static str,
}

/// The packages of a framework that has several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// What the package index gives for this platform.
    Default,
    /// For processors alone: a small download.
    Cpu,
    /// With CUDA's libraries.
    Cuda,
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        })
    }
}

impl FromStr for Variant {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let all = [Self::Default, Self::Cpu, Self::Cuda];
        let found = all.into_iter().find(|variant| variant.to_string() == name);
        found.ok_or_else(|| "give default, cpu or cuda".into())
    }
}

impl Lock {
    /// The largest download that any Python needs.
    pub fn download_bytes(&self) -> u64 {
        let text = self.head("download_bytes").unwrap_or_default();
        text.parse().unwrap_or(0)
    }

    /// The Pythons for which there are wheels: `3.11`.
    pub(crate) fn pythons(&self) -> Vec<&'static str> {
        self.head("python").unwrap_or_default().split(' ').collect()
    }

    /// Tells whether there are wheels for this Python.
    pub(crate) fn check_python(
        &self,
        framework: &Framework,
        python: &Python,
    ) -> Result<(), InstallError> {
        let known = self.pythons();
        let version = python.version_text();
        if known.contains(&version.as_str()) {
            return Ok(());
        }
        Err(InstallError::Unsupported(format!(
            "{} is Python {version}, for which no wheels of {} are locked; name a Python {} with \
             --python",
            Shown(&python.path),
            framework.title,
            known.join(" or ")
        )))
    }

    /// The value of `# name: value` in the head.
    fn head(&self, name: &str) -> Option<&'static str> {
        self.text.lines().find_map(|line| {
            let (key, value) = line.strip_prefix("# ")?.split_once(": ")?;
            (key == name).then_some(value)
        })
    }
}

/// The platform that this program was built for: `linux-x86_64`.
pub fn platform() -> &'static str {
    match (consts::OS, consts::ARCH) {
        ("linux", "x86_64") => "linux-x86_64",
        ("linux", "aarch64") => "linux-aarch64",
        ("macos", "aarch64") => "macos-aarch64",
        ("windows", "x86_64") => "windows-x86_64",
        _ => "this platform",
    }
}

/// The lock of a framework's variant for a platform.
pub(crate) fn find(
    framework: &'static Framework,
    variant: Variant,
    platform: &str,
) -> Result<&'static Lock, InstallError> {
    let locks = framework.locks;
    let found = locks
        .iter()
        .find(|lock| lock.variant == variant && lock.platform == platform);
    found.ok_or_else(|| {
        let title = framework.title;
        let platforms: Vec<String> = locks
            .iter()
            .map(|lock| match lock.variant {
                Variant::Default => lock.platform.to_owned(),
                variant => format!("{} ({variant})", lock.platform),
            })
            .collect();
        let wanted = match variant {
            Variant::Default => String::new(),
            variant => format!(" ({variant})"),
        };
        InstallError::Unsupported(format!(
            "no wheels of {title}{wanted} are locked for {platform}, only for {}; {} can name a \
             Python that has it",
            platforms.join(", "),
            framework.variable
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FRAMEWORKS;

    #[test]
    fn every_lock_has_hashes_and_a_head() {
        for framework in FRAMEWORKS {
            for lock in framework.locks {
                let name = format!("{} for {}", framework.name, lock.platform);
                assert!(lock.download_bytes() > 1 << 20, "{name}");
                assert!(
                    lock.head("python").is_some_and(|text| text.contains("3.1")),
                    "{name}"
                );
                let packages = lock
                    .text
                    .lines()
                    .filter(|line| line.contains("==") && !line.starts_with('#'));
                let requirements: Vec<&str> = packages.collect();
                assert!(
                    requirements
                        .iter()
                        .any(|line| line.starts_with(framework.package)),
                    "{name}"
                );
                // pip would refuse the whole lock, but only on the user's machine.
                assert!(
                    requirements.iter().all(|line| line.ends_with('\\')),
                    "{name}"
                );
                assert!(
                    lock.text.matches("--hash=sha256:").count() >= requirements.len(),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn a_platform_without_wheels_is_told() {
        let error = find(&crate::MLX, Variant::Default, "windows-x86_64").expect_err("none");
        let text = error.to_string();
        assert!(
            text.starts_with("no wheels of MLX are locked for windows-x86_64"),
            "{text}"
        );
        assert!(text.contains("LAPTIME_PEER_MLX"), "{text}");
    }
}
