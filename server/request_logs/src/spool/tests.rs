#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use contract::RequestId;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;

fn row(number: u128) -> RequestRow {
    RequestRow {
        id: RequestId::new(Uuid::from_u128(number)),
        at: 0,
        api: None,
        caller: None,
        method: "GET".to_owned(),
        route: "/v1/places".to_owned(),
        status: 401,
        code: Some("missing_key".to_owned()),
        latency_us: 1,
        upstream_us: None,
        response_bytes: 0,
        key_hint: None,
        cost: 1,
        address: None,
        agent: None,
    }
}

/// What one such row takes on disk, whatever its number.
fn row_bytes() -> u64 {
    Frame::of(&row(0)).unwrap().len()
}

struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn settings(&self) -> SpoolSettings {
        SpoolSettings::new(self.folder.path().join("spool"))
    }

    fn open(&self) -> Spool {
        Spool::open(self.settings()).unwrap()
    }

    /// Segments, the oldest first.
    fn segments(&self) -> Vec<PathBuf> {
        let all = segments(&self.settings().folder).unwrap();
        all.iter().map(|segment| path(&self.settings().folder, segment.number)).collect()
    }
}

fn append(spool: &Spool, numbers: std::ops::Range<u128>) {
    for number in numbers {
        assert_eq!(spool.append(row(number)).0, Recorded::OnDisk);
    }
}

fn next_batch(spool: &Spool, reader: &mut Reader) -> Vec<u128> {
    let mut rows = Vec::new();
    spool.read(reader, &mut rows, 1_000);
    rows.iter().map(|row| row.id.uuid().as_u128()).collect()
}

/// Everything that waits, stored.
fn drain(spool: &Spool, reader: &mut Reader) -> Vec<u128> {
    let mut all = Vec::new();
    loop {
        let batch = next_batch(spool, reader);
        if batch.is_empty() {
            return all;
        }
        all.extend(batch);
        spool.is_stored(reader);
    }
}

#[test]
fn rows_that_were_not_stored_are_there_in_the_next_life_in_their_order() {
    let files = Files::new();
    let settings = SpoolSettings { segment_bytes: 10 * row_bytes(), ..files.settings() };
    append(&Spool::open(settings.clone()).unwrap(), 0..25);
    let spool = Spool::open(settings).unwrap();
    assert!(spool.has_leftovers());
    append(&spool, 25..30);
    assert_eq!(drain(&spool, &mut Reader::default()), (0..30).collect::<Vec<_>>());
    assert!(!spool.has_leftovers());
    assert_eq!(spool.waiting(), 0);
}

#[test]
fn rows_that_were_stored_leave_the_disk_at_once() {
    let files = Files::new();
    let settings = SpoolSettings { segment_bytes: 10 * row_bytes(), ..files.settings() };
    let (spool, mut reader) = (Spool::open(settings).unwrap(), Reader::default());
    append(&spool, 0..25);
    // Rows, without the room that is reserved behind them.
    let on_disk = || {
        let rows = |path: &PathBuf| {
            let bytes = std::fs::read(path).unwrap();
            bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1)
        };
        files.segments().iter().map(rows).sum::<u64>()
    };
    // A row may end with a zero.
    assert!(on_disk().abs_diff(spool.bytes()) < 3 * row_bytes(), "{} of {}", on_disk(), spool.bytes());
    assert_eq!(drain(&spool, &mut reader).len(), 25);
    assert_eq!((files.segments().len(), on_disk(), spool.bytes()), (1, START, START));
    append(&spool, 25..26);
    assert_eq!(drain(&spool, &mut reader), [25]);
    drop(spool);
    assert_eq!(std::fs::metadata(&files.segments()[0]).unwrap().len(), START);
    assert_eq!(drain(&files.open(), &mut Reader::default()), [0; 0]);
    assert!(files.segments().is_empty());
}

