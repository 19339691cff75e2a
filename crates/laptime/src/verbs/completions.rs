//! `laptime completions`: what a shell needs to complete the command line.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::{args::Args, failure::Failure, output};

/// Prints the script of a shell.
pub fn completions(shell: Shell) -> Result<(), Failure> {
    output::print_bytes(&script(shell))
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    generate(shell, &mut Args::command(), "laptime", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_completes_every_verb_and_not_the_one_of_laptime_itself() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell)).expect("clap writes UTF-8");
            let has = |name: &str| {
                let mut words = script.split(|c: char| !c.is_alphanumeric());
                words.any(|word| word == name)
            };
            for verb in Args::command().get_subcommands() {
                assert!(has(verb.get_name()), "{shell}: {}", verb.get_name());
            }
            assert!(!has("child"), "{shell}");
        }
    }
}
