//! Tests of the vault.

use super::*;

fn place<'a>(space: &'a Slug, kind: Kind, id: &'a str) -> Place<'a> {
    Place { space, kind, id }
}

fn slug(text: &str) -> Slug {
    text.parse().expect("a slug")
}

#[test]
fn a_sealed_text_opens_at_its_place_only() {
    let vault = Vault::with_key([7; KEY_BYTES]);
    let (space, other) = (slug("default"), slug("other"));
    let sealed = vault.seal(&place(&space, Kind::Secret, "sms"), "s3cret").expect("sealed");
    assert_eq!(vault.unseal(&place(&space, Kind::Secret, "sms"), &sealed).expect("opens").reveal(), "s3cret");
    for wrong in
        [place(&other, Kind::Secret, "sms"), place(&space, Kind::Trigger, "sms"), place(&space, Kind::Secret, "sms2")]
    {
        let error = vault.unseal(&wrong, &sealed).expect_err("another place");
        assert!(matches!(error, VaultError::Damaged { .. }), "{error}");
    }
}

#[test]
fn places_that_would_read_the_same_when_joined_are_told_apart() {
    let (a, b) = (slug("a"), slug("ab"));
    assert_ne!(place(&a, Kind::Secret, "bx").associated_data(), place(&b, Kind::Secret, "x").associated_data());
}

#[test]
fn an_altered_text_never_opens() {
    let vault = Vault::with_key([7; KEY_BYTES]);
    let space = slug("default");
    let at = place(&space, Kind::Secret, "sms");
    let sealed = vault.seal(&at, "s3cret").expect("sealed");
    let bytes = BASE64_STANDARD.decode(&sealed.0).expect("base64");
    for index in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[index] ^= 1;
        assert!(vault.unseal(&at, &Sealed(BASE64_STANDARD.encode(altered))).is_err(), "byte {index}");
    }
    for cut in 0..bytes.len() {
        assert!(vault.unseal(&at, &Sealed(BASE64_STANDARD.encode(&bytes[..cut]))).is_err(), "cut to {cut}");
    }
    assert!(vault.unseal(&at, &Sealed("no base64!".to_owned())).is_err());
}

#[test]
fn another_key_does_not_open() {
    let space = slug("default");
    let at = place(&space, Kind::Secret, "sms");
    let sealed = Vault::with_key([7; KEY_BYTES]).seal(&at, "s3cret").expect("sealed");
    let error = Vault::with_key([8; KEY_BYTES]).unseal(&at, &sealed).expect_err("another key");
    assert_eq!(
        error.to_string(),
        "the sealed text of secret \"sms\" in space \"default\" does not open: altered, moved, or sealed with another key"
    );
}

#[test]
fn the_same_text_is_sealed_differently_each_time() {
    let vault = Vault::with_key([7; KEY_BYTES]);
    let space = slug("default");
    let at = place(&space, Kind::Secret, "sms");
    assert_ne!(vault.seal(&at, "s3cret").expect("sealed"), vault.seal(&at, "s3cret").expect("sealed"));
}

#[test]
fn derived_keys_depend_on_the_label_and_the_vault() {
    let vault = Vault::with_key([7; KEY_BYTES]);
    assert_eq!(vault.derive("plugin-cache"), Vault::with_key([7; KEY_BYTES]).derive("plugin-cache"));
    assert_ne!(vault.derive("plugin-cache"), vault.derive("plugin-cach"));
    assert_ne!(vault.derive("plugin-cache"), Vault::with_key([8; KEY_BYTES]).derive("plugin-cache"));
    assert_ne!(vault.derive("seal"), derive(&[7; KEY_BYTES], "seal"), "no label gives the sealing key");
}

#[test]
fn debug_output_shows_no_key() {
    assert_eq!(format!("{:?}", Vault::with_key([7; KEY_BYTES])), "Vault(***)");
}

#[test]
fn a_key_file_is_made_once_and_then_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vault.key");
    let first = Vault::open(&path).expect("made");
    let second = Vault::open(&path).expect("read");
    assert_eq!(first.fingerprint(), second.fingerprint());
    assert_eq!(first.fingerprint().len(), 16);
    assert!(!folder.path().join("vault.new").exists());
}

#[cfg(unix)]
#[test]
fn a_key_file_is_private_and_refused_when_it_is_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vault.key");
    Vault::open(&path).expect("made");
    let mode = |path: &Path| std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("chmod");
    assert!(matches!(Vault::open(&path), Err(VaultError::Exposed { mode: 0o644, .. })));
}

#[test]
fn a_damaged_key_is_refused_by_its_origin() {
    for text in ["", "abc", &"0".repeat(63), &"g".repeat(64), &"0".repeat(66)] {
        let error = Vault::from_text(text, "TENTERHOOK_VAULT_KEY").expect_err("no key");
        assert_eq!(error.to_string(), "the key from TENTERHOOK_VAULT_KEY is damaged: it must be 64 hex digits");
    }
    assert!(Vault::from_text(&format!("{}\n", "0a".repeat(32)), "file").is_ok());
}

#[test]
fn a_crash_while_the_key_was_made_leaves_no_trap() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("vault.new"), "half").expect("left over");
    Vault::open(&folder.path().join("vault.key")).expect("made");
}