#[test]
fn rows_come_once_and_in_order_whether_memory_still_has_them_or_the_disk_alone() {
    let files = Files::new();
    let settings = SpoolSettings { segment_bytes: 700 * row_bytes(), ..files.settings() };
    let (spool, mut reader) = (Spool::open(settings).unwrap(), Reader::default());
    let (mut recorded, mut read) = (0, Vec::new());
    // More than memory keeps, less, and more again, so that both give rows of one segment in turn.
    for more in [RECENT_ROWS as u128 + 2_000, 10, 3_000, 1, RECENT_ROWS as u128 + 1, 0] {
        append(&spool, recorded..recorded + more);
        recorded += more;
        for _ in 0..4 {
            read.extend(next_batch(&spool, &mut reader));
            spool.is_stored(&mut reader);
        }
    }
    read.extend(drain(&spool, &mut reader));
    assert_eq!(read, (0..recorded).collect::<Vec<_>>());
    assert_eq!((spool.waiting(), spool.state().recent.len()), (0, 0));
}

#[test]
fn rows_that_arrive_while_a_batch_is_stored_stay() {
    let files = Files::new();
    let (spool, mut reader) = (files.open(), Reader::default());
    append(&spool, 0..2);
    assert_eq!(next_batch(&spool, &mut reader), [0, 1]);
    append(&spool, 2..4);
    spool.is_stored(&mut reader);
    assert_eq!(spool.waiting(), 2);
    assert_eq!(next_batch(&spool, &mut reader), [2, 3]);
    spool.is_stored(&mut reader);
    assert_eq!(spool.bytes(), START);
}

#[test]
fn after_a_kill_no_more_than_one_segment_of_stored_rows_is_offered_again() {
    let files = Files::new();
    let settings = SpoolSettings { segment_bytes: 10 * row_bytes() + START, ..files.settings() };
    let (spool, mut reader) = (Spool::open(settings.clone()).unwrap(), Reader::default());
    let mut stored = 0;
    for number in 0..95 {
        append(&spool, number..number + 1);
        let batch = next_batch(&spool, &mut reader);
        // Something always arrives before a batch is stored, so that the segment is never empty.
        append(&spool, number + 1_000..number + 1_001);
        stored += batch.len();
        spool.is_stored(&mut reader);
    }
    drop(spool);
    let again = drain(&Spool::open(settings).unwrap(), &mut Reader::default());
    assert!(again.len() <= 190 - stored + 10, "{} of {stored} again", again.len());
    assert_eq!(again.last(), Some(&1_094));
}

#[test]
fn a_file_that_was_cut_anywhere_is_read_up_to_there() {
    let files = Files::new();
    append(&files.open(), 0..5);
    let whole = std::fs::read(&files.segments()[0]).unwrap();
    for cut in 0..=whole.len() {
        let files = Files::new();
        std::fs::create_dir(files.settings().folder).unwrap();
        std::fs::write(path(&files.settings().folder, 1), &whole[..cut]).unwrap();
        let spool = files.open();
        append(&spool, 10..11);
        let rows = (cut as u64).saturating_sub(START) / row_bytes();
        let expected: Vec<u128> = (0..u128::from(rows)).chain([10]).collect();
        assert_eq!(drain(&spool, &mut Reader::default()), expected, "cut at {cut}");
        assert_eq!(files.segments().len(), 1, "cut at {cut}");
    }
}

#[test]
fn a_damaged_row_is_skipped_and_the_rows_behind_it_are_found() {
    let files = Files::new();
    append(&files.open(), 0..5);
    let file = &files.segments()[0];
    let mut bytes = std::fs::read(file).unwrap();
    bytes[(START + row_bytes() + 20) as usize] ^= 1;
    std::fs::write(file, bytes).unwrap();
    assert_eq!(drain(&files.open(), &mut Reader::default()), [0, 2, 3, 4]);
}

#[test]
fn a_segment_of_another_version_stays_where_it_is_and_the_others_are_read() {
    let files = Files::new();
    append(&files.open(), 0..2);
    append(&files.open(), 2..4);
    let first = files.segments().remove(0);
    let mut bytes = std::fs::read(&first).unwrap();
    bytes[7] = 99;
    std::fs::write(&first, &bytes).unwrap();
    let spool = files.open();
    assert_eq!(drain(&spool, &mut Reader::default()), [2, 3]);
    assert_eq!(std::fs::read(&first).unwrap(), bytes);
    assert!(!spool.has_leftovers());
}

#[test]
fn two_processes_do_not_share_a_folder() {
    let files = Files::new();
    let first = files.open();
    let error = Spool::open(files.settings()).unwrap_err().to_string();
    assert!(error.contains("another process uses the spool in") && error.contains("data folder of its own"), "{error}");
    drop(first);
    files.open();
}

