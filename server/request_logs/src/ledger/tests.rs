#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Mutex as StdMutex;

use async_trait::async_trait;
use contract::RequestId;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::*;
use crate::TailEvent;

/// The real order of events, without the real waits.
const QUICK: Pace = Pace {
    gather: Duration::from_millis(1),
    first_backoff: Duration::from_millis(1),
    longest_backoff: Duration::from_millis(2),
    announce: Duration::from_millis(1),
    farewell: Duration::from_millis(20),
    try_again: Duration::from_millis(1),
};

fn row(number: u128) -> RequestRow {
    RequestRow {
        id: RequestId::new(Uuid::from_u128(number)),
        at: 0,
        api: None,
        caller: None,
        method: "GET".to_owned(),
        route: String::new(),
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

fn numbers(rows: &[RequestRow]) -> Vec<u128> {
    rows.iter().map(|row| row.id.uuid().as_u128()).collect()
}

/// A folder for a spool.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn settings(&self) -> SpoolSettings {
        SpoolSettings::new(self.0.path().join("spool"))
    }

    /// A ledger on it, as each life of a process opens one.
    fn ledger(&self) -> Ledger {
        Ledger::with_pace(self.settings(), QUICK).unwrap()
    }
}

/// Remembers every attempt. Each attempt takes a permit before it begins; the first `failures` fail.
struct Memory {
    permits: Semaphore,
    began: Semaphore,
    failures: AtomicU64,
    attempts: StdMutex<Vec<Vec<u128>>>,
    stored: StdMutex<Vec<Vec<u128>>>,
}

impl Memory {
    fn new(permits: usize, failures: u64) -> Arc<Self> {
        Arc::new(Self {
            permits: Semaphore::new(permits),
            began: Semaphore::new(0),
            failures: AtomicU64::new(failures),
            attempts: StdMutex::default(),
            stored: StdMutex::default(),
        })
    }

    fn open() -> Arc<Self> {
        Self::new(Semaphore::MAX_PERMITS, 0)
    }

    async fn an_attempt_began(&self) {
        self.began.acquire().await.unwrap().forget();
    }

    fn stored(&self) -> Vec<u128> {
        self.stored.lock().unwrap().concat()
    }
}

#[async_trait]
impl RowStore for Memory {
    async fn store(&self, rows: &[RequestRow]) -> anyhow::Result<()> {
        self.attempts.lock().unwrap().push(numbers(rows));
        self.began.add_permits(1);
        self.permits.acquire().await.unwrap().forget();
        if self.failures.load(Ordering::SeqCst) > 0 {
            self.failures.fetch_sub(1, Ordering::SeqCst);
            bail!("the disk is full");
        }
        self.stored.lock().unwrap().push(numbers(rows));
        Ok(())
    }
}

struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    fn start(ledger: &Ledger, store: &Arc<Memory>) -> Self {
        let shutdown = CancellationToken::new();
        let (ledger, store, token) = (ledger.clone(), store.clone(), shutdown.clone());
        Self { shutdown, task: tokio::spawn(async move { ledger.run(store, token).await }) }
    }

    async fn end(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        self.task.await.unwrap()
    }
}

async fn next_numbers(tail: &mut Tail) -> Vec<u128> {
    match tail.next().await {
        Some(TailEvent::Rows(rows)) => numbers(&rows),
        other => panic!("expected rows, got {other:?}"),
    }
}

/// Claims: MAST-24
#[tokio::test]
async fn rows_are_stored_in_the_order_in_which_they_were_recorded() {
    let files = Files::new();
    let (ledger, store) = (files.ledger(), Memory::open());
    for number in 0..2_500 {
        ledger.record(row(number));
    }
    Running::start(&ledger, &store).end().await.unwrap();
    assert_eq!(store.stored(), (0..2_500).collect::<Vec<_>>());
}

#[tokio::test]
async fn many_rows_are_few_transactions() {
    let files = Files::new();
    let (ledger, store) = (files.ledger(), Memory::open());
    for number in 0..2_500 {
        ledger.record(row(number));
    }
    Running::start(&ledger, &store).end().await.unwrap();
    let sizes: Vec<usize> = store.stored.lock().unwrap().iter().map(Vec::len).collect();
    assert_eq!(sizes, [1_000, 1_000, 500]);
}

/// Claims: MAST-24
#[tokio::test]
async fn a_failing_store_loses_no_row_and_keeps_their_order() {
    let files = Files::new();
    let (ledger, store) = (files.ledger(), Memory::new(Semaphore::MAX_PERMITS, 3));
    let mut tail = ledger.tail();
    let running = Running::start(&ledger, &store);
    ledger.record(row(1));
    for _ in 0..3 {
        store.an_attempt_began().await;
    }
    ledger.record(row(2));
    assert_eq!(next_numbers(&mut tail).await, [1]);
    assert_eq!(next_numbers(&mut tail).await, [2]);
    running.end().await.unwrap();
    assert_eq!(store.stored(), [1, 2]);
    assert_eq!(*store.attempts.lock().unwrap(), [vec![1], vec![1], vec![1], vec![1], vec![2]]);
}

