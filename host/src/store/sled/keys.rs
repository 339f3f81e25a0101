//! Where things are in the tree: one letter of kind, then parts that end with a zero byte or have a fixed length.
//!
//! The letters and the layout are the on-disk format; a change of them is a new [`FORMAT`](super::open::FORMAT).

use sha2::{Digest as _, Sha256};

use crate::model::{DefinitionPath, Digest, Kind, RecordKey, Slug, Time, UniqueId};
use crate::store::{Lane, Prunable};

/// Definition path → user path: who refers to a definition.
const USES: u8 = b'U';
/// Definitions.
const DEFINITION: u8 = b'D';
/// Alias → definition path.
const ALIAS: u8 = b'A';
/// Pieces of a value, under the key of the value and a number.
const CHUNK: u8 = b'C';
/// Blobs by digest.
const BLOB: u8 = b'B';
/// Records.
const RECORD: u8 = b'K';
/// Runs that are not final.
const LIVE: u8 = b'L';
/// Final runs.
const FINAL: u8 = b'R';
/// Inputs of runs that are too large to be written again with each step.
const INPUT: u8 = b'I';
/// History of runs.
const HISTORY: u8 = b'H';
/// Events.
const EVENT: u8 = b'E';
/// Deliveries.
const DELIVERY: u8 = b'V';
/// Which deliveries of an endpoint are due when.
const QUEUED: u8 = b'Q';
/// Which delivery of an endpoint is the first of its ordering key.
const CHAIN: u8 = b'O';
/// Which deliveries of an endpoint wait behind it.
const CHAINED: u8 = b'W';
/// Attempts of deliveries.
const ATTEMPT: u8 = b'T';
/// How endpoints fare.
const HEALTH: u8 = b'F';
/// Requests that bins recorded.
const CAPTURE: u8 = b'G';
/// The key of a bin's request, by its number.
const NUMBERED: u8 = b'N';
/// How many requests a bin has recorded.
const CAPTURE_COUNT: u8 = b'M';
/// Refused calls: the total and a ring of the newest.
pub(super) const REJECTION: u8 = b'J';
/// Calls that the verifier of a trigger judged: the total and a ring of the newest.
pub(super) const JUDGED: u8 = b'Y';
/// Calls that the verifier of a trigger refused, in the same way.
pub(super) const REFUSED: u8 = b'j';
/// Names of calls, to recognise repeats.
const REPEAT: u8 = b'P';
/// Which names of calls expire when.
const EXPIRY: u8 = b'X';
/// Values of plugins.
const STATE: u8 = b'S';
/// How much a plugin keeps.
const STATE_SIZE: u8 = b'y';
/// How many bytes of events, deliveries, runs and recorded requests there are.
const AGING_BYTES: u8 = b'Z';

/// A key of the tree.
pub(super) type Key = Vec<u8>;

/// The stored number of a definition kind.
const fn kind_code(kind: Kind) -> u8 {
    match kind {
        Kind::Space => 1,
        Kind::ApiKey => 2,
        Kind::Source => 3,
        Kind::Secret => 4,
        Kind::Plugin => 5,
        Kind::Webhook => 6,
        Kind::Workflow => 7,
        Kind::WorkflowVersion => 8,
        Kind::Trigger => 9,
        Kind::Endpoint => 11,
        Kind::EventType => 10,
        Kind::Job => 13,
        Kind::EventTypeVersion => 12,
        Kind::Bin => 14,
        Kind::PluginLine => 20,
        Kind::Grants => 17,
    }
}

const KINDS: [Kind; 16] = [
    Kind::Space,
    Kind::ApiKey,
    Kind::Source,
    Kind::Secret,
    Kind::Plugin,
    Kind::Webhook,
    Kind::Workflow,
    Kind::WorkflowVersion,
    Kind::Trigger,
    Kind::Endpoint,
    Kind::EventType,
    Kind::Job,
    Kind::EventTypeVersion,
    Kind::Bin,
    Kind::PluginLine,
    Kind::Grants,
];

