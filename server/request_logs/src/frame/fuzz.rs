//! What a disk may give back of a spool: bytes that nobody wrote, rows that were cut, flipped, overwritten, or moved.
//!
//! Every run takes other bytes, for a tenth of a second each; `make fuzz` takes its time. Whatever fails prints a seed with
//! which it fails again, and becomes a test with a name beside the reader.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use contract::apis::AddressPolicy;

use super::tests::{bytes_of, rows_in};
use super::*;

/// Rows have a hundred bytes or two; several kinds of damage in a few of them are enough.
const SIZE_MAX: u32 = 4_096;

fn text(u: &mut Unstructured<'_>) -> Result<String> {
    (0..u.int_in_range(0..=12)?).map(|_| u.arbitrary::<char>()).collect()
}

fn some<'a, T>(u: &mut Unstructured<'a>, of: impl FnOnce(&mut Unstructured<'a>) -> Result<T>) -> Result<Option<T>> {
    if u.arbitrary()? { of(u).map(Some) } else { Ok(None) }
}

fn id(u: &mut Unstructured<'_>) -> Result<Uuid> {
    u.arbitrary().map(Uuid::from_u128)
}

fn any_row(u: &mut Unstructured<'_>) -> Result<RequestRow> {
    Ok(RequestRow {
        id: RequestId::new(id(u)?),
        at: u.arbitrary()?,
        api: some(u, |u| Ok((ApiId::new(id(u)?), text(u)?)))?,
        caller: some(u, |u| {
            Ok(Caller {
                key: KeyId::new(id(u)?),
                key_label: text(u)?,
                secret_version: u.arbitrary()?,
                environment: *u.choose(&Environment::ALL)?,
                organization: OrganizationId::new(id(u)?),
                organization_name: text(u)?,
            })
        })?,
        method: text(u)?,
        route: text(u)?,
        status: u.arbitrary()?,
        code: some(u, text)?,
        latency_us: u.arbitrary()?,
        upstream_us: some(u, |u| u.arbitrary())?,
        response_bytes: u.arbitrary()?,
        key_hint: some(u, text)?,
        cost: u.arbitrary()?,
        address: AddressPolicy::NinetyDays.keep(std::net::Ipv4Addr::from_bits(u.arbitrary()?).into()),
        agent: some(u, text)?.and_then(|agent| AgentPolicy::Full.keep(&agent)),
    })
}

fn any_place(u: &mut Unstructured<'_>) -> Result<Place> {
    Ok(Place { segment: u.arbitrary()?, offset: u64::from(u.arbitrary::<u32>()?) })
}

/// Rows, their bytes at a place, and where each of them begins; behind the last, where it ends.
fn written(u: &mut Unstructured<'_>, begin: Place) -> Result<(Vec<RequestRow>, Vec<u8>, Vec<usize>)> {
    let rows: Vec<RequestRow> = (0..u.int_in_range(0..=5)?).map(|_| any_row(u)).collect::<Result<_>>()?;
    let bytes = bytes_of(&rows, begin);
    let mut starts = vec![0];
    for row in &rows {
        starts.push(starts.last().unwrap() + Frame::of(row).unwrap().len() as usize);
    }
    Ok((rows, bytes, starts))
}

#[test]
fn every_row_that_there_can_be_comes_back_as_it_was() {
    arbtest(|u| {
        let begin = any_place(u)?;
        let (rows, mut bytes, _) = written(u, begin)?;
        bytes.resize(bytes.len() + u.int_in_range(0..=64)?, 0);
        let (found, worse) = rows_in(&bytes, begin);
        assert_eq!(found, rows);
        assert!(!worse, "room that was never written counts as damaged");
        Ok(())
    })
    .size_max(SIZE_MAX);
}

#[test]
fn bytes_that_nobody_wrote_hold_no_row() {
    arbtest(|u| {
        let begin = any_place(u)?;
        // Lengths that fit, and zeros, are what a reader could stumble over.
        let mut bytes: Vec<u8> = Vec::new();
        for _ in 0..u.int_in_range(0..=12)? {
            match u.int_in_range(0..=3)? {
                0 => bytes.extend(u.int_in_range(0..=96_u32)?.to_le_bytes()),
                1 => bytes.resize(bytes.len() + u.int_in_range(1..=24)?, 0),
                2 => bytes.extend(HEADER),
                _ => bytes.extend(u.arbitrary::<[u8; 16]>()?),
            }
        }
        assert_eq!(rows_in(&bytes, begin).0, [], "{bytes:?}");
        // Nor do the fields of a row without its checksum, if they are no row's.
        if let Some(row) = row_in(&bytes) {
            assert!(Frame::of(&row).is_some());
        }
        Ok(())
    })
    .size_max(SIZE_MAX);
}

#[test]
fn whatever_happens_to_bytes_costs_the_rows_that_they_are_of_and_no_other() {
    arbtest(|u| {
        let begin = any_place(u)?;
        let (rows, whole, starts) = written(u, begin)?;
        let mut bytes = whole.clone();
        for _ in 0..u.int_in_range(0..=4)? {
            if bytes.is_empty() {
                break;
            }
            // Where a row begins, damage tells most.
            let anywhere = u.int_in_range(0..=bytes.len() - 1)?;
            let at = if u.arbitrary()? { anywhere } else { (*u.choose(&starts)?).min(anywhere) };
            let end = (at + u.int_in_range(1..=200)?).min(bytes.len());
            match u.int_in_range(0..=5)? {
                0 => bytes[at] ^= 1 << u.int_in_range(0..=7)?,
                1 => bytes[at..end].fill(0),
                2 => bytes[at..end].fill(u.arbitrary()?),
                3 => bytes.truncate(at),
                // A sector of another place.
                4 => {
                    let from = (*u.choose(&starts)?).min(whole.len() - 1);
                    let length = (end - at).min(whole.len() - from);
                    bytes[at..at + length].copy_from_slice(&whole[from..from + length]);
                }
                _ => {
                    for byte in &mut bytes[at..end] {
                        *byte = u.arbitrary()?;
                    }
                }
            }
        }
        let is_whole =
            |row: usize| bytes.get(starts[row]..starts[row + 1]) == Some(&whole[starts[row]..starts[row + 1]]);
        let left: Vec<RequestRow> = (0..rows.len()).filter(|row| is_whole(*row)).map(|row| rows[row].clone()).collect();
        assert_eq!(rows_in(&bytes, begin).0, left, "of {} rows", rows.len());
        Ok(())
    })
    .size_max(SIZE_MAX);
}

#[test]
fn rows_behind_bytes_that_are_none_come_back_in_their_own_place_and_in_no_other() {
    arbtest(|u| {
        let begin = any_place(u)?;
        let before: Vec<u8> = (0..u.int_in_range(0..=16)?).map(|_| u.arbitrary()).collect::<Result<_>>()?;
        let (rows, bytes, _) = written(u, begin.plus(before.len()))?;
        let bytes = [before, bytes].concat();
        assert_eq!(rows_in(&bytes, begin).0, rows);
        let far = u.int_in_range(1..=4_096)?;
        let segment = if u.arbitrary()? { begin.segment } else { u.arbitrary()? };
        assert_eq!(rows_in(&bytes, Place { segment, ..begin.plus(far) }).0, []);
        Ok(())
    })
    .size_max(SIZE_MAX);
}