#[test]
fn beyond_its_most_the_spool_takes_no_row_and_says_so_until_rows_were_stored() {
    let files = Files::new();
    let settings = SpoolSettings {
        segment_bytes: 5 * row_bytes(),
        max_bytes: 2 * TRIED_BYTES,
        memory_rows: 2,
        ..files.settings()
    };
    let (spool, mut reader) = (Spool::open(settings).unwrap(), Reader::default());
    let mut on_disk = 0;
    while spool.append(row(on_disk)).0 == Recorded::OnDisk {
        assert!(spool.is_writable());
        on_disk += 1;
    }
    assert!(!spool.is_writable());
    assert_eq!(spool.append(row(on_disk + 1)).0, Recorded::InMemory);
    assert_eq!(spool.append(row(on_disk + 2)).0, Recorded::Lost);
    assert!(!spool.try_to_write());
    assert!(spool.bytes() <= 2 * TRIED_BYTES);
    // What is in memory goes first, and is on no disk.
    assert_eq!(next_batch(&spool, &mut reader), [on_disk, on_disk + 1]);
    assert_eq!(drain(&spool, &mut reader), (0..on_disk).collect::<Vec<_>>());
    assert!(spool.try_to_write());
    assert!(spool.is_writable());
    append(&spool, 1_000..1_001);
}

#[test]
fn rows_that_waited_in_memory_are_written_once_the_folder_is_back() {
    let files = Files::new();
    let folder = files.settings().folder;
    let (spool, aside) = (files.open(), files.folder.path().join("aside"));
    std::fs::rename(&folder, &aside).unwrap();
    assert_eq!(spool.append(row(1)), (Recorded::InMemory, 1));
    assert_eq!(spool.append(row(2)), (Recorded::InMemory, 2));
    assert!(!spool.try_to_write());
    std::fs::rename(&aside, &folder).unwrap();
    assert!(spool.try_to_write());
    assert_eq!((spool.in_memory(), spool.waiting()), (0, 2));
    drop(spool);
    assert_eq!(drain(&files.open(), &mut Reader::default()), [1, 2]);
}

#[test]
fn a_row_that_waits_in_memory_reaches_the_disk_though_a_later_one_was_first() {
    let files = Files::new();
    let spool = files.open();
    std::fs::create_dir(path(&files.settings().folder, 1)).unwrap();
    assert_eq!(spool.append(row(1)).0, Recorded::InMemory);
    append(&spool, 2..3);
    assert!(spool.is_writable());
    assert!(spool.try_to_write());
    drop(spool);
    assert_eq!(drain(&files.open(), &mut Reader::default()), [2, 1]);
}

/// Claims: MAST-24
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_what_stood_on_it_before_is_kept() {
    let files = Files::new();
    let spool = files.open();
    append(&spool, 0..3);
    // A file to which every write fails as it does on a disk without room.
    let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
    spool.state().active = Some(Active::unmapped(full));
    assert_eq!(spool.append(row(3)).0, Recorded::InMemory);
    assert!(!spool.is_writable());
    assert!(spool.try_to_write());
    append(&spool, 4..5);
    drop(spool);
    assert_eq!(drain(&files.open(), &mut Reader::default()), [0, 1, 2, 3, 4]);
}

#[test]
fn a_row_that_was_copied_and_not_announced_is_no_row_and_harms_no_other() {
    let files = Files::new();
    append(&files.open(), 0..3);
    let file = files.segments().remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    let last = (START + 2 * row_bytes()) as usize;
    bytes[last..last + frame::PREFIX].fill(0);
    bytes.extend([0; 5_000]);
    std::fs::write(&file, bytes).unwrap();
    let spool = files.open();
    assert_eq!(drain(&spool, &mut Reader::default()), [0, 1]);
    assert!(!file.exists());
}

