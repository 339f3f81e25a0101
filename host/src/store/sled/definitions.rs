//! Definitions: their references and aliases, and the checks that keep both whole.

use serde::{Deserialize, Serialize};

use super::commit::{Change, Transaction, conflict};
use super::keys;
use super::listing::{Cursor, Scan};
use super::value::{self, Head, Packed, View};
use super::{Result, StoreError, captures, corrupt, rings};
use crate::model::{DefinitionPath, Kind, Saved, Slug};
use crate::store::{Draft, Expect, Page, Slice};

/// What is kept with a definition besides its JSON, in front of it.
#[derive(Default, Serialize, Deserialize)]
struct Links {
    /// [`keys::path_bytes`] of what it refers to, as text.
    uses: Vec<String>,
    alias: Option<String>,
}

/// A draft as bytes.
struct Prepared {
    draft: Draft,
    uses: Vec<Vec<u8>>,
    links: Vec<u8>,
}

/// Saves drafts.
pub(super) struct Save {
    drafts: Vec<Prepared>,
}

impl Save {
    /// Prepares `drafts`.
    pub(super) fn new(drafts: Vec<Draft>) -> Result<Self> {
        let drafts = drafts.into_iter().map(Prepared::new).collect::<Result<_>>()?;
        Ok(Self { drafts })
    }
}

impl Prepared {
    fn new(draft: Draft) -> Result<Self> {
        let uses: Vec<Vec<u8>> = draft.uses.iter().map(keys::path_bytes).collect();
        let texts = uses.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
        let links = serde_json::to_vec(&Links { uses: texts, alias: draft.alias.clone() })?;
        Ok(Self { draft, uses, links })
    }
}

impl Change for Save {
    type Output = Vec<u64>;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Vec<u64>> {
        transaction.change_definitions();
        let revisions = self.drafts.iter().map(|prepared| save(transaction, prepared)).collect::<Result<Vec<u64>>>()?;
        for prepared in &self.drafts {
            for target in &prepared.draft.uses {
                if !transaction.has(&keys::definition(target))? {
                    return Err(StoreError::Missing { path: target.clone() });
                }
            }
        }
        Ok(revisions)
    }

    fn size(&self) -> usize {
        self.drafts.iter().map(|prepared| prepared.draft.body.len() + prepared.links.len() + 256).sum()
    }
}

fn save(transaction: &mut Transaction<'_>, prepared: &Prepared) -> Result<u64> {
    let draft = &prepared.draft;
    let key = keys::definition(&draft.path);
    let old = transaction.view(&key)?;
    check(draft.expect, old.as_ref(), &draft.path)?;
    let path = keys::path_bytes(&draft.path);
    if let Some(old) = &old {
        unlink(transaction, &draft.path, &key, old)?;
    }
    for target in &prepared.uses {
        transaction.put(keys::user(target, &path), Vec::new());
    }
    if let Some(alias) = &draft.alias {
        let alias_key = keys::alias(draft.path.kind, alias);
        if transaction.has(&alias_key)? {
            return Err(conflict(format_args!("the alias of {}", draft.path)));
        }
        transaction.put(alias_key, path);
    }
    let revision = old.as_ref().map_or(0, View::revision) + 1;
    let packed = Packed::pair(Head { revision, ..Head::default() }, &prepared.links, &draft.body)?;
    transaction.put_value(key, old.as_ref(), packed);
    Ok(revision)
}

fn check(expect: Expect, old: Option<&View>, path: &DefinitionPath) -> Result<()> {
    let holds = match expect {
        Expect::Any => true,
        Expect::Absent => old.is_none(),
        Expect::At(revision) => old.is_some_and(|old| old.revision() == revision),
    };
    if holds { Ok(()) } else { Err(conflict(path)) }
}

/// Removes the references and the alias of the stored revision; answers that alias.
fn unlink(transaction: &mut Transaction<'_>, path: &DefinitionPath, key: &[u8], old: &View) -> Result<Option<String>> {
    let (links, _) = unpack(transaction.body(key, old)?)?;
    let user = keys::path_bytes(path);
    for target in &links.uses {
        transaction.remove(keys::user(target.as_bytes(), &user));
    }
    if let Some(alias) = &links.alias {
        transaction.remove(keys::alias(path.kind, alias));
    }
    Ok(links.alias)
}

/// Deletes definitions, together.
pub(super) struct Delete {
    /// Which; each may be referred to by those before it.
    pub paths: Vec<DefinitionPath>,
    /// What there is now of the first.
    pub expect: Expect,
}

