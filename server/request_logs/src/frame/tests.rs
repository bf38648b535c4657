#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use contract::apis::AddressPolicy;

use super::*;

const HERE: Place = Place { segment: 7, offset: 4_096 };

fn row() -> RequestRow {
    RequestRow {
        id: RequestId::new(Uuid::from_u128(1)),
        at: 1_795_278_354_000,
        api: Some((ApiId::new(Uuid::from_u128(2)), "almanac".to_owned())),
        caller: Some(Caller {
            key: KeyId::new(Uuid::from_u128(3)),
            key_label: "my server".to_owned(),
            secret_version: 2,
            environment: Environment::Test,
            organization: OrganizationId::new(Uuid::from_u128(4)),
            organization_name: "Nörthwind".to_owned(),
        }),
        method: "GET".to_owned(),
        route: "/v1/sun/{place}".to_owned(),
        status: 503,
        code: Some("quota_exceeded".to_owned()),
        latency_us: 1_500,
        upstream_us: Some(1_000),
        response_bytes: 300,
        key_hint: Some("cs_live_…x7Qd".to_owned()),
        cost: 5,
        address: None,
        agent: None,
    }
}

/// Rows that differ from the first in one field each, in every kind of value that it can have.
fn rows() -> Vec<RequestRow> {
    let full = row();
    let caller = full.caller.clone().unwrap();
    let mut rows = vec![full.clone()];
    let mut with = |change: &dyn Fn(&mut RequestRow)| {
        let mut changed = full.clone();
        change(&mut changed);
        assert_ne!(changed, full);
        rows.push(changed);
    };
    let texts = ["", "\0", "a", "…", &"é".repeat(20_000)].map(str::to_owned);
    let numbers = [i64::MIN, -1, 0, 1, 127, 128, i64::MAX];
    let ids = [0, u128::from(u64::MAX), u128::MAX].map(Uuid::from_u128);
    for id in ids {
        with(&|row| row.id = RequestId::new(id));
        with(&|row| row.api.as_mut().unwrap().0 = ApiId::new(id));
        with(&|row| row.caller.as_mut().unwrap().key = KeyId::new(id));
        with(&|row| row.caller.as_mut().unwrap().organization = OrganizationId::new(id));
    }
    for number in numbers {
        with(&|row| row.at = number);
        with(&|row| row.latency_us = number);
        with(&|row| row.upstream_us = Some(number));
        with(&|row| row.response_bytes = number);
        with(&|row| row.cost = number);
    }
    for text in texts {
        with(&|row| row.api.as_mut().unwrap().1 = text.clone());
        with(&|row| row.caller.as_mut().unwrap().key_label = text.clone());
        with(&|row| row.caller.as_mut().unwrap().organization_name = text.clone());
        with(&|row| row.method = text.clone());
        with(&|row| row.route = text.clone());
        with(&|row| row.code = Some(text.clone()));
        with(&|row| row.key_hint = Some(text.clone()));
    }
    for status in [0, 100, 599, u16::MAX] {
        with(&|row| row.status = status);
    }
    for version in [0, 1, u32::MAX] {
        with(&|row| row.caller.as_mut().unwrap().secret_version = version);
    }
    with(&|row| row.caller = Some(Caller { environment: Environment::Live, ..caller.clone() }));
    with(&|row| row.api = None);
    with(&|row| row.caller = None);
    with(&|row| row.code = None);
    with(&|row| row.upstream_us = None);
    with(&|row| row.key_hint = None);
    for policy in AddressPolicy::ALL.into_iter().filter(|policy| *policy != AddressPolicy::None) {
        for address in ["203.0.113.7", "2001:db8:1:2::3"] {
            with(&|row| row.address = policy.keep(address.parse().unwrap()));
        }
    }
    with(&|row| row.agent = AgentPolicy::Full.keep("curl/8.5"));
    with(&|row| {
        row.address = AddressPolicy::Truncated.keep("203.0.113.7".parse().unwrap());
        row.agent = AgentPolicy::Full.keep("é");
    });
    rows
}

pub(super) fn bytes_of(rows: &[RequestRow], begin: Place) -> Vec<u8> {
    let mut bytes = Vec::new();
    for row in rows {
        bytes.extend_from_slice(Frame::of(row).unwrap().at(begin.plus(bytes.len())));
    }
    bytes
}

