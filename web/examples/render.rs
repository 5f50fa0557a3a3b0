//! Draws all sample pages into a folder, with the style and script beside them: `cargo run --example render DIR`.

#[path = "../tests/web/sample/mod.rs"]
mod sample;

use std::{env, fs, path::PathBuf};

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "pages".into()));
    fs::create_dir_all(folder.join("assets"))?;
    for name in [web::assets::SCRIPT_NAME, web::assets::STYLE_NAME, web::assets::ICON_NAME] {
        if let Some(asset) = web::assets::find(name) {
            fs::write(folder.join("assets").join(name), asset.plain)?;
        }
    }
    for (name, html) in sample::all(&|text: &str| text.to_owned()) {
        fs::write(folder.join(format!("{name}.html")), html.replace("\"/assets/", "\"assets/"))?;
    }
    println!("drawn into {}", folder.display());
    Ok(())
}
