//! The port: who comes in, and whether anybody listens at all. In: connections, faults of the port. Out: served
//! connections. A closed port refuses, as that of a gateway that is not running does.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use slog::{info, warn};
use tokio::net::{TcpListener, TcpStream};

use crate::broker::clients::ConnId;
use crate::connection;
use crate::server::Shared;

/// How long to wait after the system refused a connection or a port, e.g. for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections for as long as the gateway runs. `port`: where it listens now.
pub async fn accept(shared: Rc<Shared>, listener: TcpListener, port: Arc<AtomicU16>, clients_max: usize) {
    let mut listener = Some(listener);
    let mut next: ConnId = 1;
    let mut open = tokio::task::JoinSet::new();
    loop {
        if let Err(reason) = arrange(&shared, &mut listener, &port) {
            warn!(shared.log, "cannot listen: {reason}"; "event" => "gateway.listen_failed");
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let came = tokio::select! {
            came = next_of(listener.as_ref()) => came,
            () = shared.door.notified() => continue,
        };
        match came {
            Ok((stream, peer)) => {
                while open.try_join_next().is_some() {}
                if open.len() >= clients_max {
                    warn!(shared.log, "refusing {peer}: {clients_max} connections are open"; "event" => "gateway.full");
                    continue;
                }
                open.spawn_local(connection::serve(shared.clone(), stream, next));
                next += 1;
            }
            Err(reason) => {
                warn!(shared.log, "cannot accept a connection: {reason}"; "event" => "gateway.accept_failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The next connection; while the port is closed there is none.
async fn next_of(listener: Option<&TcpListener>) -> std::io::Result<(TcpStream, std::net::SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// Opens, closes or moves the port as faults in force want it.
fn arrange(shared: &Shared, listener: &mut Option<TcpListener>, port: &AtomicU16) -> std::io::Result<()> {
    let mut broker = shared.broker.borrow_mut();
    if let Some(moved) = broker.faults.door.next.take() {
        let moved = TcpListener::from_std(moved)?;
        let address = moved.local_addr()?;
        info!(shared.log, "the port has moved: {address}"; "event" => "gateway.port_moved", "address" => %address);
        port.store(address.port(), Ordering::Release);
        *listener = Some(moved);
    }
    if !broker.is_port_open() {
        *listener = None;
    } else if listener.is_none() {
        let Some(address) = broker.faults.door.address else { return Ok(()) };
        let bound = std::net::TcpListener::bind(address)?;
        bound.set_nonblocking(true)?;
        *listener = Some(TcpListener::from_std(bound)?);
    }
    Ok(())
}
