//! Joins the pages' scripts into one file and gives script and style names that carry their hash, so that
//! browsers may keep them for ever. Both are also packed here, once, instead of at every request.

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::{env, fs, io::Write, path::Path, process::ExitCode};

/// In this order: the library, its two extensions, then ours, which sets them up.
const SCRIPTS: [&str; 4] = [
    "node_modules/htmx.org/dist/htmx.min.js",
    "node_modules/htmx-ext-sse/dist/sse.min.js",
    "node_modules/idiomorph/dist/idiomorph-ext.min.js",
    "assets/app.js",
];
const STYLES: [&str; 5] =
    ["assets/tokens.css", "assets/frame.css", "assets/parts.css", "assets/pages.css", "assets/media.css"];

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=node_modules/.package-lock.json");
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("cargo::error={why}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let script = joined(&SCRIPTS)?;
    let style = joined(&STYLES)?;
    let icon = joined(&["assets/icon.svg"])?;
    let mut names = String::new();
    for (constant, stem, ending, content) in
        [("SCRIPT", "app", "js", &script), ("STYLE", "app", "css", &style), ("ICON", "icon", "svg", &icon)]
    {
        let hash: String = Sha256::digest(content).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        write(ending, content)?;
        write(&format!("{ending}.gz"), &packed(content)?)?;
        names.push_str(&format!("pub const {constant}_NAME: &str = \"{stem}-{hash}.{ending}\";\n"));
    }
    write("names.rs", names.as_bytes())
}

fn joined(paths: &[&str]) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    for path in paths {
        println!("cargo::rerun-if-changed={path}");
        all.extend(fs::read(path).map_err(|error| match path.starts_with("node_modules") {
            true => format!("web/{path} is missing: run `npm ci` in the folder web, then build again"),
            false => format!("web/{path} cannot be read: {error}"),
        })?);
        all.push(b'\n');
    }
    Ok(all)
}

fn packed(content: &[u8]) -> Result<Vec<u8>, String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder
        .write_all(content)
        .and_then(|()| encoder.finish())
        .map_err(|error| format!("packing failed: {error}"))
}

fn write(name: &str, content: &[u8]) -> Result<(), String> {
    let folder = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set; build with cargo")?;
    fs::write(Path::new(&folder).join(name), content)
        .map_err(|error| format!("{name} cannot be written: {error}"))
}
