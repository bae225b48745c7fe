//! The control channel: HTTP/1.1 with JSON, for those who watch the gateway and interfere. In: requests on an address
//! that only this machine reaches. Out: faults begun, scripts played, orders by hand; the gateway's own truth.
//! It runs on the gateway's thread, between two requests or steps of its clients. Absent: what the routes do (`routes`).

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, ORIGIN};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use slog::{debug, warn};
use tokio::net::{TcpListener, TcpStream};

use crate::options::StartError;
use crate::rehearsal;
use crate::server::Shared;

mod orders;
mod routes;
mod state;

/// The longest body: a script of some thousand entries.
const BODY_BYTES_MAX: usize = 1 << 20;
const CONNECTIONS_MAX: usize = 64;

/// Where and to whom the control channel answers.
#[derive(Clone)]
pub struct ControlOptions {
    pub listen: SocketAddr,
    /// Expected in `Authorization: Bearer TOKEN`; `None`: whoever reaches the address may do everything.
    pub token: Option<String>,
    /// Addresses that other machines reach are refused without this.
    pub any_address: bool,
}

impl fmt::Debug for ControlOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.token.as_ref().map(|_| "...");
        f.debug_struct("ControlOptions").field("listen", &self.listen).field("token", &token).finish_non_exhaustive()
    }
}

/// A socket that is bound and not served yet.
pub struct Bound {
    pub address: SocketAddr,
    listener: std::net::TcpListener,
    token: Option<String>,
}

/// An answer: status and JSON.
pub struct Answer(pub StatusCode, pub Json);

impl Answer {
    pub fn ok(body: Json) -> Answer {
        Answer(StatusCode::OK, body)
    }

    /// 400 with what was expected.
    pub fn bad(error: impl fmt::Display, expected: impl Into<Json>) -> Answer {
        Answer(StatusCode::BAD_REQUEST, json!({ "error": error.to_string(), "expected": expected.into() }))
    }
}

pub fn bind(options: ControlOptions) -> Result<Bound, StartError> {
    let ControlOptions { listen, token, any_address } = options;
    if !listen.ip().is_loopback() && !any_address {
        return Err(StartError::ControlOpen(listen));
    }
    let failed = |source| StartError::Control { address: listen, source };
    let listener = std::net::TcpListener::bind(listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Bound { address, listener, token })
}

/// Answers for as long as the gateway runs.
pub async fn serve(shared: Rc<Shared>, bound: Bound) {
    let token: Option<Rc<str>> = bound.token.map(Into::into);
    let listener = match TcpListener::from_std(bound.listener) {
        Ok(listener) => listener,
        Err(reason) => {
            return warn!(shared.log, "the control channel cannot listen: {reason}"; "event" => "gateway.control_failed");
        }
    };
    let mut open = tokio::task::JoinSet::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(reason) => {
                warn!(shared.log, "control channel: {reason}"; "event" => "gateway.control_failed");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        while open.try_join_next().is_some() {}
        if open.len() < CONNECTIONS_MAX {
            open.spawn_local(converse(shared.clone(), token.clone(), stream));
        }
    }
}

async fn converse(shared: Rc<Shared>, token: Option<Rc<str>>, stream: TcpStream) {
    let service = service_fn(|request| answer(&shared, token.as_deref(), request));
    let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if let Err(reason) = served {
        debug!(shared.log, "control connection: {reason}"; "event" => "gateway.control_broken");
    }
}

async fn answer(
    shared: &Shared,
    token: Option<&str>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let Answer(status, body) = match forbidden(request.headers(), token) {
        Some(refused) => refused,
        None => route(shared, request).await,
    };
    let mut bytes = body.to_string();
    bytes.push('\n');
    let mut response = Response::new(Full::new(Bytes::from(bytes)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    Ok(response)
}

async fn route(shared: &Shared, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(reason) => return Answer::bad(reason, format!("a body of at most {BODY_BYTES_MAX} bytes")),
    };
    if routes::is_advance(&head.method, head.uri.path()) {
        return match routes::span_to_advance(&body) {
            Ok(by) => routes::advanced(rehearsal::advance(shared, by).await),
            Err(bad) => bad,
        };
    }
    let answer = {
        let mut broker = shared.broker.borrow_mut();
        routes::answer(&mut broker, &head.method, head.uri.path(), head.uri.query().unwrap_or(""), &body)
    };
    crate::connection::flush(shared);
    shared.play.notify_one();
    answer
}

/// A web page in a browser on this machine reaches the address too: it says where it comes from, and is refused.
fn forbidden(headers: &HeaderMap, token: Option<&str>) -> Option<Answer> {
    if headers.contains_key(ORIGIN) {
        let body = json!({ "error": "web pages may not use the control channel" });
        return Some(Answer(StatusCode::FORBIDDEN, body));
    }
    let token = token?;
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or("");
    if same(given.as_bytes(), token.as_bytes()) {
        return None;
    }
    let body = json!({ "error": "not authorised", "expected": "Authorization: Bearer TOKEN" });
    Some(Answer(StatusCode::UNAUTHORIZED, body))
}

/// Compares without telling by its time how much was right.
fn same(given: &[u8], token: &[u8]) -> bool {
    given.len() == token.len() && given.iter().zip(token).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
