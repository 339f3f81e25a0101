//! Expressions from outside.

use super::names;

#[test]
fn list_names() {
    let mut all: Vec<String> = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs())
        .map(|d| format!("{}/{}", d.name, d.args.len()))
        .collect();
    type D = jaq_core::data::JustLut<jaq_json::Val>;
    all.extend(
        jaq_core::funs::<D>()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs())
            .map(|(n, a, _)| format!("{n}/{}", a.len())),
    );
    all.retain(|n| names::refusal(n.split('/').next().unwrap()).is_none());
    all.sort();
    all.dedup();
    std::fs::write("/tmp/names.txt", all.iter().map(|n| format!("{n:?}")).collect::<Vec<_>>().join(", ")).unwrap();
}
