//! The spool: rows on disk, from the moment they are recorded until they are stored.
//!
//! - A row is in the hands of the kernel before `append` returns (see `active`): from then on it survives the end of this
//!   process, however it ends. It does not survive a crash of the machine within the seconds that the kernel takes to
//!   write it out: nothing here waits for the disk.
//! - Rows stand in segments, `<number>.rows`, in the order in which they were recorded, and are read in that order. The
//!   few that were recorded last are kept in memory too, which spares reading them again; the place of each is known, so
//!   that it does not matter which of the two a row comes from. After a kill, or an hour without a database, all come
//!   from the disk, and memory holds one batch and one segment, whatever waits.
//! - What is stored leaves the disk. A segment that is stored whole is removed; the one that is written to is emptied
//!   whenever everything in it is stored, which at usual loads is after each batch. No position is written anywhere: after
//!   a kill the rows of what was left of a segment are offered again, and the store knows them by their ids. These are
//!   rows of moments ago: a segment lasts long only where nothing arrives while a batch is stored, and there it is emptied.
//! - A segment ends at its last whole row. What a kill cut off at its end is normal. A damaged row elsewhere is
//!   reported and skipped; rows behind it are found, because each is checked against its own place.
//! - The sealer reads a segment at a time, on its own task: a few megabytes, which the kernel has in memory as a rule.
//! - One lock is held while a row is copied, and for nothing else that takes time but the begin of a segment.
//! - While the disk takes no row, some rows wait in memory. Every failure is counted, and [`Spool::is_writable`] says no
//!   until a write, or a try of one, succeeds.
//! - A process has its folder to itself. Folder and files are their owner's only: rows tell who called what.

use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, bail};
use contract::request_logs::RequestRow;

use crate::active::Active;
use crate::frame::{self, Frame, Next, Place};

/// Ends the names of segments.
const ENDING: &str = "rows";

/// Where the first row of a segment stands.
const START: u64 = frame::HEADER.len() as u64;

/// Rows that are kept in memory beside the disk: what a busy gateway records while a batch is stored.
const RECENT_ROWS: usize = 4_096;

/// What a try to write writes: a block, so that a disk without a free one is noticed.
const TRIED_BYTES: u64 = 4_096;

/// Where rows are spooled, and how much of them.
#[derive(Clone, Debug)]
pub struct SpoolSettings {
    /// The folder; made when it is not there. No other process may use it.
    pub folder: PathBuf,
    /// Size at which a segment is closed: as much is read into memory at once, and offered again after a kill at most.
    pub segment_bytes: u64,
    /// Most that stands on disk; beyond it the spool is not writable.
    pub max_bytes: u64,
    /// Rows that may wait in memory while the disk takes none.
    pub memory_rows: usize,
}

impl SpoolSettings {
    /// A spool in that folder, with segments of 4 MiB, 1 GiB in all (about six million rows), and a memory of 16,384
    /// rows.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), segment_bytes: 4 << 20, max_bytes: 1 << 30, memory_rows: 1 << 14 }
    }
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It stands on disk, whatever happens to this process.
    OnDisk,
    /// The disk did not take it. It will be stored if this process lives.
    InMemory,
    /// Neither disk nor memory took it. It is counted, and viewers are told.
    Lost,
}

/// Rows on their way to the store.
#[derive(Debug)]
pub(crate) struct Spool {
    settings: SpoolSettings,
    state: Mutex<State>,
    writable: AtomicBool,
    /// Held for as long as the spool is: the system lets go of it when the process ends.
    _lock: File,
}

#[derive(Debug)]
struct State {
    /// The oldest first. The last one is written to while there is an `active` file.
    segments: VecDeque<Segment>,
    active: Option<Active>,
    /// Number of the next segment.
    next: u64,
    /// Segments before this one were left by an earlier life.
    first: u64,
    /// Bytes of all segments, and of those that could not be read: they take room too.
    bytes: u64,
    /// Rows of all segments that were not read yet.
    unread: u64,
    /// Rows that the disk did not take.
    in_memory: VecDeque<RequestRow>,
    /// Rows that the disk took lately, in their order, though not without gaps. Its room is taken at once, and by the
    /// system only where rows stood: growing it took a fourth of what a row costs.
    recent: VecDeque<Recent>,
}

