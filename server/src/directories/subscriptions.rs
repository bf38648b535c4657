//! What organizations may use of APIs, as the gateway knows it.
//!
//! New terms whose quota is counted in other periods than before are not in force at once: what was spent in the period
//! that now counts has to be summed up first ([`Subscriptions::settle`]). Until then, which is as long as a query takes,
//! the quota before them stays. Everything else of them holds at once.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use contract::limits::{Period, Quota};
use contract::plans::{Anchor, Resets};
use contract::request_logs::RequestRow;
use contract::{ApiId, Millis, OrganizationId};
use gateway::{Counted, Meter, Spent, Subscription, SubscriptionDirectory, Upstream, Windows};
use portal::Db;
use portal::apis::ApiRecord;
use portal::subscriptions::terms::{Terms, TermsRecord};
use portal::subscriptions::top_ups;
use portal::usage;

use super::sharing::Sharing;
use crate::clock;

/// One organization at one API.
pub(crate) type Key = (OrganizationId, ApiId);

/// Organizations that are looked up by name in one query; beyond that, all of an API are.
const NAMED: usize = 200;

/// The terms of organizations, and what they used of them.
#[derive(Default)]
pub(crate) struct Subscriptions {
    places: papaya::HashMap<Key, Place>,
    /// What an API gives whoever has no subscription of their own.
    apis: papaya::HashMap<ApiId, ByDefault>,
    uncounted: Mutex<Uncounted>,
    /// What the calendar is in a zone, for all plans that go by it.
    calendars: Mutex<HashMap<(Period, Resets), Windows>>,
    /// Held while rows are stored and while what is stored is summed up, so that a row is seen on one side only.
    storing: tokio::sync::Mutex<()>,
    /// With whom quotas are shared, once that is known; with nobody otherwise.
    sharing: OnceLock<Sharing>,
}

impl fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriptions").field("places", &self.places.len()).finish_non_exhaustive()
    }
}

/// What must be summed up.
#[derive(Debug, Default)]
struct Uncounted {
    places: BTreeSet<Key>,
    /// APIs whose default plan is counted in other periods: organizations that did not call yet have spent too.
    apis: BTreeSet<ApiId>,
    /// When units beside a quota end, and what is left of others must be looked up.
    ends: BTreeSet<(Millis, Key)>,
}

/// The place of an organization at an API.
#[derive(Clone, Debug)]
struct Place {
    /// What its own subscription gives.
    own: Option<Terms>,
    /// What it may use, and what it used.
    subscription: Arc<Subscription>,
    /// Whether it may use anything.
    open: bool,
    /// How the quota in force is counted.
    span: Option<Span>,
    /// Units that were ever given beside the quota, as far as that is counted with.
    top_ups: i64,
    /// Whether there are some left.
    extra: bool,
    /// Whether its quota is still to come into force.
    uncounted: bool,
}

/// Whose quota is to be counted, and how.
type ToCount = (OrganizationId, Terms, Quota, Windows);

/// In which periods a quota is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Span {
    period: Period,
    resets: Resets,
    /// When the subscription began, where that makes a difference.
    since: Millis,
}

impl Span {
    fn of(terms: &Terms, quota: Quota) -> Self {
        let since = if terms.resets.anchor == Anchor::Calendar { 0 } else { terms.since };
        Self { period: quota.period, resets: terms.resets.clone(), since }
    }
}

#[derive(Clone, Debug, Default)]
struct ByDefault {
    terms: Option<Terms>,
    /// An API without any plan is open to everybody.
    open: bool,
}

