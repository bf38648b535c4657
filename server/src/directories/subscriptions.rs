//! What organizations may use of APIs, as the gateway knows it.

use std::sync::Arc;

use contract::{ApiId, OrganizationId};
use gateway::{Meter, Spent, Subscription, SubscriptionDirectory, Upstream};
use portal::apis::ApiRecord;
use portal::subscriptions::terms::{Terms, TermsRecord};

/// The terms of organizations, and what they used of them.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    places: papaya::HashMap<(OrganizationId, ApiId), Place>,
    /// What an API gives whoever has no subscription of their own.
    apis: papaya::HashMap<ApiId, ByDefault>,
}

/// One organization at one API.
#[derive(Clone, Debug)]
struct Place {
    /// What its own subscription gives.
    own: Option<Terms>,
    /// What it may use, and what it used.
    subscription: Arc<Subscription>,
    /// Whether it may use anything.
    open: bool,
}

#[derive(Clone, Debug, Default)]
struct ByDefault {
    terms: Option<Terms>,
    /// An API without any plan is open to everybody.
    open: bool,
}

impl Subscriptions {
    /// Goes on with what was spent before a start. To be called before anything else.
    pub(crate) fn spent(&self, organization: OrganizationId, api: ApiId, spent: Spent) {
        let subscription = Arc::new(Subscription { meter: None, quota: None, spent: Arc::new(spent) });
        self.places.pin().insert((organization, api), Place { own: None, subscription, open: false });
    }

    /// Takes in what an API gives everybody.
    pub(crate) fn api_changed(&self, record: &ApiRecord) {
        let by_default = ByDefault { terms: record.default_terms.clone(), open: !record.has_plans };
        self.apis.pin().insert(record.id, by_default);
        let places = self.places.pin();
        let touched: Vec<_> = places.keys().filter(|(_, api)| *api == record.id).copied().collect();
        for (organization, api) in touched {
            self.place(organization, api, |own| own);
        }
    }

    /// Takes in what an organization's own subscription gives.
    pub(crate) fn changed(&self, record: TermsRecord) {
        self.place(record.organization, record.api, |_| record.terms.clone());
    }

    /// Puts an organization in its place at an API. What was used stays used, whatever the terms are now.
    fn place(&self, organization: OrganizationId, api: ApiId, own: impl Fn(Option<Terms>) -> Option<Terms>) -> Place {
        let by_default = self.apis.pin().get(&api).cloned().unwrap_or_default();
        let made = |before: Option<&Place>| {
            let own = own(before.and_then(|place| place.own.clone()));
            let terms = own.as_ref().or(by_default.terms.as_ref());
            let (kept, spent) = match before {
                Some(place) => (place.subscription.meter.as_ref(), place.subscription.spent.clone()),
                None => (None, Arc::default()),
            };
            let limit = terms.and_then(|terms| terms.limit);
            let meter = limit.map(|limit| kept.map_or_else(|| Meter::new(limit), |meter| Meter::keeping(limit, meter)));
            let quota = terms.and_then(|terms| terms.quota);
            let open = terms.is_some() || by_default.open;
            Place { own, subscription: Arc::new(Subscription { meter, quota, spent }), open }
        };
        let places = self.places.pin();
        places.update_or_insert_with((organization, api), |before| made(Some(before)), || made(None)).clone()
    }
}

impl SubscriptionDirectory for Subscriptions {
    fn find(&self, organization: OrganizationId, upstream: &Upstream) -> Option<Arc<Subscription>> {
        let known = self.places.pin().get(&(organization, upstream.id)).cloned();
        // The first call of an organization without a subscription of its own.
        let place = known.unwrap_or_else(|| self.place(organization, upstream.id, |own| own));
        place.open.then_some(place.subscription)
    }
}
