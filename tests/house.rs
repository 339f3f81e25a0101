//! The house rules: floors, sizes, words. They hold for every source file, or this fails with the place.

use std::path::{Path, PathBuf};

use super::support::root;

/// Longest source file, in lines.
const FILE_LINES_MAX: usize = 500;
/// Longest function, in lines.
const FUNCTION_LINES_MAX: usize = 70;

/// The floor of each module of the host. A module imports only from floors below its own; modules of one floor do
/// not know each other.
const FLOORS: &[(&str, usize)] = &[
    ("model", 0),
    ("clock", 0),
    ("config", 1),
    ("telemetry", 1),
    ("task", 1),
    ("expr", 1),
    ("signature", 1),
    ("store", 2),
    ("inbound", 3),
    ("workflow", 3),
    ("plugin", 3),
    ("webhook", 3),
    ("delivery", 3),
    ("egress", 3),
    ("event", 3),
    ("record", 3),
    ("vault", 3),
    ("engine", 4),
    ("http", 5),
    ("app", 6),
    ("cli", 7),
    ("main", 7),
];

/// The one import within a floor: a clock tells a `Time`.
const WITHIN_A_FLOOR: (&str, &str) = ("clock", "model");

#[test]
fn imports_go_down_only() {
    let mut wrong = Vec::new();
    for file in sources("host/src") {
        let Some(module) = module_of(&file) else { continue };
        let floor = floor_of(&module).unwrap_or_else(|| panic!("module {module} stands on no floor: add it to FLOORS"));
        for (number, imported) in imports(&read(&file)) {
            let Some(below) = floor_of(&imported) else { continue };
            if imported != module && below >= floor && (module.as_str(), imported.as_str()) != WITHIN_A_FLOOR {
                wrong.push(format!("{}:{number}: {module} (floor {floor}) imports {imported} ({below})", show(&file)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_stands_on_a_floor() {
    let library = read(&root().join("host/src/lib.rs"));
    for line in library.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let module = line.trim_end_matches(';');
        assert!(floor_of(module).is_some(), "module {module} stands on no floor: add it to FLOORS");
    }
}

#[test]
fn files_and_functions_keep_their_bounds() {
    let mut wrong = Vec::new();
    for file in all_sources() {
        let text = read(&file);
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}", show(&file)));
        }
        for (number, name, length) in functions(&text) {
            if length > FUNCTION_LINES_MAX {
                wrong.push(format!(
                    "{}:{number}: fn {name} has {length} lines, at most {FUNCTION_LINES_MAX}",
                    show(&file)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_at_its_head_what_it_is() {
    let silent: Vec<_> =
        all_sources().into_iter().filter(|file| !read(file).starts_with("//! ")).map(|file| show(&file)).collect();
    assert!(silent.is_empty(), "without //! at the head: {}", silent.join(", "));
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("FIX", "ME"), concat!("TO", "DO")];
    let mut wrong = Vec::new();
    for file in all_sources() {
        for (number, line) in read(&file).lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                wrong.push(format!("{}:{}: {line}", show(&file), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every Rust source file of ours.
fn all_sources() -> Vec<PathBuf> {
    ["host", "plugins", "examples", "tests"].iter().flat_map(|folder| sources(folder)).collect()
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "no sources below {folder}");
    found
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).expect("a readable source file")
}

fn show(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

/// The top module that a file of `host/src` belongs to; none for `lib.rs`.
fn module_of(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(root().join("host/src")).ok()?;
    let first = inside.components().next()?.as_os_str().to_str()?.trim_end_matches(".rs").to_owned();
    (first != "lib").then_some(first)
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

/// The modules of ours that a text names as `crate::module`, with the line numbers.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            let names = rest.strip_prefix('{').map_or(vec![rest], |group| group.split(',').collect());
            let word = |name: &str| name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.extend(names.into_iter().map(|name| (number + 1, word(name))));
        }
    }
    found
}

/// The functions of a formatted file: line, name, length.
fn functions(text: &str) -> Vec<(usize, String, usize)> {
    let lines: Vec<_> = text.lines().collect();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let head = code.split("fn ").next().unwrap_or("");
        let is_head = code.contains("fn ")
            && head.split_whitespace().all(|word| {
                word.starts_with("pub")
                    || matches!(word, "async" | "const" | "unsafe" | "extern" | "\"C\"" | "in" | "super)")
            });
        if !is_head {
            continue;
        }
        let indent = line.len() - code.len();
        let end = lines[number..].iter().position(|end| end.trim_end() == format!("{}}}", " ".repeat(indent)));
        let name = code.split("fn ").nth(1).unwrap_or("").chars().take_while(|c| c.is_alphanumeric() || *c == '_');
        found.push((number + 1, name.collect(), end.map_or(1, |end| end + 1)));
    }
    found
}
