//! What `tenterhook plugin new` writes: the files of a project, by language and export.

use std::str::FromStr;

use super::files;
use super::role::Role;

/// A language that projects can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Rust, with the SDK.
    Rust,
    /// JavaScript, run by QuickJS inside the component.
    JavaScript,
    /// Python, run by CPython inside the component.
    Python,
    /// C.
    C,
    /// Go.
    Go,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Rust, Self::JavaScript, Self::Python, Self::C, Self::Go];

    /// Its word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "js",
            Self::Python => "python",
            Self::C => "c",
            Self::Go => "go",
        }
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = || Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|language| language.name() == text)
            .ok_or_else(|| format!("write one of {}", words()))
    }
}

/// The name of a project: words of small letters and digits, joined by hyphens. It serves as the plugin's name, and as
/// that of a crate or module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectName(String);

/// Longest name: it is a folder, and part of file names.
const NAME_BYTES_MAX: usize = 60;

impl ProjectName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn snake(&self) -> String {
        self.0.replace('-', "_")
    }

    fn pascal(&self) -> String {
        let word = |word: &str| word.get(..1).unwrap_or("").to_uppercase() + word.get(1..).unwrap_or("");
        self.0.split('-').map(word).collect()
    }
}

impl FromStr for ProjectName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_word = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        if text.len() <= NAME_BYTES_MAX && text.split('-').all(is_word) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("use up to {NAME_BYTES_MAX} small letters and digits, in words joined by hyphens, like lead-card"))
    }
}

/// A file of a project: its path in the project, and its content.
pub(super) struct File {
    pub path: String,
    pub content: String,
}

