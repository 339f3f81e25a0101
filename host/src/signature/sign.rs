//! Signing a message.

use super::SigningKey;
use crate::model::Time;

/// The value of the header `webhook-signature` for a message sent at `time`: one signature per key, in their order,
/// separated by spaces; empty without keys. `id` must not hold a dot (specification, "Webhook metadata").
pub fn sign<'k>(keys: impl IntoIterator<Item = &'k SigningKey>, id: &str, time: Time, body: &[u8]) -> String {
    let timestamp = (time.as_millis() / 1000).to_string();
    let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    let mut header = String::new();
    for key in keys {
        if !header.is_empty() {
            header.push(' ');
        }
        header.push_str(key.scheme().version());
        header.push(',');
        header.push_str(&key.signature(&parts));
    }
    header
}