/// A definition path as bytes: kind, space, zero, id.
pub(super) fn path_bytes(path: &DefinitionPath) -> Vec<u8> {
    join(kind_code(path.kind), &[path.space.as_str().as_bytes(), b"\0", path.id.as_bytes()])
}

/// The definition path of [`path_bytes`]; `None` if it is none.
pub(super) fn parse_path(bytes: &[u8]) -> Option<DefinitionPath> {
    let (&code, rest) = bytes.split_first()?;
    let kind = KINDS.into_iter().find(|kind| kind_code(*kind) == code)?;
    let text = std::str::from_utf8(rest).ok()?;
    let (space, id) = text.split_once('\0')?;
    Some(DefinitionPath { space: space.parse().ok()?, kind, id: id.to_owned() })
}

/// A definition.
pub(super) fn definition(path: &DefinitionPath) -> Key {
    join(DEFINITION, &[&path_bytes(path)])
}

/// Before all definitions of a kind in a space; spaces themselves are listed over all spaces.
pub(super) fn definitions(space: &Slug, kind: Kind) -> Key {
    let code = [kind_code(kind)];
    match kind {
        Kind::Space => join(DEFINITION, &[&code]),
        _ => join(DEFINITION, &[&code, space.as_str().as_bytes(), b"\0"]),
    }
}

/// Before all users of the definition with these path bytes.
pub(super) fn users(path: &[u8]) -> Key {
    let length = u16::try_from(path.len()).unwrap_or(u16::MAX).to_be_bytes();
    join(USES, &[&length, path])
}

/// One reference: `user` refers to `path`.
pub(super) fn user(path: &[u8], user: &[u8]) -> Key {
    let mut key = users(path);
    key.extend_from_slice(user);
    key
}

/// The definition with an alias.
pub(super) fn alias(kind: Kind, alias: &str) -> Key {
    join(ALIAS, &[&[kind_code(kind)], alias.as_bytes()])
}

/// Piece `index` of the value at `owner`.
pub(super) fn chunk(owner: &[u8], index: u16) -> Key {
    join(CHUNK, &[owner, &index.to_be_bytes()])
}

/// A blob.
pub(super) fn blob(digest: &Digest) -> Key {
    join(BLOB, &[digest.as_bytes()])
}

/// Before all blobs.
pub(super) fn blobs() -> Key {
    vec![BLOB]
}

/// The digest of a blob's key.
pub(super) fn parse_blob(key: &[u8]) -> Option<Digest> {
    key.strip_prefix(&[BLOB])?.try_into().ok().map(Digest::from_bytes)
}

/// Before all records of a source.
pub(super) fn records(space: &Slug, source: &Slug) -> Key {
    join(RECORD, &[space.as_str().as_bytes(), b"\0", source.as_str().as_bytes(), b"\0"])
}

/// A record.
pub(super) fn record(space: &Slug, source: &Slug, key: &RecordKey) -> Key {
    [&records(space, source)[..], key.as_str().as_bytes()].concat()
}

/// Before all live runs of all spaces.
pub(super) fn all_live_runs() -> Key {
    vec![LIVE]
}

/// Space and id of a live run's key.
pub(super) fn parse_live_run(key: &[u8]) -> Option<(Slug, UniqueId)> {
    let rest = key.strip_prefix(&[LIVE])?;
    let (space, id) = rest.split_at_checked(rest.len().checked_sub(17)?)?;
    let space = std::str::from_utf8(space).ok()?.parse().ok()?;
    Some((space, parse_id(id)?))
}

/// Before the runs of a space that are not final.
pub(super) fn live_runs(space: &Slug) -> Key {
    join(LIVE, &[space.as_str().as_bytes(), b"\0"])
}

/// Before the final runs of a space.
pub(super) fn final_runs(space: &Slug) -> Key {
    join(FINAL, &[space.as_str().as_bytes(), b"\0"])
}

/// A run that is not final.
pub(super) fn live_run(space: &Slug, id: UniqueId) -> Key {
    join(LIVE, &[space.as_str().as_bytes(), b"\0", id.as_bytes()])
}

/// A final run.
pub(super) fn final_run(space: &Slug, id: UniqueId) -> Key {
    join(FINAL, &[space.as_str().as_bytes(), b"\0", id.as_bytes()])
}

