//! The files that the binary has for projects: their templates, the Rust SDK, the interface.

/// Name and content of each file, in the order of the names: `templates/…`, `sdk/…`, `wit/…`; see `build.rs`.
static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/embedded_files.rs"));

/// The files below a folder: their names in it, and their contents.
pub(super) fn below(folder: &str) -> impl Iterator<Item = (&'static str, &'static str)> + use<'_> {
    FILES.iter().filter_map(move |(name, content)| {
        let inside = name.strip_prefix(folder)?.strip_prefix('/')?;
        Some((inside, *content))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_and_the_sdk_are_there_whole() {
        let wit: Vec<_> = below("wit").collect();
        assert!(wit.iter().any(|(name, text)| *name == "tenterhook.wit" && text.contains("interface describe")));
        let sdk: Vec<_> = below("sdk").map(|(name, _)| name).collect();
        assert!(sdk.contains(&"Cargo.toml") && sdk.contains(&"src/lib.rs"), "{sdk:?}");
        assert_eq!(below("wi").count(), 0, "a folder's name counts whole");
    }
}
