//! Tests of rows and cells.

use expect_test::expect;
use proptest::prelude::*;
use serde_json::{Value, json};
use tenterhook_plugin::{Call, Describe, Failure, Json, Request, Template};

use crate::{CsvRow, is_formula};

fn render(config: &Value, input: &Value) -> Result<Request, Failure> {
    let call = Call { space: "default".into(), id: "1".into(), now: 0, config: config.to_string() };
    let url = "https://collector.example/leads.csv";
    let base = Request { method: "POST".into(), url: url.into(), headers: Vec::new(), body: Vec::new() };
    CsvRow::render(&call, Json::from_text(input.to_string()), base).map(Option::unwrap)
}

fn body(config: &Value, input: &Value) -> String {
    String::from_utf8(render(config, input).unwrap().body).unwrap()
}

/// The row of `cells`, by a configuration with one column for each, changed by `changes`.
fn row(cells: &Value, changes: &Value) -> String {
    let column = |n: usize| json!({ "name": format!("c{n}"), "value": format!("/{n}") });
    let mut config = json!({ "columns": (0..cells.as_array().unwrap().len()).map(column).collect::<Vec<_>>() });
    config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    body(&config, cells)
}

/// A body whose line breaks (CR LF) can be told from others.
fn visible(body: &str) -> String {
    body.replace("\r\n", "⏎\n")
}

#[test]
fn a_lead_becomes_a_row_in_the_order_of_the_configuration() {
    let description = CsvRow::describe();
    let request = render(&description.example_config, &description.example_input).unwrap();
    assert_eq!(request.header("content-type"), Some("text/csv; charset=utf-8; header=absent"));
    expect![[r#"
        0198f3a2-6c1e-7b40-9d55-2f6a4c1b7a01,2026-03-02T09:15:00Z,lead.create,Analytical Engines Ltd,+442079460101,12500⏎
    "#]].assert_eq(&visible(&String::from_utf8(request.body).unwrap()));
}

#[test]
fn the_names_of_the_columns_come_first_if_so_configured() {
    let mut config = json!({ "columns": [{ "name": "b,c", "value": "/b" }, { "name": "=a", "value": "/a" }] });
    config["header"] = json!(true);
    let request = render(&config, &json!({ "a": 1, "b": true })).unwrap();
    assert_eq!(request.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert_eq!(request.body, b"\"b,c\",'=a\r\ntrue,1\r\n");
}

#[test]
fn cells_are_quoted_where_they_must_be() {
    let cells = json!(["a", "a,b", "say \"x\"", "a\r\nb", " a ", null, 1.5, false, ["x"], { "k": "v" }, "", "a;b"]);
    expect![[r#"
        a,"a,b","say ""x""","a⏎
        b"," a ",,1.5,false,"[""x""]","{""k"":""v""}",,a;b⏎
    "#]]
    .assert_eq(&visible(&row(&cells, &json!({}))));
    assert_eq!(row(&json!(["a,b", "a;b"]), &json!({ "separator": "semicolon" })), "a,b;\"a;b\"\r\n");
    assert_eq!(row(&json!(["a,b", "a\tb"]), &json!({ "separator": "tab" })), "a,b\t\"a\tb\"\r\n");
}

#[test]
fn what_would_be_a_formula_is_text() {
    let formulas = [
        "=1+1",
        "+1+1",
        "-1+cmd|' /C calc'!A0",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\u{a0}=1",
        "\0=1",
        "＝1",
        "－1",
        "+44 20 7946 0101",
        "-",
        "+1.",
        "--1",
    ];
    for text in formulas {
        assert!(is_formula(text), "{text:?}");
    }
    for text in ["", "a=1", "1-1", "+442079460101", "-12.50", "'=1", "ada@analytical.example"] {
        assert!(!is_formula(text), "{text:?}");
    }
    assert_eq!(row(&json!(["=HYPERLINK(\"x\",\"y\")", -5]), &json!({})), "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\",-5\r\n");
    assert_eq!(row(&json!(["=1"]), &json!({ "formulas": "allow" })), "=1\r\n");
}

#[test]
fn a_configuration_without_columns_is_refused() {
    let failure = render(&json!({ "columns": [] }), &json!({})).unwrap_err();
    assert!(matches!(&failure, Failure::Invalid(reason) if reason == "config: there are no columns"), "{failure:?}");
}

/// The cells of one record as RFC 4180 reads them.
fn parse(record: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = record.strip_suffix("\r\n").unwrap().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.push(chars.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    cells.push(cell);
    cells
}

proptest! {
    #[test]
    fn what_is_read_is_what_was_written(cells in prop::collection::vec("[a\",;\r\n =+@é'\t-]{0,8}", 1..6)) {
        let written = row(&json!(cells), &json!({ "formulas": "allow" }));
        prop_assert_eq!(parse(&written), cells.clone());
        for (read, cell) in parse(&row(&json!(cells), &json!({}))).iter().zip(&cells) {
            prop_assert!(!is_formula(read));
            prop_assert_eq!(read.strip_prefix('\'').filter(|_| is_formula(cell)).unwrap_or(read), cell);
        }
    }
}