#[tokio::test]
async fn viewers_see_a_row_only_after_it_is_stored() {
    let files = Files::new();
    let (ledger, store) = (files.ledger(), Memory::new(0, 0));
    let mut tail = ledger.tail();
    let running = Running::start(&ledger, &store);
    ledger.record(row(1));
    store.an_attempt_began().await;
    let mut early = Box::pin(tail.next());
    tokio::select! {
        biased;
        event = &mut early => panic!("told before it was stored: {event:?}"),
        () = tokio::task::yield_now() => {}
    }
    drop(early);
    store.permits.add_permits(1);
    assert_eq!(next_numbers(&mut tail).await, [1]);
    running.end().await.unwrap();
}

#[tokio::test]
async fn rows_that_neither_disk_nor_memory_took_are_counted_and_viewers_are_told_while_the_store_hangs() {
    let files = Files::new();
    let settings = SpoolSettings { max_bytes: 0, memory_rows: 2, ..files.settings() };
    let (ledger, store) = (Ledger::with_pace(settings, QUICK).unwrap(), Memory::new(0, 0));
    let mut tail = ledger.tail();
    let running = Running::start(&ledger, &store);
    assert!(ledger.is_writable());
    assert_eq!(ledger.record(row(1)), Recorded::InMemory);
    assert!(!ledger.is_writable());
    store.an_attempt_began().await;
    let recorded: Vec<Recorded> = (2..=6).map(|number| ledger.record(row(number))).collect();
    let (kept, lost) = (Recorded::InMemory, Recorded::Lost);
    assert_eq!(recorded, [kept, kept, lost, lost, lost]);
    assert_eq!(tail.next().await, Some(TailEvent::Skipped(3)));
    store.permits.add_permits(10);
    assert_eq!(next_numbers(&mut tail).await, [1]);
    assert_eq!(next_numbers(&mut tail).await, [2, 3]);
    running.end().await.unwrap();
    assert_eq!(store.stored(), [1, 2, 3]);
    assert_eq!(tail.next().await, None);
}

/// Claims: MAST-24
#[tokio::test]
async fn rows_of_an_earlier_life_are_stored_first_and_once() {
    let files = Files::new();
    for number in 1..=50 {
        assert_eq!(files.ledger().record(row(number)), Recorded::OnDisk);
    }
    let (ledger, store) = (files.ledger(), Memory::open());
    assert_eq!(ledger.record(row(51)), Recorded::OnDisk);
    let running = Running::start(&ledger, &store);
    ledger.caught_up().await;
    running.end().await.unwrap();
    drop(ledger);
    assert_eq!(store.stored(), (1..=51).collect::<Vec<_>>());
    let (ledger, store) = (files.ledger(), Memory::open());
    Running::start(&ledger, &store).end().await.unwrap();
    assert_eq!(store.stored(), [0; 0]);
}

#[tokio::test]
async fn what_was_left_counts_as_stored_only_once_it_is() {
    let files = Files::new();
    files.ledger().record(row(1));
    let (ledger, store) = (files.ledger(), Memory::new(0, 0));
    let running = Running::start(&ledger, &store);
    store.an_attempt_began().await;
    tokio::select! {
        biased;
        () = ledger.caught_up() => panic!("it was not stored yet"),
        () = tokio::task::yield_now() => {}
    }
    store.permits.add_permits(1);
    ledger.caught_up().await;
    running.end().await.unwrap();
    assert_eq!(store.stored(), [1]);
}

