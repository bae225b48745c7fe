//! Lets the kernel prefer the threads that trade. In: a thread that can wait, or one that must not. Out: the first at a
//! lower priority, with all that it starts; the second on a core of its own. Absent: raising one, which needs privileges.

use std::io;

use rustix::thread::{CpuSet, sched_setaffinity};

/// Where several threads want one core, this one and its children get about a tenth of what the others get.
const NICE: i32 = 10;

/// Steps back behind the threads that trade. A system that refuses it runs on as before.
pub fn step_back() {
    // Of the calling thread: what other systems call a process is a thread on Linux.
    if let Err(reason) = rustix::process::setpriority_process(None, NICE) {
        eprintln!("a background thread keeps its priority: {reason}");
    }
}

/// Keeps the calling thread, and those it starts, on one core.
pub fn keep_to(core: u32) -> io::Result<()> {
    let mut set = CpuSet::new();
    let core = core as usize;
    if core >= CpuSet::MAX_CPU {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// What `work` makes, made on a thread that has stepped back, so that the threads it starts have too.
pub fn behind<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let made = scope.spawn(|| {
            step_back();
            work()
        });
        made.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_and_its_children_step_back_and_nobody_else() {
        let nice = || rustix::process::getpriority_process(None).expect("a thread may read its own");
        let before = nice();
        let child = behind(|| std::thread::spawn(nice));
        assert_eq!(child.join().expect("it only reads"), before.max(NICE));
        assert_eq!(nice(), before);
    }

    #[test]
    fn a_core_that_is_not_there_is_refused() {
        assert!(keep_to(1_023).is_err() && keep_to(1_000_000).is_err());
        let kept = std::thread::spawn(|| keep_to(0).map(|()| rustix::thread::sched_getcpu()));
        assert_eq!(kept.join().expect("no panic").expect("there is a first core"), 0);
    }
}
