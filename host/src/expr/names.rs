//! Which functions expressions may name: all of jaq's but those that reach the host.

/// Functions of jaq 3.1 by name and number of arguments, sorted. A test compares them with jaq itself.
#[rustfmt::skip]
const KNOWN: &[&str] = &[
    "@base64/0", "@base64d/0", "@html/0", "@htmld/0", "@json/0", "@sh/0", "@text/0", "@uri/0", "@urid/0", "abs/0",
    "acos/0", "acosh/0", "add/0", "add/1", "all/0", "all/1", "all/2", "any/0", "any/1", "any/2", "arrays/0",
    "ascii_downcase/0", "ascii_upcase/0", "asin/0", "asinh/0", "atan/0", "atan2/2", "atanh/0", "booleans/0",
    "bsearch/1", "capture/1", "capture/2", "capture_of_match/0", "cbrt/0", "ceil/0", "combinations/0",
    "combinations/1", "contains/1", "copysign/2", "cos/0", "cosh/0", "decode_base64/0", "decode_uri/0", "del/1",
    "delpaths/1", "drem/2", "empty/0", "encode_base64/0", "encode_uri/0", "endswith/1", "erf/0", "erfc/0", "error/0",
    "error/1", "error_empty/0", "escape_html/0", "escape_sh/0", "exp/0", "exp10/0", "exp2/0", "explode/0", "expm1/0",
    "fabs/0", "false/0", "fdim/2", "finites/0", "first/0", "first/1", "flatten/0", "flatten/1", "floor/0", "fma/3",
    "fmax/2", "fmin/2", "fmod/2", "frexp/0", "from_entries/0", "fromdate/0", "fromdateiso8601/0", "fromjson/0",
    "gamma/0", "getpath/1", "gmtime/0", "group_by/1", "gsub/2", "gsub/3", "has/1", "hypot/2", "ilogb/0", "implode/0",
    "in/1", "index/1", "indices/1", "infinite/0", "inside/1", "isarray/0", "isboolean/0", "isempty/1", "isfinite/0",
    "isinfinite/0", "isnan/0", "isnormal/0", "isnumber/0", "isobject/0", "isstring/0", "iterables/0", "j0/0", "j1/0",
    "jn/2", "join/1", "key_values/0", "keys/0", "keys_unsorted/0", "last/0", "last/1", "ldexp/2", "length/0",
    "lgamma/0", "limit/2", "log/0", "log10/0", "log1p/0", "log2/0", "logb/0", "ltrim/0", "ltrimstr/1", "map/1",
    "map_values/1", "match/1", "match/2", "matches/2", "max/0", "max_by/1", "max_by_or_empty/1", "min/0", "min_by/1",
    "min_by_or_empty/1", "mktime/0", "modf/0", "nan/0", "nearbyint/0", "nextafter/2", "nexttoward/2", "normals/0",
    "not/0", "nth/1", "nth/2", "null/0", "nulls/0", "numbers/0", "objects/0", "path/1", "path_value/1", "paths/0",
    "paths/1", "pick/1", "pow/2", "pow10/0", "range/1", "range/2", "range/3", "recurse/0", "recurse/1", "recurse/2",
    "remainder/2", "repeat/1", "reverse/0", "rindex/1", "rint/0", "round/0", "rtrim/0", "rtrimstr/1", "scalars/0",
    "scalb/2", "scalbln/2", "scan/1", "scan/2", "scan_/2", "select/1", "setpath/2", "significand/0", "sin/0",
    "sinh/0", "skip/2", "sort/0", "sort_by/1", "split/1", "split/2", "split_/2", "split_matches/2", "splits/1",
    "splits/2", "sqrt/0", "startswith/1", "strftime/1", "strings/0", "strptime/1", "sub/2", "sub/3", "tan/0",
    "tanh/0", "test/1", "test/2", "tgamma/0", "to_entries/0", "toboolean/0", "tobytes/0", "todate/0",
    "todateiso8601/0", "tojson/0", "tonumber/0", "tostring/0", "totype/2", "transpose/0", "trim/0", "true/0",
    "trunc/0", "type/0", "unescape_html/0", "unique/0", "unique_by/1", "until/2", "utf8bytelength/0", "values/0",
    "walk/1", "while/2", "with_entries/1", "y0/0", "y1/0", "yn/2",
];

/// What reads from or acts on the host, and what to use instead.
const REFUSED: &[(&str, &str)] = &[
    ("env", "expressions cannot read the environment of the server"),
    ("now", "expressions have no clock; use $workflow.startedAt or $task.startedAt"),
    ("input", "there is one input, `.`"),
    ("inputs", "there is one input, `.`"),
    ("input_filename", "expressions cannot read files"),
    ("input_line_number", "there is one input, `.`"),
    ("debug", "expressions cannot write logs"),
    ("stderr", "expressions cannot write logs"),
    ("debug_empty", "expressions cannot write logs"),
    ("stderr_empty", "expressions cannot write logs"),
    ("halt", "use `error` or the `raise` task"),
    ("halt_error", "use `error` or the `raise` task"),
    ("localtime", "the server's time zone is not yours to read; use gmtime"),
    ("strflocaltime", "the server's time zone is not yours to read; use strftime"),
    ("get_search_list", "expressions cannot read files"),
    ("import", "expressions cannot read files"),
    ("include", "expressions cannot read files"),
];

/// Why `name` is refused, if it is.
pub(super) fn refusal(name: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(refused, _)| *refused == name).map(|(_, reason)| *reason)
}

/// There is a function `name` with `arity` arguments.
pub(super) fn is_known(name: &str, arity: usize) -> bool {
    let signature = format!("{name}/{arity}");
    KNOWN.binary_search(&signature.as_str()).is_ok()
}

/// The numbers of arguments that `name` takes, for messages.
pub(super) fn arities(name: &str) -> Vec<&'static str> {
    KNOWN.iter().filter_map(|known| known.strip_prefix(name)?.strip_prefix('/')).collect()
}