/// Claims: MAST-24
#[tokio::test]
async fn a_store_that_is_away_fills_no_memory_and_loses_no_row_and_no_order() {
    let files = Files::new();
    let settings = SpoolSettings { segment_bytes: 10_000, memory_rows: 0, ..files.settings() };
    let (ledger, store) = (Ledger::with_pace(settings, QUICK).unwrap(), Memory::new(Semaphore::MAX_PERMITS, 5));
    let running = Running::start(&ledger, &store);
    for number in 0..20_000 {
        assert_eq!(ledger.record(row(number)), Recorded::OnDisk);
    }
    for _ in 0..6 {
        store.an_attempt_began().await;
    }
    for number in 20_000..20_010 {
        assert_eq!(ledger.record(row(number)), Recorded::OnDisk);
    }
    running.end().await.unwrap();
    assert_eq!(store.stored(), (0..20_010).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_spool_that_took_no_row_is_writable_again_without_a_further_row() {
    let files = Files::new();
    let (ledger, store) = (files.ledger(), Memory::new(0, 0));
    let (folder, aside) = (files.settings().folder, files.0.path().join("aside"));
    std::fs::rename(&folder, &aside).unwrap();
    assert_eq!(ledger.record(row(1)), Recorded::InMemory);
    std::fs::rename(&aside, &folder).unwrap();
    let running = Running::start(&ledger, &store);
    while !ledger.is_writable() {
        tokio::task::yield_now().await;
    }
    store.permits.add_permits(1);
    running.end().await.unwrap();
    assert_eq!(store.stored(), [1]);
}

#[tokio::test]
async fn a_slow_viewer_is_told_how_many_rows_it_missed_and_goes_on() {
    let files = Files::new();
    let (ledger, store) = (files.ledger(), Memory::open());
    let (mut slow, mut quick) = (ledger.tail(), ledger.tail());
    let running = Running::start(&ledger, &store);
    let batches = TAIL_BATCHES as u128 + 44;
    for batch in 0..batches {
        ledger.record(row(2 * batch));
        ledger.record(row(2 * batch + 1));
        assert_eq!(next_numbers(&mut quick).await, [2 * batch, 2 * batch + 1]);
    }
    assert_eq!(slow.next().await, Some(TailEvent::Skipped(88)));
    for batch in 44..batches {
        assert_eq!(next_numbers(&mut slow).await, [2 * batch, 2 * batch + 1]);
    }
    running.end().await.unwrap();
    assert_eq!(slow.next().await, None);
}

#[tokio::test]
async fn a_viewer_that_comes_later_is_not_told_of_what_was_before() {
    let files = Files::new();
    let (ledger, store) = (files.ledger(), Memory::open());
    let mut first = ledger.tail();
    let running = Running::start(&ledger, &store);
    ledger.record(row(1));
    assert_eq!(next_numbers(&mut first).await, [1]);
    let mut second = ledger.tail();
    ledger.record(row(2));
    assert_eq!(next_numbers(&mut second).await, [2]);
    running.end().await.unwrap();
}

#[tokio::test]
async fn a_shutdown_stores_what_is_queued_then_ends_the_viewers() {
    let files = Files::new();
    let (ledger, store) = (files.ledger(), Memory::new(0, 0));
    let mut tail = ledger.tail();
    let running = Running::start(&ledger, &store);
    ledger.record(row(1));
    store.an_attempt_began().await;
    ledger.record(row(2));
    running.shutdown.cancel();
    store.permits.add_permits(10);
    running.end().await.unwrap();
    assert_eq!(store.stored(), [1, 2]);
    assert_eq!(next_numbers(&mut tail).await, [1]);
    assert_eq!(next_numbers(&mut tail).await, [2]);
    assert_eq!(tail.next().await, None);
    assert_eq!(ledger.tail().next().await, None);
}

/// Claims: MAST-24
#[tokio::test]
async fn a_shutdown_with_a_dead_store_ends_and_its_rows_are_stored_in_the_next_life() {
    let files = Files::new();
    let (ledger, store) = (files.ledger(), Memory::new(Semaphore::MAX_PERMITS, u64::MAX));
    let running = Running::start(&ledger, &store);
    ledger.record(row(1));
    store.an_attempt_began().await;
    ledger.record(row(2));
    running.end().await.unwrap();
    drop(ledger);
    let (ledger, store) = (files.ledger(), Memory::open());
    Running::start(&ledger, &store).end().await.unwrap();
    assert_eq!(store.stored(), [1, 2]);
}

#[tokio::test]
async fn a_shutdown_with_a_dead_store_and_a_dead_disk_says_how_many_rows_are_lost() {
    let files = Files::new();
    let settings = SpoolSettings { max_bytes: 0, ..files.settings() };
    let ledger = Ledger::with_pace(settings, QUICK).unwrap();
    let store = Memory::new(Semaphore::MAX_PERMITS, u64::MAX);
    let running = Running::start(&ledger, &store);
    ledger.record(row(1));
    store.an_attempt_began().await;
    ledger.record(row(2));
    let error = running.end().await.unwrap_err().to_string();
    assert!(error.contains("took 2 request rows until the end of the shutdown: the disk is full"), "{error}");
}

#[tokio::test]
async fn a_row_that_is_recorded_after_the_end_is_stored_in_the_next_life() {
    let files = Files::new();
    let ledger = files.ledger();
    Running::start(&ledger, &Memory::open()).end().await.unwrap();
    assert_eq!(ledger.record(row(1)), Recorded::OnDisk);
    drop(ledger);
    let (ledger, store) = (files.ledger(), Memory::open());
    Running::start(&ledger, &store).end().await.unwrap();
    assert_eq!(store.stored(), [1]);
}

#[tokio::test]
async fn a_cancelled_run_leaves_its_batch_to_the_next() {
    let files = Files::new();
    let (ledger, store) = (files.ledger(), Memory::new(0, 0));
    let running = Running::start(&ledger, &store);
    ledger.record(row(1));
    store.an_attempt_began().await;
    running.task.abort();
    assert!(running.task.await.unwrap_err().is_cancelled());
    let store = Memory::open();
    Running::start(&ledger, &store).end().await.unwrap();
    assert_eq!(store.stored(), [1]);
}

#[tokio::test]
async fn a_ledger_runs_once_at_a_time() {
    let files = Files::new();
    let (ledger, store) = (files.ledger(), Memory::new(0, 0));
    let running = Running::start(&ledger, &store);
    ledger.record(row(1));
    store.an_attempt_began().await;
    let second = ledger.run(store.clone(), CancellationToken::new()).await;
    assert_eq!(second.unwrap_err().to_string(), "the ledger is already running");
    store.permits.add_permits(1);
    running.end().await.unwrap();
}
