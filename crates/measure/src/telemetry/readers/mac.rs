//! The kinds of cores of a Mac: performance level 0 is the fastest. (sysctl(3), `hw.perflevelN`)

use super::files;
use crate::topology::{Processor, Topology};

/// What there is.
#[cfg(target_os = "macos")]
pub(crate) fn topology() -> Option<Topology> {
    let names = (0..3).flat_map(|level| {
        ["physicalcpu", "logicalcpu"].map(|what| format!("hw.perflevel{level}.{what}"))
    });
    // A level that this Mac does not have is an error among the others' answers.
    let told = std::process::Command::new("/usr/sbin/sysctl")
        .args(names)
        .stdin(std::process::Stdio::null())
        .output()
        .ok()?;
    of(&String::from_utf8_lossy(&told.stdout))
}

/// The topology that lines of "hw.perflevel0.physicalcpu: 8" tell.
fn of(text: &str) -> Option<Topology> {
    // More than any Mac has.
    const MOST: u32 = 1 << 10;
    let mut processors = Vec::new();
    for level in 0..3 {
        let count = |what| files::value::<u32>(text, &format!("hw.perflevel{level}.{what}"));
        let (Some(cores), Some(threads)) = (count("physicalcpu"), count("logicalcpu")) else {
            break;
        };
        if cores == 0 || cores > MOST || threads > MOST {
            break;
        }
        let first = processors.len() as u32;
        processors.extend((0..threads).map(|thread| Processor {
            number: first + thread,
            core: first + thread % cores,
            node: None,
            speed: Some(0.5_f64.powi(level)),
        }));
    }
    Topology::of(&processors, |_| true, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_has_levels() {
        let text = "hw.perflevel0.physicalcpu: 8\nhw.perflevel0.logicalcpu: 8\n\
                    hw.perflevel1.physicalcpu: 4\nhw.perflevel1.logicalcpu: 4\n";
        let topology = of(text).unwrap();
        assert_eq!(
            topology.to_string(),
            "8 performance + 4 efficiency cores, 1 thread a core at most"
        );
        assert_eq!(of(""), None);
        let huge = "hw.perflevel0.physicalcpu: 4294967295\nhw.perflevel0.logicalcpu: 4294967295\n";
        assert_eq!(of(huge), None);
    }
}