/// All files of a project.
pub(super) fn files(name: &ProjectName, language: Language, role: Role) -> Vec<File> {
    let own = |folder: &str| {
        copies(format!("templates/{}/{folder}", language.name()), "")
            .map(|File { path, content }| File { path: unhidden(path), content: filled(&content, name, role) })
    };
    let mut all: Vec<File> = own("common").chain(own(role.name())).collect();
    all.extend(copies(format!("templates/examples/{}", role.name()), "example/"));
    if language == Language::Rust {
        all.extend(copies("wit", "wit/").chain(sdk()));
    } else {
        let world = copies("templates", "wit/").filter(|file| file.path == "wit/world.wit");
        all.extend(
            world.map(|file| File { path: "wit/plugin.wit".to_owned(), content: filled(&file.content, name, role) }),
        );
        all.extend(interface());
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

/// The files below a folder of the binary's, with something before their names.
fn copies(folder: impl AsRef<str>, prefix: &'static str) -> impl Iterator<Item = File> {
    let files: Vec<_> = files::below(folder.as_ref()).collect();
    files.into_iter().map(move |(path, content)| File { path: format!("{prefix}{path}"), content: content.to_owned() })
}

/// The interface as a dependency of the project's own world.
fn interface() -> impl Iterator<Item = File> {
    copies("wit", "").map(|File { path, content }| {
        let path = match path.strip_prefix("deps/") {
            Some(other) => format!("wit/deps/{other}"),
            None => format!("wit/deps/tenterhook-plugin/{path}"),
        };
        File { path, content }
    })
}

/// The Rust SDK. It is on no registry: projects have its source.
fn sdk() -> impl Iterator<Item = File> {
    copies("sdk", "vendor/tenterhook-plugin/").map(|file| match file.path.ends_with("/Cargo.toml") {
        true => File { content: standalone(&file.content), ..file },
        false => file,
    })
}

/// A manifest without what it takes from its workspace here.
fn standalone(manifest: &str) -> String {
    let line = |line: &str| match line.split_once(".workspace = true") {
        Some(("version", "")) => format!("version = \"{}\"", env!("CARGO_PKG_VERSION")),
        Some(("edition", "")) => "edition = \"2024\"".to_owned(),
        Some(("rust-version", "")) => format!("rust-version = \"{}\"", env!("CARGO_PKG_RUST_VERSION")),
        Some(("license", "")) => format!("license = \"{}\"", env!("CARGO_PKG_LICENSE")),
        Some(("publish", "")) => "publish = false".to_owned(),
        _ => line.to_owned(),
    };
    let text: String = manifest.lines().map(|text| line(text) + "\n").collect();
    text.replace("[lints]\nworkspace = true\n", "[lints.rust]\nunsafe_code = \"deny\"\n")
}

/// What is written in templates in place of what is chosen.
fn filled(text: &str, name: &ProjectName, role: Role) -> String {
    text.replace("my-plugin", name.as_str())
        .replace("my_plugin", &name.snake())
        .replace("MyPlugin", &name.pascal())
        .replace("my-role", role.name())
        .replace("my-interface", role.interface())
}

/// Hidden files have no dot in the templates: there they would act on this repository.
fn unhidden(path: String) -> String {
    if ["gitignore", "npmrc"].contains(&path.as_str()) { format!(".{path}") } else { path }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn project(language: Language, role: Role) -> Vec<File> {
        files(&"lead-card".parse().expect("a name"), language, role)
    }

    fn outline(language: Language) -> String {
        let is_own = |path: &str| !path.starts_with("vendor/") && !path.starts_with("wit/");
        let files = project(language, Role::Template);
        files.iter().map(|file| file.path.as_str()).filter(|path| is_own(path)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_language_has_a_project_for_each_role() {
        for language in Language::ALL {
            for role in Role::ALL {
                let files = project(language, role);
                let text = |path: &str| {
                    let file = files.iter().find(|file| file.path == path);
                    file.unwrap_or_else(|| panic!("{language:?} {role:?}: no {path}")).content.as_str()
                };
                assert!(text("README.md").starts_with("# lead-card\n"), "{language:?}");
                assert!(text("README.md").contains(&format!("--export {}", role.name())), "{language:?}");
                assert!(!text(".gitignore").is_empty());
                let mut paths: Vec<_> = files.iter().map(|file| &file.path).collect();
                paths.dedup();
                assert_eq!(paths.len(), files.len(), "a file is there twice");
                let leftover = ["my-plugin", "my_plugin", "MyPlugin", "my-role", "my-interface"];
                for file in files.iter().filter(|file| !file.path.starts_with("vendor/")) {
                    assert!(!leftover.iter().any(|token| file.content.contains(token)), "{}", file.path);
                }
                if language != Language::Rust {
                    assert!(text("wit/plugin.wit").contains(role.interface()));
                    assert!(text("wit/deps/tenterhook-plugin/tenterhook.wit").contains("package tenterhook:plugin@"));
                }
            }
        }
    }

    #[test]
    fn projects_are_small() {
        let outlines = Language::ALL.map(|language| format!("{}: {}", language.name(), outline(language)));
        expect![[r#"
            rust: .gitignore Cargo.toml README.md example/config.json example/input.json src/lib.rs
            js: .gitignore .npmrc README.md example/config.json example/input.json package-lock.json package.json src/plugin.js src/template.js src/utf8.js test/template.test.js
            python: .gitignore README.md app.py example/config.json example/input.json requirements.txt template.py test_template.py
            c: .gitignore README.md build.sh example/config.json example/input.json requirements.txt src/json.c src/json.h src/plugin.c src/template.c src/template.h test.sh test/test_template.c
            go: .gitignore README.md build.sh example/config.json example/input.json go.mod main.go template.go template_test.go tenterhook/exports_wasm.go tenterhook/imports_wasm.go tenterhook/memory_wasm.go tenterhook/native.go tenterhook/plugin.go tenterhook/types.go"#]]
        .assert_eq(&outlines.join("\n"));
    }

    #[test]
    fn the_sdk_in_a_project_needs_no_workspace() {
        let files = project(Language::Rust, Role::Action);
        let manifest = files.iter().find(|file| file.path == "vendor/tenterhook-plugin/Cargo.toml").expect("the SDK");
        assert!(!manifest.content.contains("workspace"), "{}", manifest.content);
        assert!(manifest.content.contains("unsafe_code = \"deny\""), "the SDK expects that lint");
    }

    #[test]
    fn names_are_words_joined_by_hyphens() {
        for good in ["a", "lead-card", "x2", "a-b2-c"] {
            assert!(good.parse::<ProjectName>().is_ok(), "{good}");
        }
        for bad in ["", "-", "a-", "Lead", "2x", "a-2", "a_b", "a.b", "../a", "a/b", "ä", &"a".repeat(61)] {
            assert!(bad.parse::<ProjectName>().is_err(), "{bad}");
        }
        let name: ProjectName = "lead-card2".parse().expect("a name");
        assert_eq!((name.snake(), name.pascal()), ("lead_card2".to_owned(), "LeadCard2".to_owned()));
    }
}
