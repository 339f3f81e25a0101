//! Prints jaq's definitions from their syntax trees.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::path::{Opt, Part, Path};

use crate::names;

/// jaq's own definitions, but those that are refused, or defined in another way here.
pub fn theirs() -> impl Iterator<Item = Def<&'static str>> {
    let ours: Vec<&str> = names::OURS.lines().filter_map(names::name_of_line).map(|(name, _)| name).collect();
    let all = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    all.filter(move |def| !names::REFUSED.contains(&def.name) && !ours.contains(&def.name))
}

/// A definition, on one line, as jq source.
pub fn definition(def: &Def<&str>) -> String {
    let arguments = match def.args.as_slice() {
        [] => String::new(),
        names => format!("({})", names.join("; ")),
    };
    format!("def {}{arguments}: {};", def.name, term(&def.body))
}

/// A term in parentheses where it needs them.
fn inner(of: &Term<&str>) -> String {
    match of {
        Term::Id
        | Term::Recurse
        | Term::Num(_)
        | Term::Str(..)
        | Term::Arr(_)
        | Term::Obj(_)
        | Term::Call(..)
        | Term::Var(_) => term(of),
        other => format!("({})", term(other)),
    }
}

fn term(of: &Term<&str>) -> String {
    match of {
        Term::Id => ".".into(),
        Term::Recurse => "..".into(),
        Term::Num(text) | Term::Var(text) => (*text).to_owned(),
        Term::Str(format, parts) => {
            format!("{}\"{}\"", format.unwrap_or_default(), parts.iter().map(part).collect::<String>())
        }
        Term::Arr(None) => "[]".into(),
        Term::Arr(Some(of)) => format!("[{}]", term(of)),
        Term::Obj(members) => format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", ")),
        Term::Neg(of) => format!("-{}", inner(of)),
        Term::BinOp(left, operator, right) => binary(left, operator, right),
        Term::Label(name, of) => format!("label {name} | {}", term(of)),
        Term::Break(name) => format!("break {name}"),
        Term::Fold(name, over, by, arguments) => {
            let arguments: Vec<_> = arguments.iter().map(term).collect();
            format!("{name} {} as {} ({})", inner(over), pattern(by), arguments.join("; "))
        }
        Term::TryCatch(of, None) => format!("try {}", inner(of)),
        Term::TryCatch(of, Some(catch)) => format!("try {} catch {}", inner(of), inner(catch)),
        Term::IfThenElse(cases, otherwise) => {
            let cases: Vec<_> =
                cases.iter().map(|(when, then)| format!("if {} then {}", term(when), term(then))).collect();
            let otherwise = otherwise.as_ref().map(|of| format!(" else {}", term(of))).unwrap_or_default();
            format!("{}{otherwise} end", cases.join(" el"))
        }
        Term::Def(definitions, of) => {
            format!("{} {}", definitions.iter().map(definition).collect::<Vec<_>>().join(" "), term(of))
        }
        Term::Call(name, arguments) if arguments.is_empty() => (*name).to_owned(),
        Term::Call(name, arguments) => format!("{name}({})", arguments.iter().map(term).collect::<Vec<_>>().join("; ")),
        Term::Path(of, Path(parts)) => {
            format!("{}{}", inner(of), parts.iter().map(path_part).collect::<String>())
        }
    }
}

fn part(of: &StrPart<&str, Term<&str>>) -> String {
    match of {
        StrPart::Str(text) => (*text).to_owned(),
        StrPart::Term(of) => format!("\\({})", term(of)),
        StrPart::Char(c) => match c {
            '"' | '\\' => format!("\\{c}"),
            c => format!("\\u{:04x}", u32::from(*c)),
        },
    }
}

fn member((key, value): &(Term<&str>, Option<Term<&str>>)) -> String {
    let key = match key {
        Term::Str(..) | Term::Var(_) => term(key),
        other => format!("({})", term(other)),
    };
    match value {
        Some(value) => format!("{key}: {}", inner(value)),
        None => key,
    }
}

fn binary(left: &Term<&str>, operator: &BinaryOp<&str>, right: &Term<&str>) -> String {
    let operator = match operator {
        BinaryOp::Pipe(None) => "|".to_owned(),
        BinaryOp::Pipe(Some(by)) => return format!("{} as {} | {}", inner(left), pattern(by), term(right)),
        BinaryOp::Comma => ",".into(),
        BinaryOp::Alt => "//".into(),
        BinaryOp::Or => "or".into(),
        BinaryOp::And => "and".into(),
        BinaryOp::Math(math) => math.as_str().into(),
        BinaryOp::Cmp(cmp) => cmp.as_str().into(),
        BinaryOp::Assign => "=".into(),
        BinaryOp::Update => "|=".into(),
        BinaryOp::UpdateMath(math) => format!("{}=", math.as_str()),
        BinaryOp::UpdateAlt => "//=".into(),
    };
    format!("{} {operator} {}", inner(left), inner(right))
}

fn pattern(of: &Pattern<&str>) -> String {
    match of {
        Pattern::Var(name) => (*name).to_owned(),
        Pattern::Arr(parts) => format!("[{}]", parts.iter().map(pattern).collect::<Vec<_>>().join(", ")),
        Pattern::Obj(members) => {
            let members = members.iter().map(|(key, of)| format!("({}): {}", term(key), pattern(of)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

fn path_part((part, opt): &(Part<Term<&str>>, Opt)) -> String {
    let text = |of: &Option<Term<&str>>| of.as_ref().map(term).unwrap_or_default();
    let part = match part {
        Part::Index(of) => format!("[{}]", term(of)),
        Part::Range(None, None) => "[]".to_owned(),
        Part::Range(from, to) => format!("[{}:{}]", text(from), text(to)),
    };
    match opt {
        Opt::Optional => format!("{part}?"),
        Opt::Essential => part,
    }
}
