//! A row as it stands in the spool: its length, a checksum, and its fields.
//!
//! - The checksum covers the place of the row too, so that neither bytes from elsewhere on the disk nor a text that looks
//!   like a row are taken for one. That makes it safe to look for the next row behind a damaged one.
//! - The fields have a layout of their own, and are named one by one on both ways: a row that gains a field does not
//!   compile here until somebody says what an older spool holds instead. A test keeps the bytes as they are.

use std::borrow::Cow;

use contract::apis::{AgentPolicy, KeptAddress, KeptAgent};
use contract::request_logs::{Caller, RequestRow};
use contract::{ApiId, Environment, KeyId, OrganizationId, RequestId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a segment begins with. The last byte is the version of the layout: count it up when it changes, and go on reading
/// the ones before.
pub(crate) const HEADER: [u8; 8] = *b"csspool\x02";

/// What segments began with whose rows end with [`Fields`].
const HEADER_WITHOUT_KEPT: [u8; 8] = *b"csspool\x01";

/// Whether a segment that begins so, or was cut off so early, can be read.
pub(crate) fn is_header(start: &[u8]) -> bool {
    HEADER.starts_with(start) || HEADER_WITHOUT_KEPT.starts_with(start)
}

/// Length and checksum.
pub(crate) const PREFIX: usize = 8;

/// Longest fields of one row. Labels, names and routes are far shorter; a longer length is a damaged one.
const MAX_FIELDS: usize = 1 << 16;

/// What fields take when their texts are short: spares growing.
const USUAL_BYTES: usize = 256;

/// The layout of a row.
#[derive(Serialize, Deserialize)]
struct Fields<'a> {
    id: [u8; 16],
    at: i64,
    #[serde(borrow)]
    api: Option<([u8; 16], &'a str)>,
    caller: Option<CallerFields<'a>>,
    method: &'a str,
    route: &'a str,
    status: u16,
    code: Option<&'a str>,
    latency_us: i64,
    upstream_us: Option<i64>,
    response_bytes: i64,
    key_hint: Option<&'a str>,
    cost: i64,
}

/// What stands behind [`Fields`] since version 2: what the profile of the API lets the row keep, with its policy.
#[derive(Default, Serialize, Deserialize)]
struct Kept<'a> {
    #[serde(borrow)]
    address: Option<(&'a str, Cow<'a, str>)>,
    agent: Option<&'a str>,
}

impl<'a> Kept<'a> {
    fn of(row: &'a RequestRow) -> Self {
        let address = row.address.as_ref().map(|kept| (kept.policy().word(), Cow::Owned(kept.text())));
        Self { address, agent: row.agent.as_ref().map(KeptAgent::text) }
    }

    /// Words that no policy of today allows are let go of, and the row stays.
    fn put_into(self, row: &mut RequestRow) {
        row.address = self.address.and_then(|(policy, text)| KeptAddress::stored(policy, &text));
        row.agent = self.agent.and_then(|text| AgentPolicy::Full.keep(text));
    }
}

#[derive(Serialize, Deserialize)]
struct CallerFields<'a> {
    key: [u8; 16],
    key_label: &'a str,
    secret_version: u32,
    environment: &'a str,
    organization: [u8; 16],
    organization_name: &'a str,
}

impl<'a> Fields<'a> {
    fn of(row: &'a RequestRow) -> Self {
        let RequestRow {
            id,
            at,
            api,
            caller,
            method,
            route,
            status,
            code,
            latency_us,
            upstream_us,
            response_bytes,
            key_hint,
            cost,
            // Behind the fields.
            address: _,
            agent: _,
        } = row;
        Self {
            id: id.uuid().into_bytes(),
            at: *at,
            api: api.as_ref().map(|(id, slug)| (id.uuid().into_bytes(), &**slug)),
            caller: caller.as_ref().map(CallerFields::of),
            method,
            route,
            status: *status,
            code: code.as_deref(),
            latency_us: *latency_us,
            upstream_us: *upstream_us,
            response_bytes: *response_bytes,
            key_hint: key_hint.as_deref(),
            cost: *cost,
        }
    }

    fn into_row(self) -> Option<RequestRow> {
        let caller = match self.caller {
            Some(caller) => Some(caller.into_caller()?),
            None => None,
        };
        Some(RequestRow {
            id: RequestId::new(Uuid::from_bytes(self.id)),
            at: self.at,
            api: self.api.map(|(id, slug)| (ApiId::new(Uuid::from_bytes(id)), slug.to_owned())),
            caller,
            method: self.method.to_owned(),
            route: self.route.to_owned(),
            status: self.status,
            code: self.code.map(str::to_owned),
            latency_us: self.latency_us,
            upstream_us: self.upstream_us,
            response_bytes: self.response_bytes,
            key_hint: self.key_hint.map(str::to_owned),
            cost: self.cost,
            address: None,
            agent: None,
        })
    }
}

impl<'a> CallerFields<'a> {
    fn of(caller: &'a Caller) -> Self {
        let Caller { key, key_label, secret_version, environment, organization, organization_name } = caller;
        Self {
            key: key.uuid().into_bytes(),
            key_label,
            secret_version: *secret_version,
            environment: environment.word(),
            organization: organization.uuid().into_bytes(),
            organization_name,
        }
    }

    fn into_caller(self) -> Option<Caller> {
        Some(Caller {
            key: KeyId::new(Uuid::from_bytes(self.key)),
            key_label: self.key_label.to_owned(),
            secret_version: self.secret_version,
            environment: Environment::from_word(self.environment)?,
            organization: OrganizationId::new(Uuid::from_bytes(self.organization)),
            organization_name: self.organization_name.to_owned(),
        })
    }
}

