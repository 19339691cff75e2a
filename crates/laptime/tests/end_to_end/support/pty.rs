//! A pseudo-terminal to run the program on.

use std::{
    fs::File,
    io::Read,
    process::{Child, Command, Stdio},
};

use nix::pty::{Winsize, openpty};

/// A program whose standard output and standard error are a terminal.
pub struct OnTerminal {
    pub child: Child,
    screen: File,
    shown: Vec<u8>,
}

/// Starts a program on a terminal of so many columns, and 24 rows.
pub fn on_terminal(command: Command, columns: u16) -> OnTerminal {
    on_terminal_of(command, columns, 24)
}

/// The same with so many rows.
pub fn on_terminal_of(mut command: Command, columns: u16, rows: u16) -> OnTerminal {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let terminal = openpty(Some(&size), None).expect("Linux has pseudo-terminals");
    let end = || Stdio::from(terminal.slave.try_clone().expect("it can be shared"));
    let child = command.stdout(end()).stderr(end()).spawn();
    // `command` and the slave end here: when the child's ends close too, the screen ends.
    OnTerminal {
        child: child.expect("the program starts"),
        screen: terminal.master.into(),
        shown: Vec::new(),
    }
}

impl OnTerminal {
    /// All that is shown until these words are, or the program ends.
    pub fn shown_until(&mut self, words: &str) -> String {
        let mut piece = [0; 4096];
        loop {
            let shown = String::from_utf8_lossy(&self.shown);
            if !words.is_empty() && shown.contains(words) {
                return shown.into_owned();
            }
            // A terminal that nobody writes to any more ends with an error.
            match self.screen.read(&mut piece) {
                Ok(read @ 1..) => self.shown.extend(&piece[..read]),
                _ => return String::from_utf8_lossy(&self.shown).into_owned(),
            }
        }
    }

    /// All that is shown, and the exit code.
    pub fn end(mut self) -> (String, Option<i32>) {
        let shown = self.shown_until("");
        (shown, self.child.wait().expect("it ends").code())
    }
}
