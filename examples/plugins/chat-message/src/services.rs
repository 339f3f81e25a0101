//! The shapes, the markup and the limits of the three services.

use serde_json::{Value, json};

use crate::Message;

/// Slack, in Block Kit: a title in bold, then up to ten facts a section. Limits: 3,000 characters a text, 2,000 a
/// field.
pub fn slack(message: &Message) -> Value {
    // `verbatim`: what looks like a channel or a person is not made a link.
    let text = |text: String| json!({ "type": "mrkdwn", "text": text, "verbatim": true });
    let title = fit(&message.title, 250, slack_char);
    let mut blocks = vec![json!({ "type": "section", "text": text(format!("*{title}*")) })];
    for facts in message.facts.chunks(10) {
        let field = |(label, value): &(String, String)| {
            let value = match is_link(value) {
                true => format!("<{}>", fit(value, 1_800, slack_char)),
                false => fit(value, 1_000, slack_char),
            };
            text(format!("*{}*\n{value}", fit(label, 100, slack_char)))
        };
        blocks.push(json!({ "type": "section", "fields": facts.iter().map(field).collect::<Vec<_>>() }));
    }
    json!({ "text": title, "blocks": blocks })
}

/// Teams, as an adaptive card. Text runs have no markup, so nothing needs escaping; text blocks and fact sets have.
/// Limit: about 28 KB a message.
pub fn teams(message: &Message) -> Value {
    let run = |text: String| json!({ "type": "TextRun", "text": text });
    let bold = |text: String| json!({ "type": "TextRun", "text": text, "weight": "Bolder" });
    let line = |runs: Vec<Value>| json!({ "type": "RichTextBlock", "inlines": runs });
    let mut body = vec![line(vec![bold(fit(&message.title, 250, String::push))])];
    let mut bytes_left: usize = 24_000;
    for (label, value) in &message.facts {
        let mut run = run(fit(value, 1_000, String::push));
        if is_link(value) {
            run["selectAction"] = json!({ "type": "Action.OpenUrl", "url": value });
        }
        let line = line(vec![bold(format!("{}: ", fit(label, 100, String::push))), run]);
        match bytes_left.checked_sub(line.to_string().len()) {
            Some(left) => bytes_left = left,
            None => break,
        }
        body.push(line);
    }
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    });
    let attachment = json!({ "contentType": "application/vnd.microsoft.card.adaptive", "content": card });
    json!({ "type": "message", "attachments": [attachment] })
}

/// Discord, as an embed that mentions nobody. Limits: 256 characters a title or label, 1,024 a value, 6,000 together.
pub fn discord(message: &Message) -> Value {
    let title = fit(&message.title, 256, discord_char);
    let mut left = 6_000 - units(&title);
    let mut fields = Vec::new();
    for (label, value) in &message.facts {
        let label = fit(label, 256, discord_char);
        let value = match is_link(value) {
            true => value.clone(),
            false => fit(value, 1_024, discord_char),
        };
        match left.checked_sub(units(&label) + units(&value)) {
            Some(rest) => left = rest,
            None => break,
        }
        fields.push(json!({ "name": label, "value": value, "inline": true }));
    }
    json!({ "embeds": [{ "title": title, "fields": fields }], "allowed_mentions": { "parse": [] } })
}

/// Whether a value is shown as a link: a web address of harmless characters that fits everywhere.
fn is_link(value: &str) -> bool {
    let harmless = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '|' | '"' | '`' | '\\');
    (value.starts_with("https://") || value.starts_with("http://"))
        && value.len() <= 1_000
        && value.chars().all(harmless)
}

/// The three characters that have a meaning in Slack's texts, as entities.
fn slack_char(text: &mut String, c: char) {
    match c {
        '&' => text.push_str("&amp;"),
        '<' => text.push_str("&lt;"),
        '>' => text.push_str("&gt;"),
        c => text.push(c),
    }
}

/// What has a meaning in Discord's Markdown, behind a backslash; a hyphen has one at the start of a line only.
fn discord_char(text: &mut String, c: char) {
    let starts_list = || text.trim_end_matches(' ').is_empty() || text.trim_end_matches(' ').ends_with('\n');
    if "\\*_~`|><#[]()".contains(c) || (c == '-' && starts_list()) {
        text.push('\\');
    }
    text.push(c);
}

/// `text` with each character written by `write`, cut to `max` units; what is cut ends with an ellipsis. A character
/// and its escape stay together.
fn fit(text: &str, max: usize, write: fn(&mut String, char)) -> String {
    let mut fitted = String::new();
    let (mut used, mut room_for_ellipsis) = (0, 0);
    for c in text.chars() {
        let start = fitted.len();
        write(&mut fitted, c);
        used += units(&fitted[start..]);
        if used > max {
            fitted.truncate(room_for_ellipsis);
            fitted.push('…');
            break;
        }
        if used < max {
            room_for_ellipsis = fitted.len();
        }
    }
    fitted
}

/// The length of a text in UTF-16 units: never less than its characters, whichever of the two a service counts.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}
