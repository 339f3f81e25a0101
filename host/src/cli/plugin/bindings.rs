//! `tenterhook plugin bindings`: C declarations of a project's world, for those who have no `wit-bindgen`.

use std::path::PathBuf;

use anyhow::Context as _;
use wit_bindgen_core::Files;

use super::wit::WorldAt;
use crate::cli::out;

/// Bindings to write.
#[derive(Clone, Debug)]
pub struct BindingsRequest {
    /// The world.
    pub world: WorldAt,
    /// The folder to write into; what is there under the same names is replaced.
    pub folder: PathBuf,
}

/// Writes `WORLD.h`, `WORLD.c`, and `WORLD_component_type.o`, which tells the linked module's world.
///
/// # Errors
/// The world cannot be read, or the folder not written.
pub(super) fn bindings(request: &BindingsRequest) -> anyhow::Result<()> {
    let (mut resolve, world) = request.world.read()?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default()
        .build()
        .generate(&mut resolve, world, &mut files)
        .context("cannot make bindings of this world")?;
    let unwritable = || format!("cannot write into {}", request.folder.display());
    std::fs::create_dir_all(&request.folder).with_context(unwritable)?;
    let mut names = Vec::new();
    for (name, content) in files.iter() {
        std::fs::write(request.folder.join(name), content).with_context(unwritable)?;
        names.push(name);
    }
    out::line(&format!("{} in {}", names.join(", "), request.folder.display()))
}