/// A row and where it stands.
#[derive(Debug)]
struct Recent {
    row: RequestRow,
    place: Place,
    end: u64,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    number: u64,
    /// Where its last whole row ends; for one of an earlier life, where its file does.
    end: u64,
    /// Rows of this life that were not read yet.
    unread: u64,
}

/// How far the sealer has read.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// The segment; they are numbered from 1.
    number: u64,
    /// Where what was not read yet begins in it.
    at: u64,
    /// Bytes from there on that were loaded already.
    loaded: VecDeque<u8>,
}

/// Where a batch came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Source {
    /// Rows that stand on disk until they are stored.
    #[default]
    Disk,
    /// Rows that are nowhere else.
    Memory,
}

impl Spool {
    /// Opens the folder and finds what an earlier life left.
    pub(crate) fn open(settings: SpoolSettings) -> anyhow::Result<Self> {
        let folder = settings.folder.display().to_string();
        let mut maker = DirBuilder::new();
        maker.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
        maker.create(&settings.folder).with_context(|| format!("could not make the folder {folder} of the spool"))?;
        let lock = owners_only(OpenOptions::new().write(true).create(true).truncate(false))
            .open(settings.folder.join("lock"))
            .with_context(|| format!("could not open the lock of the spool in {folder}"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("another process uses the spool in {folder}; end it, or give this one a data folder of its own")
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("could not lock the spool in {folder}"));
            }
        }
        let segments = segments(&settings.folder).with_context(|| format!("could not read the spool in {folder}"))?;
        let bytes = segments.iter().map(|segment| segment.end).sum();
        let next = segments.back().map_or(1, |segment| segment.number.saturating_add(1));
        if bytes > 0 {
            tracing::info!(bytes, segments = segments.len(), "The spool holds rows of an earlier life");
        }
        let state = State {
            segments,
            active: None,
            next,
            first: next,
            bytes,
            unread: 0,
            in_memory: VecDeque::new(),
            recent: VecDeque::with_capacity(RECENT_ROWS),
        };
        Ok(Self { settings, state: Mutex::new(state), writable: AtomicBool::new(true), _lock: lock })
    }

    /// Gives back room that was reserved and is not needed any more.
    fn close(&self) {
        let mut state = self.state();
        let end = state.segments.back().map(|segment| segment.end);
        if let (Some(active), Some(end)) = (state.active.take(), end) {
            active.close(end);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, number: u64) -> PathBuf {
        path(&self.settings.folder, number)
    }

    /// Writes a row; says what became of it, and how many rows wait now.
    pub(crate) fn append(&self, row: RequestRow) -> (Recorded, u64) {
        let mut frame = Frame::of(&row);
        let mut state = self.state();
        let written = match &mut frame {
            Some(frame) => state.write(&self.settings, frame),
            None => Err(io::Error::other("a row is too long for the spool")),
        };
        let recorded = match &written {
            Ok(place) => {
                state.remember(*place, row);
                Recorded::OnDisk
            }
            Err(_) if state.in_memory.len() < self.settings.memory_rows => {
                state.in_memory.push_back(row);
                Recorded::InMemory
            }
            Err(_) => Recorded::Lost,
        };
        let waiting = state.waiting();
        drop(state);
        if let Err(error) = &written {
            metrics::counter!("countersign_spool_failures_total").increment(1);
            // A row that is too long says nothing of the disk.
            if frame.is_some() {
                self.is_broken(error);
            }
        } else {
            self.is_well();
        }
        (recorded, waiting)
    }

    fn is_broken(&self, error: &io::Error) {
        if self.writable.swap(false, Ordering::Relaxed) {
            let folder = self.settings.folder.display();
            tracing::error!("Request rows cannot be written to the spool in {folder}, they wait in memory: {error}");
        }
    }

    fn is_well(&self) {
        // Read first: a write by every row would move the line from core to core.
        if !self.is_writable() && !self.writable.swap(true, Ordering::Relaxed) {
            tracing::info!("Request rows can be written to the spool again");
        }
    }

    /// Whether the last row was written, or a try of one since. Costs one read of memory.
    pub(crate) fn is_writable(&self) -> bool {
        self.writable.load(Ordering::Relaxed)
    }

    /// Tries to write, unless all is well; moves what waits in memory to the disk. True when the spool is writable.
    pub(crate) fn try_to_write(&self) -> bool {
        let mut state = self.state();
        if self.is_writable() && state.in_memory.is_empty() {
            return true;
        }
        let mut tried = state.try_to_write(&self.settings);
        for row in std::mem::take(&mut state.in_memory) {
            let frame = Frame::of(&row).filter(|_| tried.is_ok());
            let moved = frame.map(|mut frame| state.write(&self.settings, &mut frame));
            if !matches!(moved, Some(Ok(_))) {
                state.in_memory.push_back(row);
            }
            if let Some(Err(error)) = moved {
                tried = Err(error);
            }
        }
        drop(state);
        if tried.is_ok() {
            self.is_well();
        }
        tried.is_ok()
    }

    /// Rows of this life that were not read yet.
    pub(crate) fn waiting(&self) -> u64 {
        self.state().waiting()
    }

    /// Rows that are on no disk.
    pub(crate) fn in_memory(&self) -> usize {
        self.state().in_memory.len()
    }

    /// Bytes on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.state().bytes
    }

    /// Whether rows of an earlier life may be there.
    pub(crate) fn has_leftovers(&self) -> bool {
        let state = self.state();
        state.segments.front().is_some_and(|segment| segment.number < state.first)
    }

    /// Reads the oldest rows that were not read yet, `most` at most, of one source.
    ///
    /// What stands in memory goes first: it is what a kill would take.
    pub(crate) fn read(&self, reader: &mut Reader, rows: &mut Vec<RequestRow>, most: usize) -> Source {
        let mut state = self.state();
        let from_memory = state.in_memory.len().min(most);
        rows.extend(state.in_memory.drain(..from_memory));
        drop(state);
        if !rows.is_empty() {
            return Source::Memory;
        }
        while let Some((segment, closed)) = self.oldest() {
            if reader.number != segment.number {
                *reader = Reader { number: segment.number, ..Reader::default() };
            }
            let mut state = self.state();
            state.recall(segment, reader, rows, most);
            let until = state.until(segment);
            drop(state);
            if rows.is_empty()
                && let Err(error) = self.read_segment(reader, Segment { end: until, ..segment }, rows, most)
            {
                self.give_up(segment, &error);
                continue;
            }
            self.was_read(reader, rows.len());
            if !rows.is_empty() || !closed {
                break;
            }
            self.is_stored(reader);
        }
        Source::Disk
    }

    /// The oldest segment, and whether nothing more will be written to it.
    fn oldest(&self) -> Option<(Segment, bool)> {
        let state = self.state();
        let segment = state.segments.front()?;
        Some((*segment, !state.is_active(segment.number)))
    }

    fn read_segment(
        &self,
        reader: &mut Reader,
        segment: Segment,
        rows: &mut Vec<RequestRow>,
        most: usize,
    ) -> io::Result<()> {
        if reader.at < segment.end && reader.loaded.is_empty() {
            let mut bytes = load(&self.path(segment.number), reader.at, segment.end)?;
            if reader.at == 0 {
                let header = bytes.get(..frame::HEADER.len()).unwrap_or(&bytes);
                if !frame::is_header(header) {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "it was not written by this version"));
                }
                reader.at = header.len() as u64;
                bytes.drain(..header.len());
            }
            reader.loaded = bytes.into();
        }
        let bytes = reader.loaded.make_contiguous();
        let mut used = 0;
        while rows.len() < most && used < bytes.len() {
            let place = Place { segment: segment.number, offset: reader.at + used as u64 };
            match frame::next(&bytes[used..], place) {
                Next::Row { row, used: more, damaged } => {
                    report(place, damaged);
                    rows.push(*row);
                    used += more;
                }
                Next::Unwritten => used = bytes.len(),
                Next::Torn => {
                    let bytes = bytes.len() - used;
                    tracing::info!(
                        segment = place.segment,
                        bytes,
                        "The last write to a segment of the spool was cut off"
                    );
                    used += bytes;
                }
                Next::Damaged => {
                    report(place, bytes.len() - used);
                    used = bytes.len();
                }
            }
        }
        reader.loaded.drain(..used);
        reader.at += used as u64;
        if rows.is_empty() && reader.loaded.is_empty() && reader.at < segment.end {
            report(Place { segment: segment.number, offset: reader.at }, (segment.end - reader.at) as usize);
            reader.at = segment.end;
        }
        Ok(())
    }

    fn was_read(&self, reader: &Reader, rows: usize) {
        let mut state = self.state();
        let Some(segment) = state.segments.front_mut() else { return };
        // Rows that were damaged since they were written do not wait any more.
        let read = if reader.at >= segment.end { segment.unread } else { segment.unread.min(rows as u64) };
        segment.unread -= read;
        state.unread -= read;
    }

    /// A segment that cannot be read stays in the folder, for whoever mends the disk and starts anew.
    fn give_up(&self, segment: Segment, error: &io::Error) {
        metrics::counter!("countersign_spool_damaged_bytes_total").increment(segment.end);
        let path = self.path(segment.number);
        tracing::error!("{} cannot be read; it is tried again at the next start: {error}", path.display());
        let mut state = self.state();
        if state.is_active(segment.number) {
            state.active = None;
        }
        state.unread -= state.segments.pop_front().map_or(0, |segment| segment.unread);
    }

    /// Everything that was read is stored: it leaves the disk as soon as its segment may.
    pub(crate) fn is_stored(&self, reader: &mut Reader) {
        let mut state = self.state();
        let Some(segment) = state.segments.front().copied() else { return };
        if segment.number != reader.number || reader.at < segment.end {
            return;
        }
        if state.is_active(segment.number) {
            if state.empty_active() {
                reader.at = START;
            }
            return;
        }
        state.segments.pop_front();
        state.bytes -= segment.end;
        drop(state);
        let path = self.path(segment.number);
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::error!("{} is stored and cannot be removed; it is stored again: {error}", path.display());
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.close();
    }
}

