//! A plugin as a name: which of its versions is called where a reference names none.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde::{Deserialize, Serialize};

use super::{Definition, Digest, Kind, Slug, Time};

/// A plugin of a space. References that name a version do not care about it; those that name none follow it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plugin {
    /// Its name.
    pub name: Slug,
    /// The version that is called.
    pub live: Version,
    /// The one that was called before, which a rollback puts back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Version>,
    /// A version that gets a share of the calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// If the live version is quarantined, the previous one is called again, by itself.
    #[serde(default)]
    pub fall_back: bool,
    /// Faults in a row after which a version is quarantined; the server's number, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults_max: Option<u32>,
    /// All versions.
    pub versions: BTreeSet<Version>,
    /// The versions in quarantine.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quarantined: BTreeMap<Version, Quarantine>,
    /// Who made it: the name of the API key.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// A version that is tried on a share of the calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// Which version.
    #[schema(value_type = String)]
    pub version: Version,
    /// Its share of the calls, from 1 to 100 per cent.
    #[schema(minimum = 1, maximum = 100)]
    pub percent: u8,
}

/// Why a version is in quarantine: its calls rest, one at a time is let through to see whether it works again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Quarantine {
    /// Since when.
    pub since: Time,
    /// How many calls in a row crashed or ran out of time.
    pub faults: u32,
    /// The last of these faults.
    pub reason: String,
}

/// What a version is to its plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It is called.
    Live,
    /// It gets a share of the calls.
    Canary,
    /// It was called before, and a rollback puts it back.
    Previous,
    /// It is called only where a reference names it.
    Staged,
}

impl Definition for Plugin {
    const KIND: Kind = Kind::PluginLine;
    fn id(&self) -> String {
        self.name.to_string()
    }
}

impl Canary {
    /// Whether a call is among its share: the first eight bytes of the SHA-256 of `NAME@VERSION`, a zero byte and the
    /// call's id, as a number, modulo 100, are below `percent`. So a call that is repeated meets the same version, and
    /// a share that grows keeps the calls that it had.
    pub fn takes(&self, name: &Slug, call: &str) -> bool {
        let digest = Digest::of(format!("{name}@{}\0{call}", self.version).as_bytes());
        let first: [u8; 8] = std::array::from_fn(|index| digest.as_bytes()[index]);
        u64::from_be_bytes(first) % 100 < u64::from(self.percent)
    }
}

impl Plugin {
    /// The plugin that its first version makes; that version is live.
    pub fn new(name: Slug, first: Version, author: &str, now: Time) -> Self {
        Self {
            name,
            live: first.clone(),
            previous: None,
            canary: None,
            fall_back: false,
            faults_max: None,
            versions: BTreeSet::from([first]),
            quarantined: BTreeMap::new(),
            created_by: author.to_owned(),
            created_at: now,
            updated_at: now,
        }
    }

    /// The version for a call. `call`: the delivery or task, the same for every repeat.
    pub fn version_for(&self, call: &str) -> &Version {
        match &self.canary {
            Some(canary) if canary.takes(&self.name, call) => &canary.version,
            _ => &self.live,
        }
    }

    /// What `version` is to it.
    pub fn standing(&self, version: &Version) -> Standing {
        if *version == self.live {
            Standing::Live
        } else if self.canary.as_ref().is_some_and(|canary| canary.version == *version) {
            Standing::Canary
        } else if self.previous.as_ref() == Some(version) {
            Standing::Previous
        } else {
            Standing::Staged
        }
    }

    /// The versions that it cannot do without.
    pub fn held(&self) -> impl Iterator<Item = &Version> {
        let canary = self.canary.as_ref().map(|canary| &canary.version);
        [Some(&self.live), self.previous.as_ref(), canary].into_iter().flatten()
    }

    /// Makes `version` live, out of quarantine. The canary ends: what it was compared with is gone.
    pub fn promote(&mut self, version: Version) {
        self.canary = None;
        self.quarantined.remove(&version);
        if version != self.live {
            self.previous = Some(std::mem::replace(&mut self.live, version));
        }
    }

    /// Makes the previous version live again, and the live one the previous, so that a rollback can itself be taken
    /// back. `false` if there is no previous one.
    pub fn roll_back(&mut self) -> bool {
        let previous = self.previous.clone();
        previous.map(|version| self.promote(version)).is_some()
    }

