//! The file that rows are written to at the moment: a mapping of it where the file system can promise the room, and
//! `write` elsewhere.
//!
//! - A mapping is memory of the kernel: what was copied there survives the end of this process like what was given to
//!   `write`, without a system call for each row, which took a tenth of a small request.
//! - Its room is reserved on the disk before it is mapped, so that a full disk is an error here, and never a signal.
//! - A row is copied before the eight bytes that announce it. A kill between the two leaves bytes that nobody announced,
//!   which is what the rest of the room looks like.
//! - Nobody else shortens the file: its folder belongs to this process, by a lock and by its mode.
#![expect(unsafe_code, reason = "a file can be mapped in no other way; the promise above is what it asks for")]

use std::fs::File;
use std::io::{self, Write as _};

use memmap2::{MmapMut, MmapOptions};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

/// How many bytes of a row announce it; they are written last.
const ANNOUNCED: usize = crate::frame::PREFIX;

/// A page of memory, as processors have it.
const CLEARED_AT_ONCE: usize = 4_096;

/// The file that is written to.
#[derive(Debug)]
pub(crate) struct Active {
    file: File,
    /// Absent where the file system does not reserve room.
    map: Option<MmapMut>,
}

impl Active {
    /// Takes a new, empty file and writes its beginning. Reserves so many bytes, if that can be done.
    pub(crate) fn begin(mut file: File, beginning: &[u8], reserve: u64) -> io::Result<Self> {
        file.write_all(beginning)?;
        let map = reserved(&file, reserve)?;
        Ok(Self { file, map })
    }

    /// One that is written to by `write` alone.
    #[cfg(test)]
    pub(crate) const fn unmapped(file: File) -> Self {
        Self { file, map: None }
    }

    /// Whether so many bytes fit.
    pub(crate) fn has_room(&self, end: u64) -> bool {
        self.map.as_ref().is_none_or(|map| end <= map.len() as u64)
    }

    /// Writes a row, whole or not at all; `at` is where the last one ends.
    pub(crate) fn write(&mut self, at: u64, row: &[u8]) -> io::Result<()> {
        let Some(map) = &mut self.map else {
            return self.file.write_all(row).inspect_err(|_| drop(self.file.set_len(at)));
        };
        let start = usize::try_from(at).map_err(io::Error::other)?;
        let room = map.get_mut(start..).and_then(|rest| rest.get_mut(..row.len()));
        let (Some(room), Some((announced, fields))) = (room, row.split_at_checked(ANNOUNCED)) else {
            return Err(io::ErrorKind::StorageFull.into());
        };
        room[ANNOUNCED..].copy_from_slice(fields);
        // Neither compiler nor processor may announce the row before it is there.
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
        room[..ANNOUNCED].copy_from_slice(announced);
        Ok(())
    }

    /// Forgets what stands from `end` on; what was written ends at `used`.
    ///
    /// A mapping is cleared where it was used: cutting its file would give the room back and ask for it again, which
    /// takes a hundred times longer. From the back, so that a kill in between leaves the rows before as they were.
    pub(crate) fn cut(&mut self, end: u64, used: u64) -> io::Result<()> {
        let Some(map) = &mut self.map else { return self.file.set_len(end) };
        let range = usize::try_from(end).map_err(io::Error::other)?..usize::try_from(used).map_err(io::Error::other)?;
        let used = map.get_mut(range).ok_or(io::ErrorKind::InvalidInput)?;
        used.rchunks_mut(CLEARED_AT_ONCE).for_each(|part| part.fill(0));
        Ok(())
    }

    /// Gives back the room behind `end`: nothing more will be written.
    pub(crate) fn close(self, end: u64) {
        let Self { file, map } = self;
        drop(map);
        // Should it fail, the file is longer than its rows, as after a kill.
        let _ = file.set_len(end);
    }
}

fn reserved(file: &File, bytes: u64) -> io::Result<Option<MmapMut>> {
    match fallocate(file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => {}
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let length = usize::try_from(bytes).map_err(io::Error::other)?;
    // SAFETY: the file is ours alone (see above) and has all its blocks, so that it neither changes nor shrinks under
    // the mapping, which is gone before `close` shortens it.
    let map = unsafe { MmapOptions::new().len(length).map_mut(file)? };
    Ok(Some(map))
}
