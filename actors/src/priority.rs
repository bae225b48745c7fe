//! Lets the kernel prefer the threads that trade. In: a thread that can wait, or one that must not. Out: the first at a
//! lower priority, with all that it starts; the second on a core of its own. Absent: raising one, which needs privileges.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::config::Background;
use rustix::thread::{CpuSet, sched_setaffinity};
use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};

/// Where several threads want one core, this one and its children get about a tenth of what the others get.
const NICE: i32 = 10;

/// Of this process, as its threads' priorities are.
static IDLE: AtomicBool = AtomicBool::new(false);

/// How far those step back that do so from now on.
pub fn choose(background: Background) {
    IDLE.store(background == Background::Idle, Ordering::Relaxed);
}

/// Steps back behind the threads that trade, as far as was chosen. A system that refuses it runs on as before.
pub(crate) fn step_back() {
    if !IDLE.load(Ordering::Relaxed) {
        return step_back_a_little();
    }
    // The kernel lets a thread finish its turn of some milliseconds before one that was woken, unless it is idle.
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let this = thread_priority::thread_native_id();
    if let Err(reason) = thread_priority::set_thread_priority_and_policy(this, ThreadPriority::Min, policy) {
        refused(reason);
    }
}

/// As [`step_back`], for a thread that safety needs: it is never idle, whatever was chosen.
pub(crate) fn step_back_a_little() {
    // Of the calling thread: what other systems call a process is a thread on Linux.
    if let Err(reason) = rustix::process::setpriority_process(None, NICE) {
        refused(reason);
    }
}

fn refused(reason: impl fmt::Display) {
    eprintln!("a background thread keeps its priority: {reason}");
}

/// Keeps the calling thread, and those it starts, on one core.
pub(crate) fn keep_to(core: u32) -> io::Result<()> {
    let mut set = CpuSet::new();
    let core = core as usize;
    if core >= CpuSet::MAX_CPU {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// What `work` makes, made on a thread that has stepped back, so that the threads it starts have too.
pub(crate) fn behind<T: Send>(work: impl FnOnce() -> T + Send) -> T {
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

    /// One test, since what is chosen holds for the process.
    #[test]
    fn the_thread_and_its_children_step_back_as_was_chosen_and_nobody_else() {
        let nice = || rustix::process::getpriority_process(None).expect("a thread may read its own");
        let policy = || thread_priority::thread_schedule_policy().expect("a thread may read its own");
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        let before = nice();
        let child = behind(|| std::thread::spawn(move || (nice(), policy())));
        let (nice_of_child, policy_of_child) = child.join().expect("it only reads");
        assert_eq!(nice_of_child, before.max(NICE));
        assert_ne!(policy_of_child, idle);

        choose(Background::Idle);
        let child = behind(|| std::thread::spawn(policy));
        let needed = std::thread::spawn(move || {
            step_back_a_little();
            (nice(), policy())
        });
        let (nice_of_needed, policy_of_needed) = needed.join().expect("it only reads");
        choose(Background::Low);
        assert!(nice_of_needed == before.max(NICE) && policy_of_needed != idle, "safety needs it");
        assert_eq!(child.join().expect("it only reads"), idle);
        assert!(nice() == before && policy() != idle, "the thread itself trades");
    }

    #[test]
    fn a_core_that_is_not_there_is_refused() {
        assert!(keep_to(1_023).is_err() && keep_to(1_000_000).is_err());
        let kept = std::thread::spawn(|| keep_to(0).map(|()| rustix::thread::sched_getcpu()));
        assert_eq!(kept.join().expect("no panic").expect("there is a first core"), 0);
    }
}
