//! The threads that talk to databases. In: futures. Out: their results, on any executor.
//!
//! Databases have a runtime of their own because diesel's SQLite calls block a thread, and panic when one is dropped
//! half-way on an actor's thread; and because connections must outlive the actor that opened them.

use std::future::Future;

use futures::FutureExt;
use tokio::runtime::{Builder, Runtime};

use super::Reply;
use super::error::StoreError;

/// One worker thread, more for calls that block, as long as the value lives.
#[derive(Debug)]
pub struct DatabaseRuntime(Option<Runtime>);

impl DatabaseRuntime {
    pub fn start() -> std::io::Result<DatabaseRuntime> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("database").enable_all().build()?;
        Ok(DatabaseRuntime(Some(runtime)))
    }

    /// Runs `work` to its end, whether or not somebody waits for the reply.
    pub fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Reply<T> {
        let task = self.0.as_ref().expect("taken only when dropped").spawn(work);
        task.map(|done| done.unwrap_or_else(|e| Err(StoreError::Task(e.to_string())))).boxed()
    }

    /// Runs blocking `work` on a thread that may block; the error says that it panicked.
    pub async fn block<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
        let runtime = self.0.as_ref().expect("taken only when dropped");
        runtime.spawn_blocking(work).await.map_err(|e| e.to_string())
    }
}

impl Drop for DatabaseRuntime {
    fn drop(&mut self) {
        // The last owner may be an actor, whose thread must not wait; a transaction that is cut off is rolled back.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