impl State {
    fn waiting(&self) -> u64 {
        self.unread + self.in_memory.len() as u64
    }

    fn is_active(&self, number: u64) -> bool {
        self.active.is_some() && self.segments.back().is_some_and(|segment| segment.number == number)
    }

    /// Keeps a row that stands on disk, if there is room: the sealer comes for it soon.
    fn remember(&mut self, place: Place, row: RequestRow) {
        let end = self.segments.back().map_or(place.offset, |segment| segment.end);
        if self.recent.len() < RECENT_ROWS {
            self.recent.push_back(Recent { row, place, end });
        }
    }

    /// Takes the rows that stand there from memory, if they are.
    fn recall(&mut self, segment: Segment, reader: &mut Reader, rows: &mut Vec<RequestRow>, most: usize) {
        // Of a segment that could not be read.
        while self.recent.front().is_some_and(|first| first.place.segment < segment.number) {
            self.recent.pop_front();
        }
        let at = |reader: &Reader| reader.at.max(START);
        let is_next = |first: &Recent, reader: &Reader| {
            first.place.segment == segment.number && first.place.offset == at(reader) && reader.loaded.is_empty()
        };
        while rows.len() < most
            && let Some(recent) = self.recent.pop_front_if(|first| is_next(first, reader))
        {
            reader.at = recent.end;
            rows.push(recent.row);
        }
    }

