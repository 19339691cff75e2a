//! The workloads that are built in, and the spec to start from.

use crate::{choices::is_name, foreign, spec::Spec, suggest::UnknownName};

/// A workload that needs no file.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// Its name on the command line and in records.
    pub name: &'static str,
    /// What it is, in a line.
    pub summary: &'static str,
    /// Its spec.
    pub text: &'static str,
}

/// All built-in workloads, in the order that lists show them; the first is the default.
pub const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "fashion-mnist",
        summary: "a net of one hidden layer (101,770 parameters) on 60,000 images of 28×28",
        text: include_str!("../workloads/fashion-mnist.toml"),
    },
    Builtin {
        name: "cifar10-resnet50",
        summary: "ResNet50 (23,608,202 parameters) on 50,000 colour images of 32×32",
        text: include_str!("../workloads/cifar10-resnet50.toml"),
    },
    Builtin {
        name: "cifar100-resnet50",
        summary: "the same ResNet50 with 100 classes (23,792,612 parameters), for sweeps",
        text: include_str!("../workloads/cifar100-resnet50.toml"),
    },
];

impl Builtin {
    /// The built-in workload of this name.
    pub fn find(name: &str) -> Result<&'static Self, UnknownName> {
        let found = BUILTINS.iter().find(|builtin| builtin.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = BUILTINS.iter().map(|builtin| builtin.name).collect();
            UnknownName::new("workload", name, &names, &foreign::WORKLOADS)
        })
    }

    /// Its spec, parsed.
    pub fn spec(&self) -> Spec {
        let file_name = format!("{}.toml", self.name);
        Spec::parse(self.text, &file_name).expect("a test parses every built-in workload")
    }
}

const STARTER: &str = include_str!("../workloads/starter.toml");

/// A spec to start from, commented, under this name; where a workload cannot have the name, under
/// another.
pub fn starter(name: &str) -> String {
    let name = if is_name(name) { name } else { "net" };
    STARTER.replacen("\"starter\" ", &format!("\"{name}\" "), 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Overrides;

    #[test]
    fn the_starter_is_a_workload_of_the_name_asked_for() {
        for (asked, name) in [
            ("mine", "mine"),
            ("my net", "net"),
            ("", "net"),
            ("\"", "net"),
        ] {
            let spec = Spec::parse(&starter(asked), "net.toml").unwrap();
            assert_eq!(spec.resolve(&Overrides::default()).unwrap().name, name);
        }
    }
}