/// The large input of a run.
pub(super) fn input(run: UniqueId) -> Key {
    join(INPUT, &[run.as_bytes()])
}

/// Before the history of a run.
pub(super) fn history(run: UniqueId) -> Key {
    join(HISTORY, &[run.as_bytes()])
}

/// The history written with one revision of a run.
pub(super) fn history_of(run: UniqueId, revision: u64) -> Key {
    join(HISTORY, &[run.as_bytes(), &revision.to_be_bytes()])
}

/// Before the events of a space.
pub(super) fn events(space: &Slug) -> Key {
    join(EVENT, &[space.as_str().as_bytes(), b"\0"])
}

/// An event.
pub(super) fn event(space: &Slug, id: UniqueId) -> Key {
    join(EVENT, &[space.as_str().as_bytes(), b"\0", id.as_bytes()])
}

/// Before the deliveries of a space.
pub(super) fn deliveries(space: &Slug) -> Key {
    join(DELIVERY, &[space.as_str().as_bytes(), b"\0"])
}

/// A delivery.
pub(super) fn delivery(space: &Slug, id: UniqueId) -> Key {
    join(DELIVERY, &[space.as_str().as_bytes(), b"\0", id.as_bytes()])
}

/// Before the queues of all lanes.
pub(super) fn all_queued() -> Key {
    vec![QUEUED]
}

/// Before the queue of a lane.
pub(super) fn queue(lane: &Lane) -> Key {
    of_lane(QUEUED, lane, &[])
}

/// A delivery in the queue of its lane.
pub(super) fn queued(lane: &Lane, due: Time, id: UniqueId) -> Key {
    of_lane(QUEUED, lane, &[&due.as_millis().to_be_bytes(), id.as_bytes()])
}

/// Lane, time and id of a [`queued`] key.
pub(super) fn parse_queued(key: &[u8]) -> Option<(Lane, Time, UniqueId)> {
    let rest = key.strip_prefix(&[QUEUED])?;
    let (lane, end) = rest.split_at_checked(rest.len().checked_sub(24)?)?;
    let mut names = std::str::from_utf8(lane).ok()?.split_terminator('\0');
    let lane = Lane { space: names.next()?.parse().ok()?, endpoint: names.next()?.parse().ok()? };
    let due = Time::from_millis(u64::from_be_bytes(*end.first_chunk()?));
    Some((lane, due, parse_id(end)?))
}

/// The first delivery of an ordering key.
pub(super) fn chain(lane: &Lane, key: &str) -> Key {
    of_lane(CHAIN, lane, &[&short_hash(key)])
}

/// Before the deliveries that wait behind the first of an ordering key.
pub(super) fn chained_behind(lane: &Lane, key: &str) -> Key {
    of_lane(CHAINED, lane, &[&short_hash(key)])
}

/// A delivery that waits behind the first of its ordering key.
pub(super) fn chained(lane: &Lane, key: &str, id: UniqueId) -> Key {
    of_lane(CHAINED, lane, &[&short_hash(key), id.as_bytes()])
}

/// Before the attempts of a delivery.
pub(super) fn attempts(delivery: UniqueId) -> Key {
    join(ATTEMPT, &[delivery.as_bytes()])
}

/// One attempt of a delivery.
pub(super) fn attempt(delivery: UniqueId, number: u32) -> Key {
    join(ATTEMPT, &[delivery.as_bytes(), &number.to_be_bytes()])
}

/// How an endpoint fares.
pub(super) fn health(lane: &Lane) -> Key {
    of_lane(HEALTH, lane, &[])
}

fn of_lane(letter: u8, lane: &Lane, rest: &[&[u8]]) -> Key {
    let mut key = join(letter, &[lane.space.as_str().as_bytes(), b"\0", lane.endpoint.as_str().as_bytes(), b"\0"]);
    rest.iter().for_each(|part| key.extend_from_slice(part));
    key
}

/// Texts of any length become 16 bytes of a SHA-256.
fn short_hash(text: &str) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    hash.first_chunk().copied().unwrap_or_default()
}

