//! Rows that belong to a later slice than the one in which they were met, in memory or on disk.

use super::part::Part;
use crate::error::LogError;
use crate::texts::{self, Cells};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{Field, Schema};
use arrow_select::take::take as take_rows;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows are parted into so many groups of slices, and each group into its slices when its time has come: a
/// part with few rows takes hardly less than one with many.
const GROUPS: usize = 64;
/// Name of the column of times on disk; no other has a zero in its name here.
const WHEN: &str = "\0when";

/// Rows that wait.
///
/// It is behind a lock that several files share, so nothing here takes long: whoever puts rows in or takes
/// them out writes and reads their form on disk before and afterwards.
#[derive(Debug)]
pub(super) struct Waiting {
    /// By file, in the order in which they were met.
    held: HashMap<PathBuf, Vec<Held>>,
    /// Bytes in memory, and how many these may be.
    bytes: u64,
    most: u64,
    disk: Option<File>,
    directory: PathBuf,
    /// Parts on disk, and where the next one goes.
    on_disk: usize,
    end: u64,
}

/// Rows of one file that wait.
#[derive(Debug)]
pub(super) struct Held {
    /// No row is earlier.
    from: i64,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Memory(Part),
    Disk { at: u64, length: usize },
}

/// Rows as they were kept.
enum Kept {
    Part(Part),
    Bytes(Vec<u8>),
}

impl Waiting {
    pub(super) fn new(most: u64, directory: Option<&Path>) -> Self {
        let directory = directory.map_or_else(std::env::temp_dir, Path::to_owned);
        let held = HashMap::new();
        Self { held, bytes: 0, most, disk: None, directory, on_disk: 0, end: 0 }
    }

    /// What waits of a file is not needed.
    pub(super) fn forget(&mut self, path: &Path) {
        for held in self.held.remove(path).into_iter().flatten() {
            match held.place {
                Place::Memory(part) => self.bytes = self.bytes.saturating_sub(part.memory()),
                Place::Disk { .. } => self.on_disk -= 1,
            }
        }
    }

    fn refused(&self, error: io::Error) -> LogError {
        LogError::os("write rows that wait into a file of", &self.directory, error)
    }

    /// Takes room in memory; whether there was enough.
    fn reserve(&mut self, bytes: u64) -> bool {
        let fits = self.bytes + bytes <= self.most;
        self.bytes += if fits { bytes } else { 0 };
        fits
    }

    fn write(&mut self, bytes: &[u8]) -> Result<Place, LogError> {
        let mut disk = match self.disk.take() {
            Some(disk) => disk,
            None => tempfile::tempfile_in(&self.directory).map_err(|e| self.refused(e))?,
        };
        let written = disk.seek(SeekFrom::Start(self.end)).and_then(|_| disk.write_all(bytes));
        self.disk = Some(disk);
        written.map_err(|e| self.refused(e))?;
        let place = Place::Disk { at: self.end, length: bytes.len() };
        self.end += bytes.len() as u64;
        self.on_disk += 1;
        Ok(place)
    }

    fn load(&mut self, place: Place) -> Result<Kept, LogError> {
        match place {
            Place::Memory(part) => {
                self.bytes = self.bytes.saturating_sub(part.memory());
                Ok(Kept::Part(part))
            }
            Place::Disk { at, length } => {
                let mut bytes = vec![0; length];
                if let Some(disk) = &mut self.disk {
                    let read = disk.seek(SeekFrom::Start(at));
                    let read = read.and_then(|_| disk.read_exact(&mut bytes));
                    read.map_err(|e| self.refused(e))?;
                }
                self.on_disk -= 1;
                Ok(Kept::Bytes(bytes))
            }
        }
    }

    /// Keeps what is left of a file.
    fn give_back(&mut self, path: &Path, left: Vec<Held>) -> Result<(), LogError> {
        if !left.is_empty() {
            self.held.insert(path.to_owned(), left);
        }
        if self.on_disk == 0 && self.end > 0 {
            // Nothing there is needed any more.
            self.end = 0;
            if let Some(disk) = &self.disk {
                disk.set_len(0).map_err(|e| self.refused(e))?;
            }
        }
        Ok(())
    }
}

/// Rows of a file wait, each part from a time on.
pub(super) fn put(
    waiting: &Mutex<Waiting>,
    path: &Path,
    later: Vec<(i64, Part)>,
) -> Result<(), LogError> {
    let mut kept = Vec::with_capacity(later.len());
    for (from, part) in later {
        kept.push(hold(waiting, from, part)?);
    }
    waiting.lock().held.entry(path.to_owned()).or_default().extend(kept);
    Ok(())
}

/// In memory as long as there is room, else on disk.
fn hold(waiting: &Mutex<Waiting>, from: i64, mut part: Part) -> Result<Held, LogError> {
    if waiting.lock().reserve(part.memory()) {
        return Ok(Held { from, place: Place::Memory(part) });
    }
    let bytes = encode(&mut part)?;
    Ok(Held { from, place: waiting.lock().write(&bytes)? })
}

