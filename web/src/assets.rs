//! The one script, the one style file and the icon. Names carry the hash of the content, so they never go stale.

include!(concat!(env!("OUT_DIR"), "/names.rs"));

/// A file as it is served.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    pub content_type: &'static str,
    pub plain: &'static [u8],
    /// The same, packed with gzip.
    pub packed: &'static [u8],
}

/// The asset of this name; names of other builds are not known.
pub fn find(name: &str) -> Option<Asset> {
    Some(match name {
        SCRIPT_NAME => Asset {
            content_type: "text/javascript; charset=utf-8",
            plain: include_bytes!(concat!(env!("OUT_DIR"), "/js")),
            packed: include_bytes!(concat!(env!("OUT_DIR"), "/js.gz")),
        },
        STYLE_NAME => Asset {
            content_type: "text/css; charset=utf-8",
            plain: include_bytes!(concat!(env!("OUT_DIR"), "/css")),
            packed: include_bytes!(concat!(env!("OUT_DIR"), "/css.gz")),
        },
        ICON_NAME => Asset {
            content_type: "image/svg+xml",
            plain: include_bytes!(concat!(env!("OUT_DIR"), "/svg")),
            packed: include_bytes!(concat!(env!("OUT_DIR"), "/svg.gz")),
        },
        _ => return None,
    })
}
