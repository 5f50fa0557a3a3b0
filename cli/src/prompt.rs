//! A secret from a person or a pipe: from a file, from standard input, or typed without being shown.
//!
//! Begin with [`secret`]. Never from an argument: those are in the shell's history and in the list of processes.

use crate::failure::{Code, Failure};
use crate::note;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrets::Secret;
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// Longest secret accepted, in bytes.
pub const SECRET_BYTES_MAX: usize = handover::limits::VALUE_BYTES_MAX;

/// The secret without white space around it.
pub fn secret(name: &str, file: Option<&Path>) -> Result<Secret<Vec<u8>>, Failure> {
    let content = match file {
        Some(path) => {
            let failed = |error: std::io::Error| {
                Failure::new(
                    Code::Usage,
                    format!("{}: {error}", path.display()),
                    "name a file with --file FILE",
                )
            };
            all(File::open(path).map_err(failed)?).map_err(failed)?
        }
        None if std::io::stdin().is_terminal() => {
            note!("{name} (it is not shown while you type), then Enter:");
            typed()?
        }
        None => all(std::io::stdin())?,
    };
    let length = content.trim_ascii().len();
    if length == 0 || length > SECRET_BYTES_MAX {
        let what = format!("the secret has {length} bytes, not 1 to {SECRET_BYTES_MAX}");
        return Err(Failure::new(Code::Usage, what, "type it, pipe it in, or name a file with --file FILE"));
    }
    Ok(Secret::new(content.trim_ascii().to_vec()))
}

/// Sized beforehand, so that no copy is left behind by a growing buffer.
fn all(from: impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut content = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX + 2));
    from.take(SECRET_BYTES_MAX as u64 + 1).read_to_end(&mut content)?;
    Ok(content)
}

/// The terminal as it was before, put back whatever happens.
struct Quiet(Termios);

impl Quiet {
    /// Nothing typed is shown, and each key arrives at once, Ctrl-C among them: so the terminal is put back even then.
    fn begin() -> std::io::Result<Self> {
        let before = tcgetattr(std::io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0).is_err() {
            note!("The terminal may not show what you type; `stty sane` mends that.");
        }
    }
}

fn typed() -> Result<Zeroizing<Vec<u8>>, Failure> {
    const INTERRUPT: u8 = 3;
    const END: u8 = 4;
    let _quiet = Quiet::begin()?;
    let mut content = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX + 1));
    for key in std::io::stdin().lock().bytes() {
        match key? {
            b'\r' | b'\n' | END => break,
            INTERRUPT => return Err(Failure::new(Code::Interrupted, "nothing was changed", "")),
            8 | 127 => {
                content.pop();
            }
            _ if content.len() > SECRET_BYTES_MAX => {}
            key => content.push(key),
        }
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_from_a_file_loses_the_space_around_it_and_has_a_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        std::fs::write(&path, "\n  ghp_abc \n").unwrap();
        assert_eq!(secret("x", Some(&path)).unwrap().expose(), b"ghp_abc");
        for content in [String::new(), " \n".into(), "x".repeat(SECRET_BYTES_MAX + 1)] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(secret("x", Some(&path)).unwrap_err().code, Code::Usage);
        }
        assert!(secret("x", Some(&folder.path().join("none"))).is_err());
    }
}
