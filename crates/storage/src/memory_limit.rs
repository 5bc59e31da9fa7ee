//! How much memory reading may take, and what of it is for what.

use std::path::Path;

/// The memory that a run may take for what it reads. It is a value that is handed down, never one of the
/// process: two runs in one process have a limit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimit(u64);

/// Where the system does not say how much memory there is.
const UNKNOWN: u64 = 4 << 30;

impl MemoryLimit {
    /// With less, not even a piece of a file and what becomes of it have room.
    pub const LEAST: u64 = 32 << 20;

    /// A limit; at least [`LEAST`](Self::LEAST).
    pub const fn of_bytes(bytes: u64) -> Self {
        Self(if bytes < Self::LEAST { Self::LEAST } else { bytes })
    }

    /// A limit below the least, under which every file is large: for tests.
    pub const fn tiny(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Half of the memory that this process may have: that of the machine or of its control group.
    pub fn of_machine() -> Self {
        Self::of_bytes(memory().unwrap_or(UNKNOWN) / 2)
    }

    /// Bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Bytes of rows that are in memory together as a table. A table is joined of parts while these are
    /// still there, and its rows are copied for each user while the next table is read.
    pub fn table(self) -> u64 {
        self.0 / 8
    }

    /// Cells of rows that are in memory together; one takes 4 to 16 bytes, empty or not.
    pub fn cells(self) -> usize {
        self.share(16)
    }

    /// Bytes of text of a file that is read in one go.
    pub fn text(self) -> u64 {
        self.0 / 8
    }

    /// Bytes of text of a file that is read in pieces.
    pub fn piece(self) -> usize {
        self.share(32).clamp(1, 64 << 20)
    }

    /// Bytes of a single row: a longer one has no end, as far as this program goes.
    pub fn row(self) -> usize {
        self.share(16).min(64 << 20)
    }

    /// Bytes of rows that wait for their turn in memory; more wait on disk.
    pub fn waiting(self) -> usize {
        self.share(16)
    }

    /// KiB that a packed file may want for unpacking: xz files say themselves how much they need.
    pub fn window_kib(self) -> u32 {
        u32::try_from(self.share(4) >> 10).unwrap_or(u32::MAX).min(256 << 10)
    }

    fn share(self, part: u64) -> usize {
        usize::try_from(self.0 / part).unwrap_or(usize::MAX)
    }
}

impl Default for MemoryLimit {
    fn default() -> Self {
        Self::of_machine()
    }
}

impl std::fmt::Display for MemoryLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} MB", self.0 / 1_000_000)
    }
}

/// Bytes of memory that this process may have at most, if the system says so.
fn memory() -> Option<u64> {
    let machine = of_meminfo(&std::fs::read_to_string("/proc/meminfo").ok()?)?;
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = groups.lines().filter_map(|line| of_group(line, Path::new("/sys/fs/cgroup")));
    Some(limits.fold(machine, u64::min))
}

fn of_meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The lowest limit of a control group, a line of `/proc/self/cgroup`, and of those that it is in.
fn of_group(line: &str, root: &Path) -> Option<u64> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, path) = (fields.next()?, fields.next()?);
    let (root, name) = match controllers {
        "" => (root.to_owned(), "memory.max"),
        _ if controllers.split(',').any(|name| name == "memory") => {
            (root.join("memory"), "memory.limit_in_bytes")
        }
        _ => return None,
    };
    let group = root.join(path.trim_start_matches('/'));
    // A container may see the path that its host knows it by: then its root is what it is in.
    let groups = group.ancestors().take_while(|group| group.starts_with(&root));
    let limit = |group: &Path| std::fs::read_to_string(group.join(name)).ok();
    groups.filter_map(|group| limit(group)?.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_limit_of_the_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |group: &str, name: &str, text: &str| {
            let group = root.path().join(group);
            std::fs::create_dir_all(&group).unwrap();
            std::fs::write(group.join(name), text).unwrap();
        };
        write("a/b", "memory.max", "max\n");
        write("a", "memory.max", "1000\n");
        write("memory/a", "memory.limit_in_bytes", "500\n");
        for (line, expected) in [
            ("0::/a/b", Some(1000)),
            ("0::/a/gone", Some(1000)),
            ("0::/", None),
            ("7:cpu,memory:/a", Some(500)),
            ("7:cpu:/a", None),
            ("", None),
        ] {
            assert_eq!(of_group(line, root.path()), expected, "{line}");
        }
    }

    #[test]
    fn the_machine_says_how_much_memory_it_has() {
        assert_eq!(of_meminfo("MemFree: 1 kB\nMemTotal:       16 kB\n"), Some(16 << 10));
        assert_eq!(of_meminfo("MemFree: 1 kB\n"), None);
        assert!(MemoryLimit::of_machine().bytes() >= MemoryLimit::LEAST);
        assert_eq!(MemoryLimit::of_bytes(1).bytes(), MemoryLimit::LEAST);
        assert_eq!(MemoryLimit::of_bytes(512_000_000).to_string(), "512 MB");
    }
}