impl ByDefault {
    fn span(&self) -> Option<Span> {
        self.terms.as_ref().and_then(|terms| terms.quota.map(|quota| Span::of(terms, quota)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Subscriptions {
    /// Takes in what an API gives everybody.
    pub(crate) fn api_changed(&self, record: &ApiRecord) {
        let by_default = ByDefault { terms: record.default_terms.clone(), open: !record.has_plans };
        let before = self.apis.pin().insert(record.id, by_default.clone()).and_then(ByDefault::span);
        if by_default.span().is_some() && by_default.span() != before {
            lock(&self.uncounted).apis.insert(record.id);
        }
        let touched: Vec<_> = self.places.pin().keys().filter(|(_, api)| *api == record.id).copied().collect();
        for key in touched {
            self.place(key, Clone::clone);
        }
    }

    /// Takes in what an organization's own subscription gives.
    pub(crate) fn changed(&self, record: TermsRecord) {
        self.place((record.organization, record.api), |_| record.terms.clone());
    }

    /// Puts an organization in its place at an API. What was used stays used, whatever the terms are now.
    fn place(&self, key: Key, own: impl Fn(&Option<Terms>) -> Option<Terms>) -> Place {
        let by_default = self.apis.pin().get(&key.1).cloned().unwrap_or_default();
        let made = |before: Option<&Place>| {
            let own = own(before.map_or(&None, |place| &place.own));
            let terms = own.as_ref().or(by_default.terms.as_ref());
            let spent = before.map_or_else(Arc::default, |place| place.subscription.spent.clone());
            let kept = before.and_then(|place| place.subscription.meter.as_ref());
            let limit = terms.and_then(|terms| terms.limit);
            let meter = limit.map(|limit| kept.map_or_else(|| Meter::new(limit), |meter| Meter::keeping(limit, meter)));
            let (in_force, span, uncounted) = match terms.and_then(|terms| terms.quota.map(|quota| (terms, quota))) {
                None => (None, None, false),
                Some((terms, quota)) => {
                    let span = Some(Span::of(terms, quota));
                    let (known, in_force) = (
                        before.and_then(|place| place.span.clone()),
                        before.and_then(|place| place.subscription.quota),
                    );
                    let given = before.map_or(0, |place| place.top_ups) != terms.top_ups;
                    // What of the extra units is spent depends on how large the quota is.
                    let moved = before.is_some_and(|place| place.extra) && in_force != Some(quota);
                    if span != known || given || moved { (in_force, known, true) } else { (Some(quota), known, false) }
                }
            };
            Place {
                subscription: Arc::new(Subscription { meter, quota: in_force, spent }),
                open: terms.is_some() || by_default.open,
                own,
                span,
                top_ups: before.map_or(0, |place| place.top_ups),
                extra: before.is_some_and(|place| place.extra),
                uncounted,
            }
        };
        let places = self.places.pin();
        let place = places.update_or_insert_with(key, |before| made(Some(before)), || made(None)).clone();
        if place.uncounted {
            lock(&self.uncounted).places.insert(key);
        }
        place
    }

    /// The first call of an organization without a subscription of its own: it has spent nothing, or there would be a
    /// place for it.
    fn first_call(&self, key: Key, now: Millis) -> Place {
        let place = self.place(key, Clone::clone);
        let terms = place.own.clone().or_else(|| self.apis.pin().get(&key.1).and_then(|api| api.terms.clone()));
        let Some((terms, quota)) = terms.and_then(|terms| terms.quota.map(|quota| (terms, quota))) else {
            return place;
        };
        let mut uncounted = lock(&self.uncounted);
        // Somebody else may have come first.
        if place.span.is_none() && uncounted.places.contains(&key) {
            let nothing = Counted {
                windows: self.windows(&terms, quota),
                units: quota.units,
                stored: 0,
                extra: 0,
                extra_ends_at: None,
                shared: self.sharing.get().is_some(),
            };
            place.subscription.spent.restart(&nothing, now);
            if !uncounted.apis.contains(&key.1) {
                uncounted.places.remove(&key);
            }
            drop(uncounted);
            return self.enforce(key, &terms, quota, top_ups::Extra::default());
        }
        drop(uncounted);
        self.places.pin().get(&key).cloned().unwrap_or(place)
    }

    /// The quota of these terms is counted, and holds from now on.
    fn enforce(&self, key: Key, terms: &Terms, quota: Quota, extra: top_ups::Extra) -> Place {
        let places = self.places.pin();
        let enforced = |place: &Place| Place {
            subscription: Arc::new(Subscription { quota: Some(quota), ..Subscription::clone(&place.subscription) }),
            span: Some(Span::of(terms, quota)),
            top_ups: terms.top_ups,
            extra: extra.units > 0,
            uncounted: false,
            ..place.clone()
        };
        if let Some(end) = extra.ends_at {
            lock(&self.uncounted).ends.insert((end, key));
        }
        let nobody = || Place {
            own: None,
            subscription: Arc::new(Subscription { meter: None, quota: None, spent: Arc::default() }),
            open: false,
            span: None,
            top_ups: 0,
            extra: false,
            uncounted: false,
        };
        places.update_or_insert_with(key, enforced, nobody).clone()
    }

    fn windows(&self, terms: &Terms, quota: Quota) -> Windows {
        let made = || -> Windows {
            let windows = portal::plans::windows::Windows::new(quota.period, &terms.resets, terms.since);
            Arc::new(move |at| windows.bounds(at))
        };
        if terms.resets.anchor == Anchor::Calendar {
            let key = (quota.period, terms.resets.clone());
            return Arc::clone(lock(&self.calendars).entry(key).or_insert_with(made));
        }
        made()
    }

    /// Rows may be stored only while this is held.
    pub(crate) async fn storing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.storing.lock().await
    }

    /// These rows are stored: from now on they are in every sum.
    pub(crate) fn stored(&self, rows: &[RequestRow]) {
        let places = self.places.pin();
        for row in rows.iter().filter(|row| row.cost > 0) {
            if let (Some(caller), Some((api, _))) = (&row.caller, &row.api)
                && let Some(place) = places.get(&(caller.organization, *api))
            {
                place.subscription.spent.stored(row.cost);
            }
        }
    }

    /// Sums up what has to be, and puts the quotas in force that waited for it. What fails, or is given up, is still to be
    /// done the next time.
    pub(crate) async fn settle(&self, db: &Db, now: Millis) -> anyhow::Result<()> {
        let (mut places, apis, ended) = {
            let uncounted = lock(&self.uncounted);
            let ended: Vec<_> = uncounted.ends.iter().take_while(|(end, _)| *end <= now).copied().collect();
            (uncounted.places.clone(), uncounted.apis.clone(), ended)
        };
        places.extend(ended.iter().map(|(_, key)| *key));
        if places.is_empty() && apis.is_empty() {
            return Ok(());
        }
        self.count(db, &apis, &mut places, now).await?;
        let mut uncounted = lock(&self.uncounted);
        // What was changed meanwhile is to be counted again.
        let all = self.places.pin();
        uncounted.places.retain(|key| !places.contains(key) || all.get(key).is_some_and(|place| place.uncounted));
        uncounted.apis.retain(|api| !apis.contains(api));
        for one in ended {
            uncounted.ends.remove(&one);
        }
        Ok(())
    }

    async fn count(
        &self,
        db: &Db,
        apis: &BTreeSet<ApiId>,
        places: &mut BTreeSet<Key>,
        now: Millis,
    ) -> anyhow::Result<()> {
        let _nothing_is_stored_meanwhile = self.storing.lock().await;
        for api in apis {
            let by_default = self.apis.pin().get(api).cloned().unwrap_or_default();
            let Some((terms, quota)) = by_default.terms.and_then(|terms| terms.quota.map(|quota| (terms, quota)))
            else {
                continue;
            };
            let (from, _) = self.windows(&terms, quota)(now);
            for organization in usage::spent_since(db, *api, from, None).await?.into_keys() {
                let key = (organization, *api);
                if self.place(key, Clone::clone).uncounted {
                    places.insert(key);
                }
            }
        }
        let mut groups: HashMap<(ApiId, Millis), Vec<ToCount>> = HashMap::new();
        for (organization, api) in places.iter().copied() {
            let by_default = self.apis.pin().get(&api).and_then(|api| api.terms.clone());
            let own = self.places.pin().get(&(organization, api)).and_then(|place| place.own.clone());
            let Some(terms) = own.or(by_default) else { continue };
            let Some(quota) = terms.quota else { continue };
            let windows = self.windows(&terms, quota);
            groups.entry((api, windows(now).0)).or_default().push((organization, terms, quota, windows));
        }
        for ((api, from), group) in groups {
            let named: Vec<OrganizationId> = group.iter().map(|(organization, ..)| *organization).collect();
            let sums = usage::spent_since(db, api, from, (named.len() <= NAMED).then_some(&named)).await?;
            let extras = top_ups::extras(db, api, now).await?;
            for (organization, terms, quota, windows) in group {
                let extra = extras.get(&organization).copied().unwrap_or_default();
                let counted = Counted {
                    windows,
                    units: quota.units,
                    stored: sums.get(&organization).copied().unwrap_or_default(),
                    extra: extra.units,
                    extra_ends_at: extra.ends_at,
                    shared: self.sharing.get().is_some(),
                };
                if let Some(spent) = self.spent_at((organization, api)) {
                    spent.restart(&counted, now);
                    self.enforce((organization, api), &terms, quota, extra);
                    // Terms that came meanwhile are put in their place again, and counted if need be.
                    self.place((organization, api), Clone::clone);
                }
            }
        }
        Ok(())
    }

    /// From now on quotas are spent from shares. To be called before anything is counted.
    pub(crate) fn share(&self, sharing: Sharing) {
        let _ = self.sharing.set(sharing);
    }

    /// Asks for units of a shared quota. Whether it is worth trying again.
    async fn ask(&self, key: Key, cost: i64) -> bool {
        let Some(sharing) = self.sharing.get() else { return false };
        let now = clock::now().timestamp_millis();
        if sharing.is_away(now) {
            return false;
        }
        let asking = async {
            let _nothing_is_stored_meanwhile = self.storing.lock().await;
            let Some(subscription) = self.subscription_at(key) else { return Ok(false) };
            sharing.ask(key, &subscription, cost, clock::now().timestamp_millis()).await
        };
        sharing.patiently(asking).await
    }

    /// Brings the shares of this process in line with what it spends: more before they are used up, and back what lies
    /// idle.
    pub(crate) async fn balance(&self) {
        let Some(sharing) = self.sharing.get() else { return };
        for key in sharing.held() {
            let balancing = async {
                let _nothing_is_stored_meanwhile = self.storing.lock().await;
                let Some(subscription) = self.subscription_at(key) else { return Ok(false) };
                sharing.balance(key, &subscription, clock::now().timestamp_millis()).await
            };
            if sharing.is_away(clock::now().timestamp_millis()) || !sharing.patiently(balancing).await {
                return;
            }
        }
    }

    pub(crate) fn sharing(&self) -> Option<&Sharing> {
        self.sharing.get()
    }

    fn subscription_at(&self, key: Key) -> Option<Arc<Subscription>> {
        self.places.pin().get(&key).map(|place| Arc::clone(&place.subscription))
    }

    fn spent_at(&self, key: Key) -> Option<Arc<Spent>> {
        self.places.pin().get(&key).map(|place| place.subscription.spent.clone())
    }
}

impl SubscriptionDirectory for Subscriptions {
    fn find(&self, organization: OrganizationId, upstream: &Upstream) -> Option<Arc<Subscription>> {
        let key = (organization, upstream.id);
        let known = self.places.pin().get(&key).cloned();
        let place = known.unwrap_or_else(|| self.first_call(key, clock::now().timestamp_millis()));
        place.open.then_some(place.subscription)
    }

    fn more<'a>(
        &'a self,
        organization: OrganizationId,
        upstream: &'a Upstream,
        cost: i64,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(self.ask((organization, upstream.id), cost))
    }
}
