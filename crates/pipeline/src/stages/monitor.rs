//! `monitor`: tells how many rows have passed.

use crate::message::Message;
use dfp_engine::{BoxError, Outlet, RowCounter, Stage};
use dfp_engine::{Progress, Reporter};
use std::sync::Arc;

/// The stage.
pub struct Monitor {
    /// Its options.
    pub settings: RowCounter,
    /// How many monitors stand before it.
    pub position: usize,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
}

impl Monitor {
    /// Starts the clock, unless that is to wait for the first message.
    pub fn start(&self) {
        if !self.settings.delayed_start {
            self.tell(0, false);
        }
    }

    fn tell(&self, rows: usize, done: bool) {
        let (position, counter) = (self.position, &self.settings);
        self.reporter.progress(Progress::Counted { position, counter, rows, done });
    }
}

impl Stage<Message> for Monitor {
    fn process(&mut self, message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        self.tell(message.rows.num_rows(), false);
        out.emit(message);
        Ok(())
    }

    fn finish(&mut self, _: &mut Outlet<Message>) -> Result<(), BoxError> {
        self.tell(0, true);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dfp_engine::Weight;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts what it is told.
    #[derive(Default)]
    struct Told(AtomicUsize);

    impl Reporter for Told {
        fn say(&self, _: Weight, _: &str) {}
        fn progress(&self, _: Progress<'_>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        fn phase_over(&self) {}
    }

    #[test]
    fn a_delayed_start_waits_for_the_first_message() {
        for delayed_start in [false, true] {
            let settings = RowCounter {
                description: String::new(),
                smoothing: 0.0,
                unit: String::new(),
                delayed_start,
            };
            let told = Arc::new(Told::default());
            let reporter: Arc<dyn Reporter> = Arc::clone(&told) as Arc<dyn Reporter>;
            Monitor { settings, position: 0, reporter }.start();
            assert_eq!(told.0.load(Ordering::Relaxed), usize::from(!delayed_start));
        }
    }
}