#[test]
fn a_kill_while_a_segment_is_emptied_leaves_the_rows_before_and_counts_nothing_as_damaged() {
    let files = Files::new();
    append(&files.open(), 0..5);
    let file = files.segments().remove(0);
    let whole = std::fs::read(&file).unwrap();
    for cleared in (START + frame::PREFIX as u64)..whole.len() as u64 {
        let mut bytes = whole.clone();
        bytes[cleared as usize..].fill(0);
        let place = Place { segment: 1, offset: START };
        let (mut rows, mut at) = (0, START as usize);
        let end = loop {
            if at == bytes.len() {
                break Next::Unwritten;
            }
            match frame::next(&bytes[at..], Place { offset: at as u64, ..place }) {
                Next::Row { used, damaged: 0, .. } => {
                    rows += 1;
                    at += used;
                }
                other => break other,
            }
        };
        assert!(rows >= (cleared - START) / row_bytes(), "{rows} rows, cleared from {cleared}");
        // A cut that takes the last few bytes of a row cannot be told from damage.
        let rest = row_bytes() - (cleared - START) % row_bytes();
        assert!(matches!(end, Next::Torn | Next::Unwritten) || rest < 20, "{end:?}, cleared from {cleared}");
    }
}

#[test]
fn rows_are_written_where_no_room_can_be_reserved_too() {
    let files = Files::new();
    let spool = files.open();
    append(&spool, 0..1);
    let plain = OpenOptions::new().append(true).open(&files.segments()[0]).unwrap();
    plain.set_len(START + row_bytes()).unwrap();
    spool.state().active = Some(Active::unmapped(plain));
    append(&spool, 1..3);
    let mut reader = Reader::default();
    assert_eq!(drain(&spool, &mut reader), [0, 1, 2]);
    append(&spool, 3..4);
    drop(spool);
    assert_eq!(drain(&files.open(), &mut Reader::default()), [3]);
}

#[test]
fn a_file_in_the_way_is_passed_by() {
    let files = Files::new();
    let spool = files.open();
    std::fs::create_dir(path(&files.settings().folder, 1)).unwrap();
    assert_eq!(spool.append(row(1)).0, Recorded::InMemory);
    append(&spool, 2..3);
    assert_eq!(next_batch(&spool, &mut Reader::default()), [1]);
}

/// Claims: MAST-15
#[cfg(unix)]
#[test]
fn folder_and_files_of_the_spool_are_their_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let files = Files::new();
    let spool = files.open();
    append(&spool, 0..1);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = files.settings().folder;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("lock")), 0o600);
    assert_eq!(mode(&files.segments()[0]), 0o600);
}

/// Where the child of the next test, which is that test once more, finds its spool.
const FOLDER: &str = "COUNTERSIGN_TEST_SPOOL";

fn record_until_killed(folder: std::ffi::OsString) {
    let spool = Spool::open(SpoolSettings { segment_bytes: 20_000, ..SpoolSettings::new(folder) }).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..2_u128 {
            let spool = &spool;
            scope.spawn(move || {
                for count in 0..u128::from(u64::MAX) {
                    let number = 2 * count + thread;
                    assert_eq!(spool.append(row(number)).0, Recorded::OnDisk);
                    println!("row {number}.");
                }
            });
        }
    });
}

/// Claims: MAST-24
#[test]
#[expect(clippy::disallowed_methods, reason = "a test binary has no other way to be told something")]
fn every_row_that_was_recorded_before_a_kill_is_there_after_it() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return record_until_killed(folder);
    }
    for run in 0..20_usize {
        let files = Files::new();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "spool::tests::every_row_that_was_recorded_before_a_kill_is_there_after_it",
                "--nocapture",
            ])
            .env(FOLDER, files.settings().folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Another moment each time: at the beginning, and at the ends of segments.
        let mut told: Vec<u128> = Vec::new();
        let number = |line: &str| line.split_once("row ")?.1.strip_suffix('.')?.parse::<u128>().ok();
        while told.len() < 1 + run * 61 {
            let line = lines.next().expect("it ended by itself").unwrap();
            told.extend(number(&line));
        }
        child.kill().unwrap();
        // What it said and was not read yet was said after the row was recorded, too.
        told.extend(lines.filter_map(|line| number(&line.unwrap())));
        child.wait().unwrap();
        let found = drain(&files.open(), &mut Reader::default());
        let lost: Vec<_> = told.iter().filter(|number| !found.contains(number)).collect();
        assert!(lost.is_empty(), "run {run}: {lost:?} of {} rows are lost", told.len());
        // Each of the two threads may have recorded one row of which it could not tell any more.
        assert!(found.len() <= told.len() + 2, "run {run}: {} rows, {} told", found.len(), told.len());
    }
}