/// All rows in there, and whether anything was damaged.
pub(super) fn rows_in(bytes: &[u8], begin: Place) -> (Vec<RequestRow>, bool) {
    let (mut rows, mut at, mut worse) = (Vec::new(), 0, false);
    while at < bytes.len() {
        match next(&bytes[at..], begin.plus(at)) {
            Next::Row { row, used, damaged } => {
                rows.push(*row);
                at += used;
                worse |= damaged > 0;
            }
            Next::Torn | Next::Unwritten => break,
            Next::Damaged => {
                worse = true;
                break;
            }
        }
    }
    (rows, worse)
}

#[test]
fn every_field_of_a_row_comes_back_as_it_was() {
    let rows = rows();
    assert_eq!(rows_in(&bytes_of(&rows, HERE), HERE), (rows, false));
}

#[test]
fn a_row_that_is_too_long_is_refused_and_not_cut() {
    assert!(Frame::of(&RequestRow { route: "x".repeat(MAX_FIELDS), ..row() }).is_none());
}

/// When this fails, spools of a version that was released cannot be read any more: count the version up, and read both.
#[test]
fn the_layout_of_a_row_is_the_one_that_stands_on_disks() {
    let hex: String = bytes_of(&[row()], HERE).iter().map(|byte| format!("{byte:02x}")).collect();
    let header: String = HEADER.iter().map(|byte| format!("{byte:02x}")).collect();
    insta::assert_snapshot!(format!("{header}\n{hex}"));
}

/// What a version before this one wrote: rows without a place for address and agent.
#[test]
fn rows_of_the_first_version_of_the_layout_can_still_be_read() {
    let written = "aa0000004a342f5e00000000000000000000000000000001a0d9edeebf68010000000000000000000000000000000207616c6d616e61630100000000000000000000000000000003096d7920736572766572020474657374000000000000000000000000000000040a4ec3b672746877696e64034745540f2f76312f73756e2f7b706c6163657df703010e71756f74615f6578636565646564b81701d00fd804010f63735f6c6976655fe280a6783751640a";
    let bytes: Vec<u8> =
        (0..written.len()).step_by(2).map(|at| u8::from_str_radix(&written[at..at + 2], 16).unwrap()).collect();
    assert_eq!(rows_in(&bytes, HERE), (vec![row()], false));
    for (start, readable) in
        [(&HEADER[..], true), (&HEADER_WITHOUT_KEPT, true), (&HEADER[..5], true), (b"csspool\x03", false)]
    {
        assert_eq!(is_header(start), readable);
    }
}

#[test]
fn at_every_cut_the_whole_rows_before_it_come_back_and_nothing_counts_as_damaged() {
    let rows: Vec<RequestRow> = (0..4).map(|at| RequestRow { at, ..row() }).collect();
    let bytes = bytes_of(&rows, HERE);
    let one = bytes.len() / rows.len();
    for cut in 0..=bytes.len() {
        assert_eq!(rows_in(&bytes[..cut], HERE), (rows[..cut / one].to_vec(), false), "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_costs_the_row_that_it_stands_in_and_no_other() {
    let rows: Vec<RequestRow> = (0..4).map(|at| RequestRow { at, ..row() }).collect();
    let bytes = bytes_of(&rows, HERE);
    let one = bytes.len() / rows.len();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let hit = bit / 8 / one;
        let mut left = rows.clone();
        left.remove(hit);
        let (found, worse) = rows_in(&flipped, HERE);
        assert_eq!(found, left, "bit {bit}");
        // A last row whose length grew looks like one that was cut off.
        assert!(worse || hit == rows.len() - 1, "bit {bit}");
    }
}

#[test]
fn a_row_counts_only_in_the_place_where_it_was_written() {
    let bytes = bytes_of(&[row()], HERE);
    for place in [Place { segment: 8, ..HERE }, HERE.plus(1)] {
        assert_eq!(rows_in(&bytes, place), (Vec::new(), true));
    }
    // So bytes of a row inside a damaged one do not become a row, whoever made them up.
    for begin in 4..64 {
        let around = [vec![0xff; begin], bytes.clone()].concat();
        assert_eq!(rows_in(&around, HERE), (Vec::new(), true));
    }
}

#[test]
fn room_that_was_reserved_and_never_written_is_the_end_and_no_damage() {
    let mut bytes = bytes_of(&[row()], HERE);
    bytes.resize(bytes.len() + 4_096, 0);
    assert_eq!(rows_in(&bytes, HERE), (vec![row()], false));
}