/// Where a frame stands: the same row elsewhere has another checksum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Number of the segment.
    pub(crate) segment: u64,
    /// Offset in its file.
    pub(crate) offset: u64,
}

impl Place {
    const fn plus(self, bytes: usize) -> Self {
        Self { offset: self.offset + bytes as u64, ..self }
    }

    fn checksum(self, fields: &[u8]) -> u32 {
        let mut sum = crc32fast::Hasher::new();
        sum.update(&self.segment.to_le_bytes());
        sum.update(&self.offset.to_le_bytes());
        sum.update(fields);
        sum.finalize()
    }
}

/// A row in bytes, whose place is not known yet.
#[derive(Debug)]
pub(crate) struct Frame(Vec<u8>);

impl Frame {
    /// `None` for a row that is too long for any spool.
    pub(crate) fn of(row: &RequestRow) -> Option<Self> {
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        bytes.resize(PREFIX, 0);
        let bytes = postcard::to_extend(&Fields::of(row), bytes).ok()?;
        let bytes = postcard::to_extend(&Kept::of(row), bytes).ok()?;
        (bytes.len() <= PREFIX + MAX_FIELDS).then_some(Self(bytes))
    }

    pub(crate) const fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// The bytes for that place.
    pub(crate) fn at(&mut self, place: Place) -> &[u8] {
        let (prefix, fields) = self.0.split_at_mut(PREFIX);
        prefix[..4].copy_from_slice(&(fields.len() as u32).to_le_bytes());
        prefix[4..].copy_from_slice(&place.checksum(fields).to_le_bytes());
        &self.0
    }
}

/// What stands at a place.
enum Found {
    /// A row, and the bytes that it takes.
    Row(Box<RequestRow>, usize),
    /// The beginning of a row, as a write that was cut off leaves it.
    Torn,
    /// Nothing was announced here.
    Unwritten,
    /// No row.
    Damaged,
}

fn find(bytes: &[u8], place: Place) -> Found {
    let Some((prefix, rest)) = bytes.split_at_checked(PREFIX) else { return Found::Torn };
    let number = |at: usize| u32::from_le_bytes([prefix[at], prefix[at + 1], prefix[at + 2], prefix[at + 3]]);
    let length = number(0) as usize;
    if *prefix == [0; PREFIX] {
        return Found::Unwritten;
    }
    if length == 0 || length > MAX_FIELDS {
        return Found::Damaged;
    }
    let Some(fields) = rest.get(..length) else { return Found::Torn };
    if place.checksum(fields) != number(4) {
        return Found::Damaged;
    }
    row_in(fields).map_or(Found::Damaged, |row| Found::Row(Box::new(row), PREFIX + length))
}

fn row_in(bytes: &[u8]) -> Option<RequestRow> {
    let (fields, rest) = postcard::take_from_bytes::<Fields<'_>>(bytes).ok()?;
    let mut row = fields.into_row()?;
    // In a segment of version 1 a row ends here.
    if !rest.is_empty() {
        let (kept, rest) = postcard::take_from_bytes::<Kept<'_>>(rest).ok()?;
        if !rest.is_empty() {
            return None;
        }
        kept.put_into(&mut row);
    }
    Some(row)
}

/// What comes next in a segment.
#[derive(Debug)]
pub(crate) enum Next {
    /// A row that ends so many bytes on; of these, `damaged` stand before it and are no row.
    Row {
        /// The row.
        row: Box<RequestRow>,
        /// Bytes from here to its end.
        used: usize,
        /// Bytes from here to its beginning.
        damaged: usize,
    },
    /// No row is left, and what is left is what a write that was cut off leaves: part of a row. Nobody was told that such
    /// a row is kept.
    Torn,
    /// No row is left, and what is left was reserved and never written.
    Unwritten,
    /// No row is left, and what is left was more than that once.
    Damaged,
}

/// The next row in `bytes`, which begin at `place` and end where the segment does, and are not empty.
pub(crate) fn next(bytes: &[u8], place: Place) -> Next {
    let torn = match find(bytes, place) {
        Found::Row(row, used) => return Next::Row { row, used, damaged: 0 },
        // Most of a segment that a kill left is room that was never used.
        Found::Unwritten if bytes.iter().all(|byte| *byte == 0) => return Next::Unwritten,
        Found::Torn | Found::Unwritten => true,
        Found::Damaged => bytes.iter().all(|byte| *byte == 0),
    };
    for damaged in 1..bytes.len() {
        if let Found::Row(row, length) = find(&bytes[damaged..], place.plus(damaged)) {
            return Next::Row { row, used: damaged + length, damaged };
        }
    }
    if torn || is_half_cleared(bytes) { Next::Torn } else { Next::Damaged }
}

#[cfg(test)]
mod fuzz;
/// So many zeros no row ends with.
const CLEARED: usize = 16;

/// Whether the row that begins here, and everything behind it, ends in bytes that were cleared: as a kill leaves it in
/// the moment in which a segment is emptied, when its rows are stored.
fn is_half_cleared(bytes: &[u8]) -> bool {
    let Some((length, _)) = bytes.split_first_chunk::<4>() else { return false };
    let length = u32::from_le_bytes(*length) as usize;
    let end = PREFIX + length.min(MAX_FIELDS);
    length > CLEARED && bytes.get(end - CLEARED..).is_some_and(|rest| rest.iter().all(|byte| *byte == 0))
}

#[cfg(test)]
mod tests;