impl Change for Delete {
    type Output = bool;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<bool> {
        transaction.change_definitions();
        let mut expect = self.expect;
        let mut found = false;
        for (number, path) in self.paths.into_iter().enumerate() {
            let deleted = delete(transaction, path, expect)?;
            if number == 0 && !deleted {
                return Ok(false);
            }
            (found, expect) = (true, Expect::Any);
        }
        Ok(found)
    }

    fn size(&self) -> usize {
        256 * self.paths.len()
    }
}

/// Deletes a definition with what belongs to it; `false` if there was none.
fn delete(transaction: &mut Transaction<'_>, path: DefinitionPath, expect: Expect) -> Result<bool> {
    let key = keys::definition(&path);
    let old = transaction.view(&key)?;
    check(expect, old.as_ref(), &path)?;
    let Some(old) = old else { return Ok(false) };
    let prefix = keys::users(&keys::path_bytes(&path));
    let mut users = parse_users(&prefix, transaction.keys_with_prefix(&prefix)?)?;
    let owned = owned_by(&path);
    users.retain(|user| *user != path && Some(user) != owned.as_ref());
    if !users.is_empty() {
        return Err(StoreError::InUse { path, users });
    }
    let alias = unlink(transaction, &path, &key, &old)?;
    match (path.kind, alias) {
        (Kind::Trigger, _) => {
            for ring in [rings::REJECTIONS, rings::JUDGED, rings::REFUSED] {
                ring.forget(transaction, &path.space, &path.id)?;
            }
        }
        (Kind::Bin, Some(token)) => captures::forget_count(transaction, &token),
        _ => {}
    }
    transaction.remove_value(key, &old);
    if let Some(path) = owned {
        delete(transaction, path, Expect::Any)?;
    }
    Ok(true)
}

/// The definition that goes with the one at `path` and does not keep it from going.
fn owned_by(path: &DefinitionPath) -> Option<DefinitionPath> {
    (path.kind == Kind::Plugin).then(|| DefinitionPath::new(&path.space, Kind::Grants, path.id.as_str()))
}

/// One definition's JSON.
pub(super) fn get(tree: &sled::Tree, path: &DefinitionPath) -> Result<Option<Saved<Vec<u8>>>> {
    value::load(tree, &keys::definition(path))?.map(saved).transpose()
}

/// The definition with an alias.
pub(super) fn by_alias(tree: &sled::Tree, kind: Kind, alias: &str) -> Result<Option<(DefinitionPath, Saved<Vec<u8>>)>> {
    let Some(path) = tree.get(keys::alias(kind, alias))? else { return Ok(None) };
    let path = keys::parse_path(&path).ok_or_else(|| corrupt("an alias of no definition"))?;
    Ok(get(tree, &path)?.map(|saved| (path, saved)))
}

/// Definitions of a kind in a space, by id.
pub(super) fn list(tree: &sled::Tree, space: &Slug, kind: Kind, page: &Page) -> Result<Slice<Saved<Vec<u8>>>> {
    let scan = Scan::new(keys::definitions(space, kind), Cursor::Definition);
    scan.page(tree, page, |key, entry| value::load_entry(tree, key, entry)?.map(saved).transpose())
}

/// Who refers to a definition.
pub(super) fn users(tree: &sled::Tree, path: &DefinitionPath) -> Result<Vec<DefinitionPath>> {
    let prefix = keys::users(&keys::path_bytes(path));
    let found = tree.scan_prefix(&prefix).keys().collect::<Result<Vec<_>, _>>()?;
    parse_users(&prefix, found)
}

fn parse_users(prefix: &[u8], found: Vec<sled::IVec>) -> Result<Vec<DefinitionPath>> {
    let mut users: Vec<DefinitionPath> = found
        .iter()
        .map(|key| keys::parse_path(&key[prefix.len()..]).ok_or_else(|| corrupt("a reference from no definition")))
        .collect::<Result<_>>()?;
    users.sort();
    Ok(users)
}

fn saved((view, body): (View, Vec<u8>)) -> Result<Saved<Vec<u8>>> {
    let (_, value) = value::split_pair(body)?;
    Ok(Saved { revision: view.revision(), value })
}

fn unpack(body: Vec<u8>) -> Result<(Links, Vec<u8>)> {
    let (links, json) = value::split_pair(body)?;
    Ok((serde_json::from_slice(&links)?, json))
}
