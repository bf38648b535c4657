//! Parsers of text that strangers write, against naive models of the same rules, with texts that nobody thought of.
//!
//! Every run takes other texts, for a tenth of a second each; `make fuzz` takes its time. Whatever fails prints a seed with
//! which it fails again, and becomes a test with a name beside its parser.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;

use crate::Environment;
use crate::fields::Check;
use crate::keys::format::{self, ALPHABET, CHECKSUM_LENGTH, RANDOM_LENGTH};
use crate::keys::terms::{self, TypedTerms};
use crate::limits::{LIMIT_MAX, LIMIT_SECONDS_MAX, Limit};

/// Texts longer than this find nothing that shorter ones do not.
const SIZE_MAX: u32 = 1_024;

/// A text of pieces that mean something to the parser, and of some that mean nothing to it.
fn text_of(u: &mut Unstructured<'_>, pieces: &[&str]) -> Result<String> {
    let mut text = String::new();
    for _ in 0..u.int_in_range(0..=16)? {
        match u.int_in_range(0..=3)? {
            0 => text.push(u.arbitrary()?),
            1 => text.push(char::from(u.int_in_range(0x20_u8..=0x7e)?)),
            _ => text.push_str(u.choose(pieces)?),
        }
    }
    Ok(text)
}

/// Changes a text in one place: a character more, less, or another one.
fn change(u: &mut Unstructured<'_>, text: &mut String) -> Result<()> {
    let places: Vec<usize> = text.char_indices().map(|(place, _)| place).chain([text.len()]).collect();
    let place = *u.choose(&places)?;
    let drops = u.ratio(2, 3)?;
    if drops && place < text.len() {
        text.remove(place);
    }
    if u.ratio(2, 3)? {
        let ascii = char::from(u.int_in_range(0x20_u8..=0x7e)?);
        text.insert(place, if u.ratio(7, 8)? { ascii } else { u.arbitrary()? });
    }
    Ok(())
}

fn random_part(u: &mut Unstructured<'_>) -> Result<[u8; RANDOM_LENGTH]> {
    let mut random = [0; RANDOM_LENGTH];
    for byte in &mut random {
        *byte = *u.choose(ALPHABET)?;
    }
    Ok(random)
}

/// CRC-32 bit by bit, as ISO 3309 says it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

/// What the documentation says of keys, word for word.
fn is_key(text: &str, prefix: &str) -> Option<Environment> {
    let environment =
        Environment::ALL.into_iter().find(|word| text.starts_with(&format!("{prefix}_{}_", word.word())))?;
    let body: Vec<char> = text.chars().skip(prefix.chars().count() + 6).collect();
    if body.len() != RANDOM_LENGTH + CHECKSUM_LENGTH || !body.iter().all(char::is_ascii_alphanumeric) {
        return None;
    }
    let wanted = crc32(&text.as_bytes()[..text.len() - CHECKSUM_LENGTH]);
    let digit = |c: &char| ALPHABET.iter().position(|other| char::from(*other) == *c).unwrap() as u64;
    let sum = body[RANDOM_LENGTH..].iter().fold(0, |sum, c| sum * 62 + digit(c));
    (sum == u64::from(wanted)).then_some(environment)
}

/// Attack case 22.
#[test]
fn a_text_is_a_key_exactly_if_the_published_format_says_so() {
    arbtest(|u| {
        let prefix = *u.choose(&["cs", "a1", "zz9zz9zz9zz9"])?;
        let environment = *u.choose(&Environment::ALL)?;
        let whole = format::assemble(prefix, environment, &random_part(u)?);
        assert_eq!(is_key(&whole, prefix), Some(environment), "{whole}");
        let mut text = whole.clone();
        if u.ratio(1, 3)? {
            let between = text_of(u, &["cs", "_", "live", "test", "pat", "0", "zzzzzz", "é", &whole])?;
            text = between;
        }
        for _ in 0..u.int_in_range(0..=3)? {
            change(u, &mut text)?;
        }
        // Whoever makes keys up knows how to make a checksum.
        if u.ratio(1, 3)?
            && let Some(signed) = text.len().checked_sub(CHECKSUM_LENGTH).and_then(|length| text.get(..length))
        {
            let checksum = format::checksum_of(signed).map(char::from);
            text = signed.chars().chain(checksum).collect();
        }
        let parsed = format::parse(&text, prefix);
        assert_eq!(parsed.map(|key| key.environment), is_key(&text, prefix), "{text:?}");
        if let Some(key) = parsed {
            // Neither what is kept of it nor what is shown of it tells more than its beginning and four characters.
            let shown = key.hint();
            assert_eq!(key.text(), text);
            assert_eq!(shown.chars().count(), text.len() - RANDOM_LENGTH - CHECKSUM_LENGTH + 5);
        }
        // One character away from a key is no key, unless it is another key.
        if text != whole && text.len() == whole.len() {
            let differing = text.bytes().zip(whole.bytes()).filter(|(one, other)| one != other).count();
            assert!(differing > 1 || parsed.is_none(), "{text:?} beside {whole:?}");
        }
        Ok(())
    })
    .size_max(SIZE_MAX);
}

