//! Keys, as the gateway knows them.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use contract::imports::OldFormat;
use contract::keys::KeyState;
use contract::keys::hash::KeyHash;
use contract::limits::Limit;
use contract::{KeyId, OrganizationId};
use gateway::{Grant, GrantState, KeyDirectory, Meter, RouteMeters};
use portal::imports::Outdated;
use portal::keys::KeyRecord;
use tokio::sync::mpsc;

/// Every key that ever had a secret, and the organizations whose keys rest. Reading never waits.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    grants: papaya::HashMap<KeyHash, Arc<Grant>>,
    resting: papaya::HashSet<OrganizationId>,
    /// What is used of the limits of organizations, of those that have one.
    limits: papaya::HashMap<OrganizationId, Meter>,
    /// What is used of each key's limits: it outlives changes of the key, and its secrets share it.
    used: papaya::HashMap<KeyId, Used>,
    /// What imported keys look like. Read for texts that are no keys of ours, and locked for no longer than that.
    old_formats: RwLock<Vec<OldFormat>>,
    /// Where keys are announced that have another hash today; nobody listens until the program runs.
    outdated: OnceLock<mpsc::Sender<Outdated>>,
}

/// Outdated keys that wait to be brought over: more are announced again when they are next used.
const OUTDATED: usize = 1_024;

#[derive(Clone, Debug, Default)]
struct Used {
    own: Option<Meter>,
    routes: Arc<RouteMeters>,
    /// By what its secrets are looked up: another process replaces them without saying which.
    hashes: Vec<KeyHash>,
}

impl Keys {
    pub(crate) fn changed(&self, record: &KeyRecord) {
        let state = if record.state == KeyState::Active { GrantState::Active } else { GrantState::Revoked };
        let used = self.used_by(record);
        let grants = self.grants.pin();
        // First what is known from now on, then what no longer is: there is no moment at which neither secret of a
        // rotation works.
        for secret in &record.secrets {
            let grant = Arc::new(Grant {
                expires_at: secret.expires_at,
                scopes: record.scopes.clone(),
                networks: record.networks.clone(),
                meter: record.limit.and(used.own.clone()),
                organization: self.limits.pin().get(&record.caller.organization).cloned(),
                routes: used.routes.clone(),
                ..Grant::new(state, record.caller_with(secret))
            });
            // A revoked key stays refused, whatever an older reading of the database says.
            let newer = |known: &Arc<Grant>| {
                let undone = known.state == GrantState::Revoked && grant.state != GrantState::Revoked;
                Arc::clone(if undone { known } else { &grant })
            };
            grants.update_or_insert(secret.hash, newer, Arc::clone(&grant));
        }
        for replaced in record.replaced.iter().chain(&used.hashes) {
            if !record.secrets.iter().any(|secret| secret.hash == *replaced) {
                grants.remove(replaced);
            }
        }
    }

    /// What the key used so far, with the hashes it had. Changes of keys come one at a time, so nobody else writes between
    /// the two steps.
    fn used_by(&self, record: &KeyRecord) -> Used {
        let all = self.used.pin();
        let mut used = all.get(&record.caller.key).cloned().unwrap_or_default();
        if let Some(limit) = record.limit {
            used.own = Some(used.own.map_or_else(|| Meter::new(limit), |before| Meter::keeping(limit, &before)));
        }
        let hashes = record.secrets.iter().map(|secret| secret.hash).collect();
        all.insert(record.caller.key, Used { hashes, ..used.clone() });
        used
    }

    /// Every key of the organization shares one number. It stands in the keys themselves, so that a request looks for
    /// nothing; changes of it are rare, and come one at a time with those of keys.
    pub(crate) fn limited(&self, organization: OrganizationId, limit: Option<Limit>) {
        let limits = self.limits.pin();
        let before = limits.get(&organization).cloned();
        if before.as_ref().map(Meter::limit) == limit {
            return;
        }
        let meter =
            limit.map(|limit| before.map_or_else(|| Meter::new(limit), |before| Meter::keeping(limit, &before)));
        match &meter {
            Some(meter) => limits.insert(organization, meter.clone()),
            None => limits.remove(&organization),
        };
        let grants = self.grants.pin();
        for (hash, grant) in &grants {
            if grant.caller.organization == organization {
                grants.update(*hash, |known| Arc::new(Grant { organization: meter.clone(), ..Grant::clone(known) }));
            }
        }
    }

    pub(crate) fn old_formats(&self, formats: Vec<OldFormat>) {
        *self.old_formats.write().unwrap_or_else(PoisonError::into_inner) = formats;
    }

    /// Hears of keys that have another hash today. Once.
    pub(crate) fn hear_of_outdated(&self) -> mpsc::Receiver<Outdated> {
        let (told, heard) = mpsc::channel(OUTDATED);
        let _ = self.outdated.set(told);
        heard
    }

    pub(crate) fn rests(&self, organization: OrganizationId, rests: bool) {
        let resting = self.resting.pin();
        if rests {
            resting.insert(organization);
        } else {
            resting.remove(&organization);
        }
    }
}

impl KeyDirectory for Keys {
    fn find(&self, hash: &KeyHash) -> Option<Arc<Grant>> {
        let grant = self.grants.pin().get(hash).cloned()?;
        let rests = grant.state == GrantState::Active && self.resting.pin().contains(&grant.caller.organization);
        Some(if rests { Arc::new(Grant { state: GrantState::Paused, ..Grant::clone(&grant) }) } else { grant })
    }

    fn imported(&self, text: &str) -> Option<String> {
        let formats = self.old_formats.read().unwrap_or_else(PoisonError::into_inner);
        formats.iter().find(|format| format.matches(text)).map(OldFormat::hint)
    }

    fn outdated(&self, key: KeyId, known: KeyHash, newest: KeyHash) {
        if let Some(told) = self.outdated.get() {
            // Where there is no room, it is announced again with its next use.
            let _ = told.try_send(Outdated { key, known, newest });
        }
    }
}
