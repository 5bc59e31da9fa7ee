//! Any texts as formats of times, zones, times, durations, periods, samples and names of files. Lines: a format, a zone,
//! a period, a name, then times.
#![no_main]

use dfp_connectors::known::Arrival;
use dfp_logs::Times;
use dfp_logs::time::TimeFormats;
use dfp_pipeline::batches::{Fixed, Rules, Sampling};
use dfp_features::period::{Period, duration, instant};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let (format, zone, period, name) = (next(), next(), next(), next());
    let _ = (duration(period), Sampling::parse(period));
    let period = Period::parse(period);
    let formats = TimeFormats::new(&[format.to_owned()], Some(zone).filter(|z| !z.is_empty()));
    let formats = formats.unwrap_or_default();
    let times: Vec<i64> = lines
        .flat_map(|time| [formats.nanoseconds(time).map(|ns| ns.div_euclid(1_000)), instant(time)])
        .flatten()
        .collect();
    if let Some(period) = period {
        for time in &times {
            let (start, end) = period.around(*time);
            assert!(start <= *time && *time <= end, "{period:?} {time}");
        }
    }
    for by_name in [false, true] {
        let rules = Rules { period, by_name, bytes: 1, memory: 1 };
        let files = [name, "2024-02-29.csv"].map(|name| Arrival::new(name.into())).to_vec();
        let hours = |files: &[std::path::PathBuf]| {
            let hours = times.iter().map(|time| (time.div_euclid(3_600_000_000), 1));
            files.iter().map(|_| Times::of(hours.clone().collect())).collect()
        };
        let mut batches = Fixed::new(files, &rules, &hours);
        let mut read = 0;
        while let Some(batch) = batches.next() {
            read += batch.files.len();
        }
        assert!(read >= 2, "files were left out");
    }
});
