//! What of jq's library is not jaq's here.

/// Names that jq has and this has not.
pub const REFUSED: &[&str] = &[
    "get_search_list",
    "halt",
    "halt_error",
    "input",
    "input_filename",
    "input_line_number",
    "inputs",
    "localtime",
    "now",
    "strflocaltime",
];

/// Definitions in place of jaq's, which reach for the host.
pub const OURS: &str = "def env: {};\ndef debug: .;\ndef debug(msgs): .;\ndef stderr: .;\n";

/// The name that a line defines, and the line.
pub fn name_of_line(line: &'static str) -> Option<(&'static str, &'static str)> {
    let rest = line.strip_prefix("def ")?;
    Some((rest.split(['(', ':']).next()?.trim_end(), line))
}
