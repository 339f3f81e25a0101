//! Names of jq's library that are not jaq's here.

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

/// Names that this defines in its own way, because jaq's reach for the host.
pub const REPLACED: &[&str] = &["debug", "stderr"];
