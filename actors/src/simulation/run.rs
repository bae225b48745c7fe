//! A plan from its first life to its last. In: a plan. Out: what came of it. Absent: which plans to play.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::config::raw::Mistakes;
use engine::simulation::chance::Chance;
use engine::simulation::scene::{self, POSITION_MAX, START};
use engine::simulation::{Auditor, Exchange, Plan, Violation};
use engine::time::Timestamp;
use slog::{Discard, Logger, o};

use super::crash;
use super::life::{End, Life};
use super::wire::World;
use crate::journal::{ReadError, segment_file};
use crate::system::SystemError;

/// After the last fault: how long everything may take to come right again, and how long it is watched at least.
const SETTLE: Duration = Duration::from_secs(180);
const CALM: Duration = Duration::from_secs(30);
/// Between two lives.
const AWAY_MS: (u32, u32) = (300, 6_000);
/// More lives than any plan has crashes: the process dies by itself again and again.
const LIVES_MAX: u32 = 200;
const AWAY: u64 = 4;

#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    #[error("the simulated configuration is not valid: {0}")]
    Config(#[from] Mistakes),
    #[error("the simulated system cannot start: {0}")]
    System(#[from] SystemError),
    #[error("the simulated journal cannot be read: {0}")]
    Journal(#[from] ReadError),
    #[error("the simulated journal's folder: {0}")]
    Folder(#[from] io::Error),
}

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Keep what happens, a line each.
    pub trace: bool,
    /// Hand back the journal's bytes.
    pub keep_journal: bool,
}

/// What came of a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    pub violation: Option<Violation>,
    /// Market time since the beginning, at the violation or at the end.
    pub simulated: Duration,
    pub steps: u64,
    pub lives: u32,
    /// Faults and wishes that were played.
    pub played: u32,
    pub executions: usize,
    pub trace: Vec<String>,
    /// All segments, one after another.
    pub journal: Vec<u8>,
}

/// # Errors
/// What is no finding: a folder that cannot be made, a start that is refused.
pub fn run(plan: &Plan, options: &Options) -> Result<Outcome, SimulationError> {
    let folder = Folder::new(plan.seed)?;
    let config = scene::config(&plan.scene, folder.path())?;
    let mut exchange = Exchange::new(plan, &config.instruments);
    if options.trace {
        exchange.keep_trace();
    }
    let auditor = Auditor::new(&config.instruments, POSITION_MAX);
    let world = Arc::new(Mutex::new(World::new(exchange, auditor)));
    let log = Logger::root(Discard, o!());
    let mut chance = Chance::fork(plan.seed, AWAY);
    let over = START + Duration::from_millis(plan.span_ms);
    let (calm_from, until) = (over + CALM, over + SETTLE);
    let (mut origin, mut skew_ms, mut lives) = (START, 0, 0);
    loop {
        lives += 1;
        let life = Life {
            world: &world,
            config: &config,
            journal: folder.path(),
            segment: lives,
            origin,
            skew_ms,
            calm_from: calm_from.max(origin + CALM),
            until: until.max(origin + SETTLE),
            log: &log,
        };
        match life.live()? {
            End::Over | End::Broken => break,
            End::Stopped => {}
            End::Crashed { crash, keep, skew_ms: skew, marks } => {
                skew_ms = skew;
                let lost = crash::cut(folder.path(), lives, crash, marks, keep)?;
                if lost {
                    // Orders are at the broker of which nothing is written down.
                    let mut world = locked(&world);
                    let World { exchange, auditor, .. } = &mut *world;
                    auditor.excuse(exchange);
                }
            }
        }
        if lives == LIVES_MAX {
            locked(&world).auditor.break_rule("the process lives", "it was started again and again");
            break;
        }
        origin = be_away(&mut locked(&world), chance.between(AWAY_MS.0, AWAY_MS.1));
    }
    let world = locked(&world);
    Ok(Outcome {
        violation: world.auditor.violation().cloned(),
        simulated: world.exchange.now().since(START),
        steps: world.auditor.steps,
        lives,
        played: world.exchange.played,
        executions: world.exchange.venue().executions().len(),
        trace: world.exchange.trace().to_vec(),
        journal: if options.keep_journal { read_all(folder.path(), lives)? } else { Vec::new() },
    })
}

fn locked(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The world goes on without the process. When it starts again.
fn be_away(world: &mut World, for_ms: u32) -> Timestamp {
    let back = world.exchange.now() + Duration::from_millis(u64::from(for_ms));
    loop {
        let next = world.exchange.next_at();
        if next >= back {
            world.exchange.pass(back);
            return back;
        }
        // Nobody is there to whom anything could happen.
        world.exchange.step(next);
    }
}

fn read_all(journal: &Path, lives: u32) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    for segment in 1..=lives {
        all.extend(fs::read(segment_file(journal, segment))?);
    }
    Ok(all)
}

/// A folder in memory where there is one, gone with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(seed: u64) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = base.join(format!("pitboss-simulation-{}-{seed}-{count}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(reason) = fs::remove_dir_all(&self.0) {
            eprintln!("{} stays behind: {reason}", self.0.display());
        }
    }
}