/// A network as somebody may write it, with its bits and how many of them count.
fn network(u: &mut Unstructured<'_>) -> Result<(String, IpAddr, u8)> {
    Ok(if u.arbitrary()? {
        let address = Ipv4Addr::from_bits(u.arbitrary()?);
        let length = u.int_in_range(0..=32)?;
        match u.int_in_range(0..=2)? {
            0 => (format!("{address}/{length}"), address.into(), length),
            1 => (format!("::ffff:{address}/{}", length + 96), address.into(), length),
            _ => (address.to_string(), address.into(), 32),
        }
    } else {
        // Never one that is IPv4 in disguise: those are above.
        let address = Ipv6Addr::from_bits(u.arbitrary::<u128>()? | 1 << 120);
        let length = u.int_in_range(0..=128)?;
        let whole = address.segments().map(|segment| format!("{segment:04X}")).join(":");
        match u.int_in_range(0..=2)? {
            0 => (format!("{address}/{length}"), address.into(), length),
            1 => (format!("{whole}/{length}"), address.into(), length),
            _ => (whole, address.into(), 128),
        }
    })
}

fn bits(address: IpAddr) -> Vec<bool> {
    let bytes = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect()
}

/// Attack case 18: what a key is bound to is what its form said, address by address.
#[test]
fn a_network_holds_the_addresses_whose_first_bits_are_its_own_and_no_other() {
    arbtest(|u| {
        let (written, address, length) = network(u)?;
        let read = terms::network(&written).unwrap();
        assert_eq!(terms::network(&read.to_string()), Some(read), "{written}");
        // Near the network, or anywhere.
        let near = match address {
            IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() ^ (1 << u.int_in_range(0..=31)?)).into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() ^ (1 << u.int_in_range(0..=127)?)).into(),
        };
        let four: IpAddr = Ipv4Addr::from_bits(u.arbitrary()?).into();
        let six: IpAddr = Ipv6Addr::from_bits(u.arbitrary()?).into();
        for other in [address, near, four, six] {
            let shared = bits(address).iter().zip(bits(other)).take_while(|(one, other)| **one == *other).count();
            let holds = address.is_ipv4() == other.is_ipv4() && shared >= usize::from(length);
            assert_eq!(read.contains(&other), holds, "{written} and {other}");
        }
        Ok(())
    })
    .size_max(SIZE_MAX);
}

#[test]
fn whatever_is_taken_for_a_network_has_one_form_and_is_kept_in_it() {
    arbtest(|u| {
        let mut text = match u.arbitrary()? {
            true => network(u)?.0,
            false => text_of(u, &["1", "255", ".", ":", "::", "/", "0", "32", "fe80", "%eth0", "ffff", "+", " "])?,
        };
        for _ in 0..u.int_in_range(0..=2)? {
            change(u, &mut text)?;
        }
        if let Some(read) = terms::network(&text) {
            let again = read.to_string();
            assert_eq!(terms::network(&again).map(|read| read.to_string()), Some(again.clone()), "{text:?}");
            assert_eq!(read, read.trunc(), "{text:?}");
            let is_mapped = matches!(read.addr(), IpAddr::V6(six) if six.to_ipv4_mapped().is_some());
            assert!(!is_mapped || read.prefix_len() < 96, "{text:?} became {again}");
            // Numbers with a zero before them are octal to some.
            let parts = || text.split(['.', '/']).filter(|_| read.addr().is_ipv4() && !text.contains(':'));
            assert!(parts().all(|part| part == "0" || !part.starts_with('0')), "{text:?}");
            // It says nothing but digits, separators and a length.
            assert!(text.bytes().all(|byte| byte.is_ascii_hexdigit() || b".:/".contains(&byte)), "{text:?}");
        }
        Ok(())
    })
    .size_max(SIZE_MAX);
}

/// What a whole number is: a sign perhaps, then digits.
fn number(text: &str) -> Option<i128> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let digits = digits.trim_start_matches('0');
    // Longer ones are beyond all bounds.
    is_number.then(|| if digits.len() > 30 { i128::MAX } else { sign * digits.parse().unwrap_or(0) })
}

