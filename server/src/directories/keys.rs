//! Keys, as the gateway knows them.

use std::sync::Arc;

use contract::keys::KeyState;
use contract::keys::hash::KeyHash;
use contract::{KeyId, OrganizationId};
use gateway::{Grant, GrantState, KeyDirectory, Meter, RouteMeters};
use portal::keys::KeyRecord;

/// Every key that ever had a secret, and the organizations whose keys rest. Reading never waits.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    grants: papaya::HashMap<KeyHash, Arc<Grant>>,
    resting: papaya::HashSet<OrganizationId>,
    /// What is used of each key's limits: it outlives changes of the key, and its secrets share it.
    used: papaya::HashMap<KeyId, Used>,
}

#[derive(Clone, Debug, Default)]
struct Used {
    own: Option<Meter>,
    routes: Arc<RouteMeters>,
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
        for replaced in &record.replaced {
            grants.remove(replaced);
        }
    }

    /// Changes of keys come one at a time, so nobody else writes between the two steps.
    fn used_by(&self, record: &KeyRecord) -> Used {
        let all = self.used.pin();
        let mut used = all.get(&record.caller.key).cloned().unwrap_or_default();
        if let Some(limit) = record.limit {
            used.own = Some(used.own.map_or_else(|| Meter::new(limit), |before| Meter::keeping(limit, &before)));
        }
        all.insert(record.caller.key, used.clone());
        used
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
}
