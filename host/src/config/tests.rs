//! What a user sees of configuration, right and wrong.

use std::io::Write as _;

use expect_test::{Expect, expect};

use super::*;

fn check(sources: &Sources, problems: Expect) {
    let errors = Config::load(sources).expect_err("the configuration is wrong");
    problems.assert_eq(&errors.to_string());
}

fn pairs(items: &[(&str, &str)]) -> Vec<(String, String)> {
    items.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("it is written");
    file
}

#[test]
fn nothing_given_is_the_documented_defaults() {
    let config = Config::defaults().expect("the defaults are right");
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.store.data_dir, std::path::Path::new("./data"));
    assert_eq!(config.process.drain, Duration::from_secs(10));
    assert!(!config.egress.allow_private && config.egress.allow.is_empty());
    assert!(config.access.admin_key.is_none() && config.access.secret_key.is_none());
}

#[test]
fn flags_win_over_variables_which_win_over_the_file() {
    let file = file("run_concurrency = 1\ndrain_ms = 1\ntemplate_ms = 1\n");
    let sources = Sources {
        file: Some(file.path().to_owned()),
        variables: pairs(&[
            ("TENTERHOOK_DRAIN_MS", "2"),
            ("TENTERHOOK_RUN_CONCURRENCY", "2"),
            ("PATH", "/bin"),
            ("TENTERHOOK_KEY", "th_x"),
        ]),
        flags: pairs(&[("run-concurrency", "3")]),
        unknown_flags: vec![],
    };
    let config = Config::load(&sources).expect("all is right");
    let drain = config.process.drain.as_millis();
    assert_eq!((config.engine.run_concurrency, drain, config.plugin.template.as_millis()), (3, 2, 1));
}

#[test]
fn all_problems_are_reported_at_once_with_where_they_came_from() {
    let file = file("listen = 80\nlissen = \"x\"\nplugin_memory_mib = 0\n[more]\nx = 1\n");
    let path = file.path().to_owned();
    let sources = Sources {
        file: Some(path.clone()),
        variables: pairs(&[
            ("TENTERHOOK_BODY_BYTES_MAX", "many"),
            ("TENTERHOOK_COLOUR", "red"),
            ("TENTERHOOK_SECRET_KEY", "tooshortsecret"),
        ]),
        flags: pairs(&[("drain-ms", "-1"), ("egress-allow", "10.0.0.0/8,0x7f.1"), ("log-level", "loud")]),
        unknown_flags: vec!["--shout".to_owned()],
    };
    let errors = Config::load(&sources).expect_err("much is wrong").to_string();
    let text = errors.replace(path.to_str().expect("a path"), "FILE");
    expect![[r#"
        file FILE: lissen is no option; `tenterhook serve --help` lists them all
        file FILE: more is no option; `tenterhook serve --help` lists them all
        environment variable TENTERHOOK_COLOUR: colour is no option; `tenterhook serve --help` lists them all
        command line --shout: shout is no option; `tenterhook serve --help` lists them all
        file FILE: listen: a number is not what is expected here: write a text in quotes
        environment variable TENTERHOOK_BODY_BYTES_MAX: body_bytes_max: "many" is no whole number
        environment variable TENTERHOOK_SECRET_KEY: secret_key: write 32 bytes as 64 hex digits or as base64 (`openssl rand -hex 32` makes some)
        command line --egress-allow: egress_allow: "0x7f.1" is no allow rule: write a network (10.20.0.0/16), an address, a host name, or *.domain
        file FILE: plugin_memory_mib: 0 is not between 1 and 1000000
        command line --log-level: log_level: "loud" is no log level; write error, warn, info, debug, trace or directives
        command line --drain-ms: drain_ms: "-1" is no whole number"#]]
    .assert_eq(&text);
    assert!(!errors.contains("tooshortsecret"), "a secret is never repeated");
}

#[test]
fn a_missing_or_broken_file_is_named() {
    let sources = Sources { file: Some("/nonexistent/th.toml".into()), ..Sources::default() };
    check(&sources, expect!["file /nonexistent/th.toml: cannot be read: No such file or directory (os error 2)"]);
    let file = file("listen = \n");
    let errors = Config::load(&Sources { file: Some(file.path().to_owned()), ..Sources::default() });
    assert!(errors.expect_err("a syntax error").to_string().contains("line 1"));
}

#[test]
fn the_file_can_be_named_by_a_variable() {
    let file = file("drain_ms = 7\n");
    let path = file.path().to_str().expect("a path").to_owned();
    let sources = Sources { variables: vec![("TENTERHOOK_CONFIG".to_owned(), path)], ..Sources::default() };
    assert_eq!(Config::load(&sources).expect("it is right").process.drain, Duration::from_millis(7));
}

#[test]
fn every_option_of_the_documentation_is_read() {
    for option in options() {
        assert!(!option.help.is_empty(), "{} has no help", option.name);
        let sources = Sources { flags: vec![(option.flag(), "\u{1}".to_owned())], ..Sources::default() };
        // A control character is wrong for every option but a path.
        let is_path = ["data_dir", "plugin_cache"].contains(&option.name.as_str());
        assert_eq!(Config::load(&sources).is_err(), !is_path, "{} is not read", option.name);
    }
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let sources = Sources {
        variables: pairs(&[("TENTERHOOK_ADMIN_KEY", "th_hushhush"), ("TENTERHOOK_SECRET_KEY", &"ab".repeat(32))]),
        ..Sources::default()
    };
    let config = Config::load(&sources).expect("it is right");
    let key = config.access.secret_key.as_ref().expect("a key");
    assert_eq!(key.reveal(), &[0xab; 32]);
    let debug = format!("{config:?}");
    assert!(!debug.contains("hush") && !debug.contains("171"), "{debug}");
}

#[test]
fn private_destinations_can_be_networks_addresses_and_names() {
    let sources = Sources {
        flags: pairs(&[("egress-allow", "10.0.0.0/8, ::1,CRM.internal,*.corp.example")]),
        ..Sources::default()
    };
    let config = Config::load(&sources).expect("it is right");
    let expected = [
        AllowRule::Network("10.0.0.0/8".parse().expect("a network")),
        AllowRule::Network("::1/128".parse().expect("a network")),
        AllowRule::Host("crm.internal".to_owned()),
        AllowRule::Below("corp.example".to_owned()),
    ];
    assert_eq!(config.egress.allow, expected);
}
