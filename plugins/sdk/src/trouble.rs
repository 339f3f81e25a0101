//! What went wrong with a capability, and what an action makes of it.

use crate::{Failure, Trouble};

/// With `?` an action fails as the trouble says: `Unavailable` may work later, `Invalid` is invalid, all else is
/// rejected, since a repeat would change nothing.
impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unavailable(text) => Self::Unavailable(text),
            Trouble::Invalid(text) => Self::Invalid(text),
            Trouble::Denied(text) => Self::Rejected(format!("not granted: {text}")),
            Trouble::Missing(text) => Self::Rejected(format!("not there: {text}")),
            Trouble::Exhausted(text) => Self::Rejected(format!("used up: {text}")),
        }
    }
}