    /// Where reading from the disk ends: the segment's end, or where memory goes on.
    fn until(&self, segment: Segment) -> u64 {
        match self.recent.front() {
            Some(first) if first.place.segment == segment.number => first.place.offset,
            _ => segment.end,
        }
    }

    /// Takes the row whole, or not at all; says where.
    fn write(&mut self, settings: &SpoolSettings, frame: &mut Frame) -> io::Result<Place> {
        let bytes = frame.len();
        let (active, segment) = self.room(settings, bytes)?;
        let place = Place { segment: segment.number, offset: segment.end };
        if let Err(error) = active.write(segment.end, frame.at(place)) {
            self.active = None;
            return Err(error);
        }
        segment.end += bytes;
        segment.unread += 1;
        self.unread += 1;
        self.bytes += bytes;
        Ok(place)
    }

    fn try_to_write(&mut self, settings: &SpoolSettings) -> io::Result<()> {
        let (active, segment) = self.room(settings, TRIED_BYTES)?;
        let written = active
            .write(segment.end, &[0; TRIED_BYTES as usize])
            .and_then(|()| active.cut(segment.end, segment.end + TRIED_BYTES));
        if written.is_err() {
            self.active = None;
        }
        written
    }

    /// The file for so many more bytes.
    fn room(&mut self, settings: &SpoolSettings, bytes: u64) -> io::Result<(&mut Active, &mut Segment)> {
        if self.bytes + bytes > settings.max_bytes {
            let text = format!("it holds {} bytes already, of {} that it may", self.bytes, settings.max_bytes);
            return Err(io::Error::new(io::ErrorKind::StorageFull, text));
        }
        let end = self.segments.back().map_or(START, |last| last.end);
        let active = match self.active.take() {
            Some(active) if (end == START || end + bytes <= settings.segment_bytes) && active.has_room(end + bytes) => {
                active
            }
            full => {
                if let Some(full) = full {
                    full.close(end);
                }
                self.begin(settings, bytes)?
            }
        };
        match self.segments.back_mut() {
            Some(segment) => Ok((self.active.insert(active), segment)),
            None => Err(io::Error::other("no segment")),
        }
    }