/// The rows of a file before `end`, in the order in which they were met, as long as they are less than
/// `room` bytes, and whether there are more.
pub(super) fn take(
    waiting: &Mutex<Waiting>,
    path: &Path,
    end: i64,
    ends: &[i64],
    room: u64,
) -> Result<(Vec<Part>, bool), LogError> {
    let Some(held) = waiting.lock().held.remove(path) else { return Ok((Vec::new(), false)) };
    let (mut parts, mut more, mut bytes) = (Vec::new(), false, 0);
    let mut left = Vec::with_capacity(held.len());
    for Held { from, place } in held {
        if from >= end || bytes > room {
            more |= from < end;
            left.push(Held { from, place });
            continue;
        }
        let kept = waiting.lock().load(place)?;
        let part = match kept {
            Kept::Part(part) => part,
            Kept::Bytes(bytes) => decode(&bytes)?,
        };
        let (now, later) = cut(part, end, ends)?;
        bytes += now.memory();
        parts.push(now);
        for (from, part) in later {
            left.push(hold(waiting, from, part)?);
        }
    }
    waiting.lock().give_back(path, left)?;
    Ok((parts, more))
}

/// The part's rows before `end`, and the others by the first of `ends` that is behind them, or by a later
/// one. A part of which no times are known has no later rows.
pub(super) fn cut(
    part: Part,
    end: i64,
    ends: &[i64],
) -> Result<(Part, Vec<(i64, Part)>), LogError> {
    let Some(when) = part.when.as_ref().filter(|when| when.iter().any(|time| *time >= end)) else {
        return Ok((part, Vec::new()));
    };
    let mut bounds = vec![end];
    let later = &ends[ends.partition_point(|other| *other <= end)..];
    bounds.extend(later.iter().step_by(later.len().div_ceil(GROUPS).max(1)));
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); bounds.len() + 1];
    let mut last = 0;
    for (row, time) in (0..).zip(when) {
        // Mostly rows of the same slice follow each other.
        let same = last == 0 || bounds[last - 1] <= *time;
        if !same || bounds.get(last).is_some_and(|bound| bound <= time) {
            last = bounds.partition_point(|bound| bound <= time);
        }
        rows[last].push(row);
    }
    let all = part.rows;
    let mut part = part;
    let skipped = std::mem::take(&mut part.skipped);
    let mut now = part.only(&rows[0])?;
    now.skipped = skipped;
    let mut cut = Vec::new();
    for (bound, rows) in bounds.into_iter().zip(&rows[1..]).filter(|(_, rows)| !rows.is_empty()) {
        if rows.len() == all {
            return Ok((now, vec![(bound, part)]));
        }
        cut.push((bound, part.only(rows)?));
    }
    Ok((now, cut))
}

impl Part {
    /// Some rows, in their order.
    fn only(&mut self, rows: &[u32]) -> Result<Self, LogError> {
        let at = UInt32Array::from(rows.to_vec());
        let fail = |e| LogError::table("leave rows for later", &e);
        let columns = self.columns.iter_mut().map(|(name, cells)| {
            let cells = take_rows(cells.array()?, &at, None).map_err(fail)?;
            Ok((name.clone(), Cells::Array(texts::compact(cells)?)))
        });
        let columns = columns.collect::<Result<_, LogError>>()?;
        let when = self.when.as_ref();
        let when = when.map(|when| rows.iter().map(|row| when[*row as usize]).collect());
        let is_timed = self.is_timed;
        Ok(Self { columns, rows: rows.len(), skipped: Default::default(), is_timed, when })
    }
}

fn encode(part: &mut Part) -> Result<Vec<u8>, LogError> {
    let (mut fields, mut arrays) = (Vec::new(), Vec::<ArrayRef>::new());
    for (name, cells) in &mut part.columns {
        let cells = cells.array()?;
        fields.push(Field::new(name.as_str(), cells.data_type().clone(), true));
        arrays.push(Arc::clone(cells));
    }
    if let Some(when) = part.when.take() {
        let when = Int64Array::from(when);
        fields.push(Field::new(WHEN, when.data_type().clone(), false));
        arrays.push(Arc::new(when));
    }
    let fail = |e| LogError::table("write rows that wait", &e);
    let schema = Arc::new(Schema::new(fields));
    let options = RecordBatchOptions::new().with_row_count(Some(part.rows));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options);
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).map_err(fail)?;
    writer.write(&batch.map_err(fail)?).map_err(fail)?;
    writer.into_inner().map_err(fail)
}

fn decode(bytes: &[u8]) -> Result<Part, LogError> {
    let fail = |e| LogError::table("read rows that wait", &e);
    let mut reader = StreamReader::try_new(bytes, None).map_err(fail)?;
    let batch = reader.next().transpose().map_err(fail)?;
    let batch = batch.ok_or_else(|| LogError::table("read rows that wait", &"there are none"))?;
    let (mut columns, mut when) = (Vec::new(), None);
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        match field.name().as_str() {
            WHEN => when = Some(column.as_primitive::<Int64Type>().values().to_vec()),
            name => columns.push((name.to_owned(), Cells::Array(Arc::clone(column)))),
        }
    }
    Ok(Part { columns, rows: batch.num_rows(), skipped: Default::default(), is_timed: true, when })
}
