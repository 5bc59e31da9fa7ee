//! When the events of files happened, without keeping anything else of them.

use super::Dialect;
use super::file::{self, FILES_PER_THREAD};
use super::look::{Look, of_part};
use super::options::ReadOptions;
use super::parts::SIDE_BY_SIDE;
use super::projection::Wanted;
use super::sliced::check_repeat;
use super::source::Source;
use super::when::Times;
use crate::error::LogError;
use dfp_storage::files::Stamp;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Finds out when the events of each file happened that are in [`ReadOptions::between`]. A file that cannot be
/// read, or has no times, has no hours. Large files stay known to [`ReadOptions::sliced`], so that this is
/// the only pass over them but the one that reads their rows.
pub fn hours(dialect: &Dialect, files: &[PathBuf], options: &ReadOptions<'_>) -> Vec<Times> {
    let clock: Vec<String> = options.clock.iter().map(|clock| clock.name.clone()).collect();
    let narrow = options.narrowed_to(&clock);
    let most = options.memory.text() / FILES_PER_THREAD as u64;
    let mut all = Vec::with_capacity(files.len());
    for chunk in files.chunks(FILES_PER_THREAD * rayon::current_num_threads()) {
        let short = chunk.par_iter().map(|path| {
            let mut times = Times::default();
            let part = file::read(path, dialect, &narrow, most)?;
            times.add(&of_part(part, options.clock)?);
            Ok::<_, LogError>(times)
        });
        let mut times: Vec<_> = short.collect();
        let is_long = |at: &usize| matches!(times[*at], Err(LogError::Memory { .. }));
        let long: Vec<usize> = (0..chunk.len()).filter(is_long).collect();
        for long in long.chunks(SIDE_BY_SIDE) {
            let read = long.par_iter().map(|at| of_long(&chunk[*at], dialect, options, &narrow));
            let read: Vec<_> = read.collect();
            long.iter().zip(read).for_each(|(at, read)| times[*at] = read);
        }
        all.extend(times.into_iter().map(Result::unwrap_or_default));
    }
    all
}

fn of_long(
    path: &Path,
    dialect: &Dialect,
    options: &ReadOptions<'_>,
    narrow: &ReadOptions<'_>,
) -> Result<Times, LogError> {
    check_repeat(path, options)?;
    let wanted = Wanted { dialect, options };
    let mut look = Look::new(Wanted { dialect, options: narrow });
    let source = Source::open(path, &wanted, options.memory.piece(), Some(&mut look))?;
    let Look { times, earliest, .. } = look;
    if let Some(sliced) = options.sliced {
        match times.one_time(options.memory, Stamp::of(path).bytes) {
            Some(why) => {
                sliced.files.refuse(path, why);
                return Ok(Times::default());
            }
            None => sliced.files.keep(path, source, earliest),
        }
    }
    Ok(times)
}