    /// Begins a segment that has room for so many bytes at least.
    fn begin(&mut self, settings: &SpoolSettings, bytes: u64) -> io::Result<Active> {
        let number = self.next;
        // Whatever happens, no number is tried twice: a file that is in the way would be so for ever.
        self.next += 1;
        let path = path(&settings.folder, number);
        let file = owners_only(OpenOptions::new().read(true).append(true).create_new(true)).open(&path)?;
        let reserve = settings.segment_bytes.max(START + bytes);
        let active = Active::begin(file, &frame::HEADER, reserve).inspect_err(|_| {
            // Otherwise it would be found empty at the next start, and removed then.
            let _ = std::fs::remove_file(&path);
        })?;
        self.segments.push_back(Segment { number, end: START, unread: 0 });
        self.bytes += START;
        Ok(active)
    }

    /// Empties the segment that is written to. When that fails it is removed as others are, once it is full.
    fn empty_active(&mut self) -> bool {
        let (Some(active), Some(segment)) = (&mut self.active, self.segments.back_mut()) else { return false };
        if segment.end == START {
            return false;
        }
        if active.cut(START, segment.end).is_err() {
            self.active = None;
            return false;
        }
        self.bytes -= segment.end - START;
        segment.end = START;
        true
    }
}

fn report(place: Place, bytes: usize) {
    if bytes > 0 {
        metrics::counter!("countersign_spool_damaged_bytes_total").increment(bytes as u64);
        tracing::error!(
            segment = place.segment,
            offset = place.offset,
            bytes,
            "{bytes} bytes of the spool are damaged; the rows in them are lost"
        );
    }
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}.{ENDING}"))
}

fn owners_only(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Segments in the folder, the oldest first.
fn segments(folder: &Path) -> io::Result<VecDeque<Segment>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(ENDING)?.strip_suffix('.')?.parse().ok());
        let about = entry.metadata()?;
        if let (Some(number), true) = (number, about.is_file()) {
            found.push(Segment { number, end: about.len(), unread: 0 });
        }
    }
    found.sort_by_key(|segment| segment.number);
    Ok(found.into())
}

fn load(path: &Path, from: u64, end: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::with_capacity(usize::try_from(end - from).unwrap_or_default());
    file.take(end - from).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
