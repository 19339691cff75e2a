//! `laptime man`: the manual page.

use std::io;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::{args::Args, failure::Failure, output};

/// Prints the page of the program and behind it those of all verbs, as one file.
pub fn man() -> Result<(), Failure> {
    let page = page()
        .map_err(|error| Failure::Failed(format!("the manual page cannot be written: {error}")))?;
    output::print_bytes(&page)
}

fn page() -> io::Result<Vec<u8>> {
    let mut command = Args::command().disable_help_subcommand(true);
    // Gives the verbs their full names and the global options.
    command.build();
    let mut page = Vec::new();
    append(&command, &mut page)?;
    Ok(page)
}

fn append(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    Man::new(command.clone()).render(page)?;
    command
        .get_subcommands()
        .try_for_each(|verb| append(verb, page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_every_verb_with_its_options() {
        let page = String::from_utf8(page().expect("a vector takes it")).expect("UTF-8");
        for verb in Args::command().get_subcommands() {
            let title = format!(".TH laptime-{} 1", verb.get_name());
            assert!(page.contains(&title), "{title}: {page}");
        }
        assert!(page.contains(".TH laptime-records-list 1"), "{page}");
        assert!(page.contains("\\-\\-until"), "{page}");
        assert!(!page.contains("child"), "{page}");
    }
}
