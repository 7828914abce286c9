//! Standard output as the place of a table. A reader that went away, as `head` does, is no error: what is written
//! after that goes nowhere. Never a word of that to anybody.

use std::io::{self, ErrorKind, Write};

/// Standard output.
#[derive(Default)]
pub struct Stdout {
    reader_is_gone: bool,
}

impl Stdout {
    fn unless_gone<T>(&mut self, done: io::Result<T>, pretended: T) -> io::Result<T> {
        match done {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.reader_is_gone = true;
                Ok(pretended)
            }
            done => done,
        }
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.reader_is_gone {
            return Ok(bytes.len());
        }
        let done = io::stdout().write(bytes);
        self.unless_gone(done, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = if self.reader_is_gone { Ok(()) } else { io::stdout().flush() };
        self.unless_gone(done, ())
    }
}
