//! Lets the kernel prefer the threads that trade. In: a thread that can wait, or one that must not. Out: the first at a
//! lower priority, with all that it starts; the second on a core of its own. Absent: raising one, which needs privileges.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::config::Background;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
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

/// Keeps the calling thread, and those it starts, off a core that another thread is to have for itself: a thread that
/// never sleeps gives way to all that wait there, for up to milliseconds. Where there is no other core, nothing changes.
pub fn keep_off(core: u32) {
    let core = core as usize;
    let left = sched_getaffinity(None).map(|mut set| {
        if core < CpuSet::MAX_CPU {
            set.unset(core);
        }
        set
    });
    let kept = left.and_then(|set| if set.count() == 0 { Ok(()) } else { sched_setaffinity(None, &set) });
    if let Err(reason) = kept {
        eprintln!("threads that do not trade are not kept off core {core}: {reason}");
    }
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
    fn a_thread_that_keeps_off_a_core_never_runs_there_and_neither_do_its_children() {
        let allowed = || sched_getaffinity(None).expect("a thread may read its own");
        let all = allowed();
        let core = (0..CpuSet::MAX_CPU).find(|&core| all.is_set(core)).expect("it runs somewhere");
        let number = u32::try_from(core).expect("a small number");
        let alone = std::thread::spawn(move || {
            keep_to(number).expect("it may run there");
            keep_off(number);
            allowed().is_set(core)
        });
        assert!(alone.join().expect("no panic"), "there is no other core to go to");
        let others = std::thread::spawn(move || {
            keep_off(number);
            std::thread::spawn(allowed).join().expect("it only reads")
        });
        let others = others.join().expect("no panic");
        assert_eq!(others.count(), (all.count() - 1).max(1));
        assert!(!others.is_set(core) || all.count() == 1);
        assert_eq!(allowed(), all, "the thread that started them stays as it was");
    }

    #[test]
    fn a_core_that_is_not_there_is_refused() {
        assert!(keep_to(1_023).is_err() && keep_to(1_000_000).is_err());
        let kept = std::thread::spawn(|| keep_to(0).map(|()| rustix::thread::sched_getcpu()));
        assert_eq!(kept.join().expect("no panic").expect("there is a first core"), 0);
    }
}
