//! Tests of keys.

use super::*;

#[test]
fn every_kind_of_key_has_a_letter_of_its_own() {
    let letters = include_str!("../keys.rs").lines().filter_map(|line| line.split_once(": u8 = b'"));
    let letters: Vec<_> = letters.map(|(name, letter)| (name, letter.trim_end_matches("';"))).collect();
    assert!(letters.len() >= 26, "{letters:?}");
    for (at, (name, letter)) in letters.iter().enumerate() {
        let same = letters[..at].iter().find(|(_, other)| other == letter);
        assert_eq!(same, None, "{name} has {letter:?} too");
    }
}

#[test]
fn a_definition_path_reads_back_from_its_bytes() {
    let space: Slug = "acme".parse().expect("a slug");
    for kind in KINDS {
        let path = DefinitionPath::new(&space, kind, "render@1.2.3");
        assert_eq!(parse_path(&path_bytes(&path)), Some(path));
    }
    let dotted = DefinitionPath::new(&space, Kind::EventType, "lead.status.update");
    assert_eq!(parse_path(&path_bytes(&dotted)), Some(dotted));
    assert_eq!(parse_path(b"\x63acme\0x"), None);
    assert_eq!(parse_path(b""), None);
}

#[test]
fn a_live_run_is_found_from_its_key() {
    let space: Slug = "acme".parse().expect("a slug");
    let id = UniqueId::from_bytes([0; 16]);
    assert_eq!(parse_live_run(&live_run(&space, id)), Some((space, id)));
    assert_eq!(parse_live_run(b"Lshort"), None);
}

#[test]
fn the_range_of_a_prefix_ends_before_the_next_prefix() {
    assert_eq!(after(b"ab"), b"ac");
    assert_eq!(after(&[b'a', 255]), b"b");
}