    /// Puts `version` in quarantine. A canary is over then. `may_fall_back`: the previous version can do what its
    /// users need. Answers the version that is live instead, if it was live and there is one to fall back to.
    pub fn quarantine(&mut self, version: &Version, why: Quarantine, may_fall_back: bool) -> Option<Version> {
        self.quarantined.insert(version.clone(), why);
        if self.standing(version) == Standing::Canary {
            self.canary = None;
        }
        let falls = self.fall_back && may_fall_back && *version == self.live;
        let previous = self.previous.clone().filter(|previous| falls && !self.quarantined.contains_key(previous))?;
        self.promote(previous.clone());
        Some(previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().expect("a version")
    }

    fn plugin() -> Plugin {
        let mut plugin = Plugin::new("mine".parse().expect("a name"), version("1.0.0"), "ada", Time::default());
        plugin.versions.extend([version("2.0.0"), version("3.0.0")]);
        plugin
    }

    fn why() -> Quarantine {
        Quarantine { since: Time::default(), faults: 3, reason: "it crashed".to_owned() }
    }

    /// `live previous canary`, of which the last two may be missing.
    fn state(plugin: &Plugin) -> String {
        let name = |version: Option<&Version>| version.map_or_else(|| "-".to_owned(), ToString::to_string);
        let canary = plugin.canary.as_ref().map(|canary| &canary.version);
        format!("{} {} {}", plugin.live, name(plugin.previous.as_ref()), name(canary))
    }

    #[test]
    fn the_pointer_moves_by_promotion_and_back_by_rollback() {
        let mut plugin = plugin();
        assert!(!plugin.roll_back(), "there is nothing before the first version");
        plugin.promote(version("2.0.0"));
        assert_eq!(state(&plugin), "2.0.0 1.0.0 -");
        plugin.promote(version("2.0.0"));
        assert_eq!(state(&plugin), "2.0.0 1.0.0 -", "what is live already stays, and so does its way back");
        plugin.canary = Some(Canary { version: version("3.0.0"), percent: 10 });
        plugin.promote(version("3.0.0"));
        assert_eq!(state(&plugin), "3.0.0 2.0.0 -", "a canary that is promoted is none any more");
        assert!(plugin.roll_back());
        assert_eq!(state(&plugin), "2.0.0 3.0.0 -");
        assert!(plugin.roll_back());
        assert_eq!(state(&plugin), "3.0.0 2.0.0 -", "a rollback can be taken back");
        let standings = ["3.0.0", "2.0.0", "1.0.0"].map(|text| plugin.standing(&version(text)));
        assert_eq!(standings, [Standing::Live, Standing::Previous, Standing::Staged]);
        assert_eq!(plugin.held().map(ToString::to_string).collect::<Vec<_>>(), ["3.0.0", "2.0.0"]);
    }

    #[test]
    fn a_quarantine_falls_back_only_where_that_is_wanted_and_helps() {
        let cases = [
            ("not wanted", false, true, false, None),
            ("wanted", true, true, false, Some("1.0.0")),
            ("the previous version does not do", true, false, false, None),
            ("the previous version is in quarantine itself", true, true, true, None),
        ];
        for (what, fall_back, fits, ill, expected) in cases {
            let mut plugin = plugin();
            plugin.promote(version("2.0.0"));
            plugin.canary = Some(Canary { version: version("3.0.0"), percent: 10 });
            plugin.fall_back = fall_back;
            if ill {
                plugin.quarantined.insert(version("1.0.0"), why());
            }
            let fell = plugin.quarantine(&version("2.0.0"), why(), fits);
            assert_eq!(fell, expected.map(version), "{what}");
            assert_eq!(
                plugin.canary.is_none(),
                expected.is_some(),
                "{what}: the canary ends with what it is compared to"
            );
            assert!(plugin.quarantined.contains_key(&version("2.0.0")), "{what}");
        }
    }

    #[test]
    fn a_canary_in_quarantine_ends_and_the_live_version_stays() {
        let mut plugin = plugin();
        plugin.canary = Some(Canary { version: version("3.0.0"), percent: 50 });
        assert_eq!(plugin.quarantine(&version("3.0.0"), why(), true), None);
        assert_eq!(state(&plugin), "1.0.0 - -");
        plugin.promote(version("3.0.0"));
        assert!(plugin.quarantined.is_empty(), "promoting a version takes it out of quarantine");
    }

    #[test]
    fn the_share_of_a_canary_is_kept_over_repeats_and_grows_with_its_percentage() {
        let canary = |percent| Canary { version: version("2.0.0"), percent };
        let name: Slug = "mine".parse().expect("a name");
        let calls: Vec<String> = (0..10_000).map(|number| format!("call-{number}")).collect();
        let share = |percent: u8| calls.iter().filter(|call| canary(percent).takes(&name, call)).count();
        for percent in [1, 10, 50, 90] {
            let expected = usize::from(percent) * 100;
            assert!(share(percent).abs_diff(expected) < 200, "{percent} per cent: {}", share(percent));
        }
        assert_eq!((share(0), share(100)), (0, 10_000));
        assert!(calls.iter().filter(|call| canary(10).takes(&name, call)).all(|call| canary(20).takes(&name, call)));
        // Computed by other means: a hash that changed would move calls in flight.
        assert!(!canary(15).takes(&name, "call-1") && canary(16).takes(&name, "call-1"));
    }
}
