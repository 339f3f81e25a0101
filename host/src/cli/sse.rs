//! Server-sent events, as they are read (HTML Standard §9.2.5 and §9.2.6). Pure: bytes in, messages out.

use std::time::Duration;

/// Longest line, and longest data of a message, in bytes: many times what a server of ours sends.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// What a stream may begin with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// Its type; `message` if the stream names none.
    pub event: String,
    /// Its data, lines joined by line feeds.
    pub data: String,
    /// The last id that the stream named, with this message or before it.
    pub id: String,
}

/// A line or a message is longer than is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream holds a line or a message of more than {BYTES_MAX} bytes")]
pub(super) struct TooLong;

/// Reads a stream, however it is cut into pieces.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    /// The last byte was a carriage return, which ended a line: a line feed now belongs to it.
    after_return: bool,
    /// The first line has been read.
    begun: bool,
    event: String,
    data: String,
    id: String,
    retry: Option<Duration>,
}

impl Parser {
    /// Takes the next piece; answers the messages that end in it. One that has not ended when the stream does is
    /// incomplete, and not a message.
    ///
    /// # Errors
    /// A line or a message is too long.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Message>, TooLong> {
        let mut messages = Vec::new();
        for &byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => messages.extend(self.end_line()?),
                other => self.line.push(other),
            }
            if self.line.len() > BYTES_MAX {
                return Err(TooLong);
            }
        }
        Ok(messages)
    }

    /// After how long the stream wants to be asked for again, if it said so.
    pub(super) const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    fn end_line(&mut self) -> Result<Option<Message>, TooLong> {
        let line = std::mem::take(&mut self.line);
        let begun = std::mem::replace(&mut self.begun, true);
        let line = if begun { &line[..] } else { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line) };
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        self.take_field(field, value.strip_prefix(' ').unwrap_or(value));
        if self.data.len() > BYTES_MAX { Err(TooLong) } else { Ok(None) }
    }

    /// A comment is a field without a name. Fields that are not known are passed over.
    fn take_field(&mut self, field: &str, value: &str) {
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(Duration::from_millis);
            }
            _ => {}
        }
    }

    fn dispatch(&mut self) -> Option<Message> {
        let (event, mut data) = (std::mem::take(&mut self.event), std::mem::take(&mut self.data));
        // The line feed of the last line.
        data.pop()?;
        let event = if event.is_empty() { "message".to_owned() } else { event };
        Some(Message { event, data, id: self.id.clone() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn messages(stream: &[u8]) -> Vec<Message> {
        Parser::default().push(stream).expect("is not too long")
    }

    fn message(event: &str, data: &str, id: &str) -> Message {
        Message { event: event.to_owned(), data: data.to_owned(), id: id.to_owned() }
    }

    #[test]
    fn the_examples_of_the_standard_read_as_it_says() {
        let stocks = "data: YHOO\ndata: +2\ndata: 10\n\n";
        assert_eq!(messages(stocks.as_bytes()), [message("message", "YHOO\n+2\n10", "")]);
        let ids = ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n";
        assert_eq!(
            messages(ids.as_bytes()),
            [
                message("message", "first event", "1"),
                message("message", "second event", ""),
                message("message", " third event", ""),
            ]
        );
        // The last one is not ended by a blank line.
        let empty = "data\n\ndata\ndata\n\ndata:";
        assert_eq!(messages(empty.as_bytes()), [message("message", "", ""), message("message", "\n", "")]);
        let spaces = "data:test\n\ndata: test\n\n";
        assert_eq!(messages(spaces.as_bytes()), [message("message", "test", ""), message("message", "test", "")]);
    }

    #[test]
    fn lines_end_in_three_ways() {
        for end in ["\n", "\r", "\r\n"] {
            let stream = ["event: a", "data: 1", ": note", "data: 2", "id: x", "", "", "data: 3", "", ""].join(end);
            let expected = [message("a", "1\n2", "x"), message("message", "3", "x")];
            assert_eq!(messages(stream.as_bytes()), expected, "{end:?}");
        }
    }

    #[test]
    fn what_is_no_field_is_passed_over() {
        for (stream, expected) in [
            ("event: a\n\ndata: 1\n\n", vec![message("message", "1", "")]),
            ("id: a\0b\ndata: 1\n\n", vec![message("message", "1", "")]),
            (" data: 1\nDATA: 1\ndatas: 1\n: data: 1\nnonsense\n\n", vec![]),
            ("data: a: b\n\n", vec![message("message", "a: b", "")]),
            ("\u{feff}data: 1\n\n", vec![message("message", "1", "")]),
            ("\n\u{feff}data: 1\n\n", vec![]),
            ("\u{feff}\u{feff}data: 1\n\n", vec![]),
        ] {
            assert_eq!(messages(stream.as_bytes()), expected, "{stream:?}");
        }
        assert_eq!(messages(b"data: a\xffb\n\n"), [message("message", "a\u{fffd}b", "")]);
    }

    #[test]
    fn the_time_to_wait_is_digits_only() {
        for (stream, retry) in [
            ("retry: 1500\n", Some(1_500)),
            ("retry: 1500\nretry: soon\n", Some(1_500)),
            ("retry:\n", None),
            ("retry: -1\n", None),
            ("retry: 1.5\n", None),
            ("retry: 99999999999999999999999\n", None),
        ] {
            let mut parser = Parser::default();
            assert_eq!(parser.push(stream.as_bytes()), Ok(vec![]));
            assert_eq!(parser.retry(), retry.map(Duration::from_millis), "{stream:?}");
        }
    }

    #[test]
    fn a_line_or_message_without_end_is_refused() {
        let line = vec![b'x'; BYTES_MAX + 1];
        assert_eq!(Parser::default().push(&line), Err(TooLong));
        let data = [b"data: ", &line[..BYTES_MAX / 2], b"\n"].concat();
        let mut parser = Parser::default();
        assert_eq!([parser.push(&data), parser.push(&data)], [Ok(vec![]), Err(TooLong)]);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            parts in prop::collection::vec(
                prop::sample::select(vec!["data: a", "data", "event: e", "id: 1", ": c", "\n", "\r", "\r\n", "\u{fc}"]),
                0..40,
            ),
            cuts in prop::collection::vec(0_usize..200, 0..10),
        ) {
            let stream = parts.concat().into_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let mut parser = Parser::default();
            let pieces = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]);
            let found: Vec<_> = pieces.flat_map(|piece| parser.push(piece).expect("is not too long")).collect();
            prop_assert_eq!(found, messages(&stream));
        }
    }
}