#[test]
fn a_limit_is_two_whole_numbers_within_their_bounds_or_a_problem_of_its_field() {
    let pieces = ["1", "0", "60", "86400", "86401", "1000000000", "9223372036854775808", "-", "+", " ", "e3", "٣", ","];
    arbtest(|u| {
        let (limit_requests, limit_seconds) = (text_of(u, &pieces)?, text_of(u, &pieces)?);
        let within = |text: &str, max: i64| number(text).filter(|number| (1..=i128::from(max)).contains(number));
        let (requests, seconds) = (within(&limit_requests, LIMIT_MAX), within(&limit_seconds, LIMIT_SECONDS_MAX));
        let wanted = requests.zip(seconds).map(|(requests, seconds)| Limit {
            requests: requests.try_into().unwrap(),
            seconds: seconds.try_into().unwrap(),
        });
        let is_none = limit_requests.trim().is_empty();
        let typed = TypedTerms { label: "Server".to_owned(), limit_requests, limit_seconds, ..TypedTerms::default() };
        let mut check = Check::default();
        let (_, terms) = typed.check(&mut check, 0, None);
        let mut fields: Vec<String> =
            check.finish().err().unwrap_or_default().into_iter().map(|field| field.field).collect();
        let mut expected = Vec::new();
        if !is_none && requests.is_none() {
            expected.push("limit_requests");
        }
        if !is_none && seconds.is_none() {
            expected.push("limit_seconds");
        }
        fields.sort();
        assert_eq!(fields, expected, "{typed:?}");
        assert_eq!(terms.limit, wanted.filter(|_| !is_none), "{typed:?}");
        Ok(())
    })
    .size_max(SIZE_MAX);
}

/// The calendar, a day at a time.
fn days_before(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = |year, month| match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(is_leap(year)),
        _ => 31,
    };
    if year < 1970 || !(1..=12).contains(&month) || !(1..=length(year, month)).contains(&day) {
        return None;
    }
    let years: i64 = (1970..year).map(|year| 365 + i64::from(is_leap(year))).sum();
    let months: i64 = (1..month).map(|month| length(year, month)).sum();
    Some(years + months + day - 1)
}

#[test]
fn a_moment_is_read_as_the_calendar_has_it_and_what_is_in_no_calendar_is_refused() {
    arbtest(|u| {
        let (year, month, day) = (u.int_in_range(1960..=9999)?, u.int_in_range(0..=13)?, u.int_in_range(0..=32)?);
        let (hour, minute) = (u.int_in_range(0..=25)?, u.int_in_range(0..=61)?);
        let time = *u.choose(&["", "T", "Tx:30", "Tx:30Z", "Tx:30:59", "Tx:30:59.123Z", "Tx:30 ", "Tx:30+01:00"])?;
        let written =
            format!("{year:04}-{month:02}-{day:02}{}", time.replace("x:30", &format!("{hour:02}:{minute:02}")));
        let days = days_before(year, month, day);
        let wanted = match time {
            "" => days.map(|days| days * 86_400_000),
            "T" | "Tx:30 " | "Tx:30+01:00" => None,
            _ => days
                .filter(|_| hour < 24 && minute < 60)
                .map(|days| days * 86_400_000 + hour * 3_600_000 + minute * 60_000),
        };
        assert_eq!(terms::moment(&written), wanted, "{written}");
        // And nothing else makes it fall over.
        let mut text = written;
        for _ in 0..u.int_in_range(1..=4)? {
            change(u, &mut text)?;
        }
        let read = terms::moment(&text);
        assert!(read.is_none_or(|read| read >= 0 && read % 60_000 == 0), "{text:?}");
        Ok(())
    })
    .size_max(SIZE_MAX);
}

/// Bad input is told field by field, and what was found good is within its bounds.
#[test]
fn terms_that_are_found_good_stay_the_same_when_they_are_read_again() {
    let pieces = ["places:read", "sun", ",", " ", "\n", "10.0.0.0/8", "::1", "x", "é", "\u{202e}", "0", "on"];
    arbtest(|u| {
        let typed = TypedTerms {
            label: text_of(u, &["Server"])?,
            note: text_of(u, &pieces)?,
            scopes: text_of(u, &pieces)?,
            networks: text_of(u, &pieces)?,
            tags: text_of(u, &pieces)?,
            ..TypedTerms::default()
        };
        let mut check = Check::default();
        let (label, terms) = typed.check(&mut check, 0, None);
        if check.finish().is_ok() {
            let again = TypedTerms {
                label: label.clone(),
                note: terms.note.clone(),
                scopes: terms.scopes.join("\n"),
                networks: terms.networks.join("\n"),
                tags: terms.tags.join("\n"),
                ..TypedTerms::default()
            };
            let mut check = Check::default();
            assert_eq!(again.check(&mut check, 0, None), (label, terms), "{typed:?}");
            assert!(check.finish().is_ok(), "{typed:?}");
        }
        Ok(())
    })
    .size_max(SIZE_MAX);
}