/// Before the recorded requests of a space.
pub(super) fn captures(space: &Slug) -> Key {
    join(CAPTURE, &[space.as_str().as_bytes(), b"\0"])
}

/// A recorded request.
pub(super) fn capture(space: &Slug, id: UniqueId) -> Key {
    join(CAPTURE, &[space.as_str().as_bytes(), b"\0", id.as_bytes()])
}

/// Before the numbers of a bin's requests. Bins are known by their tokens here: one that is made anew under the id of
/// a deleted one has nothing of it.
pub(super) fn numbered(token: &str) -> Key {
    join(NUMBERED, &[token.as_bytes(), b"\0"])
}

/// The number of a bin's request.
pub(super) fn number(token: &str, number: u64) -> Key {
    join(NUMBERED, &[token.as_bytes(), b"\0", &number.to_be_bytes()])
}

/// How many requests a bin has recorded.
pub(super) fn capture_count(token: &str) -> Key {
    join(CAPTURE_COUNT, &[token.as_bytes()])
}

/// Before the values of a plugin in a space.
pub(super) fn states(space: &Slug, plugin: &Slug) -> Key {
    join(STATE, &[space.as_str().as_bytes(), b"\0", plugin.as_str().as_bytes(), b"\0"])
}

/// A value of a plugin.
pub(super) fn state(space: &Slug, plugin: &Slug, key: &str) -> Key {
    [&states(space, plugin)[..], key.as_bytes()].concat()
}

/// How much a plugin keeps in a space.
pub(super) fn state_size(space: &Slug, plugin: &Slug) -> Key {
    join(STATE_SIZE, &[space.as_str().as_bytes(), b"\0", plugin.as_str().as_bytes()])
}

/// How many calls of a trigger went into the ring of this letter.
pub(super) fn ring_total(letter: u8, space: &Slug, workflow: &Slug) -> Key {
    join(letter, &[space.as_str().as_bytes(), b"\0", workflow.as_str().as_bytes(), b"\0"])
}

/// One place in that ring.
pub(super) fn ring_slot(letter: u8, space: &Slug, workflow: &Slug, slot: u8) -> Key {
    let mut key = ring_total(letter, space, workflow);
    key.push(slot);
    key
}

/// The name of a call: keys of any length become 24 bytes of a SHA-256.
pub(super) fn repeat(scope: &str, key: &str) -> Key {
    let mut hasher = Sha256::new();
    hasher.update(u64::try_from(scope.len()).unwrap_or(u64::MAX).to_be_bytes());
    hasher.update(scope.as_bytes());
    hasher.update(key.as_bytes());
    join(REPEAT, &[&hasher.finalize()[..24]])
}

/// A list of names of calls that expire by `at`.
pub(super) fn expiry(at: Time, number: u64) -> Key {
    join(EXPIRY, &[&at.as_millis().to_be_bytes(), &number.to_be_bytes()])
}

/// The size of what ages.
pub(super) fn aging_bytes() -> Key {
    vec![AGING_BYTES]
}

/// Of which kind of what ages a value is; `None` if it does not.
pub(super) fn ages(key: &[u8]) -> Option<Prunable> {
    match *key.first()? {
        EVENT => Some(Prunable::Events),
        DELIVERY | ATTEMPT => Some(Prunable::Deliveries),
        LIVE | FINAL | INPUT | HISTORY => Some(Prunable::Runs),
        CAPTURE => Some(Prunable::Captures),
        _ => None,
    }
}

/// All keys with a prefix that has expired by `now`: an upper bound for [`expiry`] keys.
pub(super) fn expired(now: Time) -> (Key, Key) {
    (vec![EXPIRY], join(EXPIRY, &[&now.as_millis().to_be_bytes()]))
}

/// The run or event id at the end of a key.
pub(super) fn parse_id(key: &[u8]) -> Option<UniqueId> {
    key.last_chunk::<16>().copied().map(UniqueId::from_bytes)
}

/// The first key after all those that start with `prefix`, which holds a byte below 255.
pub(super) fn after(prefix: &[u8]) -> Key {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}

fn join(letter: u8, parts: &[&[u8]]) -> Key {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    key.push(letter);
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

#[cfg(test)]
mod tests;
