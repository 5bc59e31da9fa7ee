//! Ctrl+C, and the signal that lets models be looked up again.

use crate::exit::INTERRUPTED;
use crate::print::err;
use dfp_engine::Stop;

/// The signal USR1 lets the models of a store be looked up again.
#[cfg(unix)]
pub fn look_again_on_signal() -> std::io::Result<()> {
    let flag = dfp_registry::library::look_again();
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, flag).map(|_| ())
}

/// There is no such signal here.
#[cfg(not(unix))]
pub fn look_again_on_signal() -> std::io::Result<()> {
    Ok(())
}

/// The first Ctrl+C lets what is in flight run through; the second ends the process.
pub fn stop_on_ctrl_c(stop: &Stop) -> Result<(), ctrlc::Error> {
    let stop = stop.clone();
    ctrlc::set_handler(move || {
        if stop.is_set() {
            err("Killing");
            std::process::exit(i32::from(INTERRUPTED));
        }
        stop.set();
        err("Stopping pipeline... what is in flight is finished; Ctrl+C again to kill");
    })
}
