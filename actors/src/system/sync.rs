//! Keeps the journal on the disk, on a thread of its own: an fsync takes milliseconds.
//! In: time. Out: a journal that outlives a loss of power, and no more entries when its file is removed. Ends with the system.

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;

use engine::link;

use super::SystemError;
use crate::directory::{Shared, Told};
use crate::priority;

/// How often the journal is made safe against a loss of power.
const SYNC_EVERY: Duration = Duration::from_millis(200);

pub(super) fn spawn(shared: &Arc<Shared>) -> Result<(), SystemError> {
    let file = shared.journal().sync_handle()?;
    let shared = Arc::downgrade(shared);
    std::thread::Builder::new().name("journal-sync".to_owned()).spawn(move || {
        priority::step_back_a_little();
        let (mut failed, mut gone) = (false, false);
        loop {
            std::thread::sleep(SYNC_EVERY);
            let Some(shared) = shared.upgrade() else { return };
            if !gone && file.metadata().is_ok_and(|file| file.nlink() == 0) {
                gone = true;
                let because = "it was removed while it was open";
                slog::error!(shared.log, "the journal is lost: {because}; no entries until Pitboss is started again, \
                    which begins from what the broker says"; "event" => "journal.failed");
                shared.journal().abandon(because);
                shared.addresses().link.send(Told::unprompted(link::Input::Halt { cause: "the journal was removed".to_owned() }));
            }
            if shared.journal().is_failing() {
                // There may be room again, and nobody may have anything to write for a while.
                shared.commit_journal();
            }
            let synced = file.sync_data();
            if let Err(reason) = &synced
                && !failed
            {
                slog::error!(shared.log, "the journal is not safe against a loss of power: {reason}"; "event" => "journal.sync_failed");
            }
            failed = synced.is_err();
        }
    })?;
    Ok(())
}
