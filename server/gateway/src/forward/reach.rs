//! To which addresses the gateway connects.
//!
//! Staff may register any name, and a name can lead anywhere: to another place now than when it was registered, or into the
//! operator's own network (server-side request forgery, DNS rebinding). So what counts is looked at where the connection is
//! made, after the name was resolved, and the connection goes to one of the addresses that were looked at and to no other.
//! An address that stands in the URL itself goes the same way.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use contract::networks::is_private;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

type BoxError = Box<dyn Error + Send + Sync>;
type BoxFuture<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Finds the addresses of a host by its name.
pub trait NameDirectory: Send + Sync + 'static {
    /// Its addresses.
    fn find(&self, name: String) -> BoxFuture<Vec<IpAddr>, io::Error>;
}

/// What the operating system knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNames;

impl NameDirectory for SystemNames {
    fn find(&self, name: String) -> BoxFuture<Vec<IpAddr>, io::Error> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Which addresses may be connected to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reachable {
    /// Those that the whole internet can reach.
    #[default]
    Public,
    /// Those in private networks too.
    Everything,
}

impl Reachable {
    fn allows(self, address: IpAddr) -> bool {
        self == Self::Everything || !is_private(address)
    }
}

/// Every address of the upstream is one that must not be connected to.
#[derive(Debug)]
pub(super) struct Forbidden;

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its address is inside a private network, which the settings do not allow")
    }
}

impl Error for Forbidden {}

/// Whether this is why there was no connection.
pub(super) fn is_forbidden(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<Forbidden>())
}

/// Resolves names, and gives out what may be connected to.
#[derive(Clone)]
pub(super) struct Resolver {
    reachable: Reachable,
    names: Arc<dyn NameDirectory>,
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = BoxFuture<Self::Response, BoxError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (reachable, found) = (self.reachable, self.names.find(name.as_str().to_owned()));
        Box::pin(async move {
            let found = found.await?;
            let none = found.is_empty();
            let allowed: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| reachable.allows(*address))
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            if allowed.is_empty() && !none { Err(Forbidden.into()) } else { Ok(allowed.into_iter()) }
        })
    }
}

/// Makes TCP connections, and looks at addresses first.
#[derive(Clone)]
pub(super) struct Connector {
    reachable: Reachable,
    tcp: HttpConnector<Resolver>,
}

impl Connector {
    pub(super) fn new(reachable: Reachable, names: Arc<dyn NameDirectory>) -> Self {
        Self { reachable, tcp: HttpConnector::new_with_resolver(Resolver { reachable, names }) }
    }

    pub(super) const fn tcp(&mut self) -> &mut HttpConnector<Resolver> {
        &mut self.tcp
    }
}

impl Service<Uri> for Connector {
    type Response = <HttpConnector<Resolver> as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = BoxFuture<Self::Response, BoxError>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // What is an address already is not resolved.
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        if host.parse().is_ok_and(|address| !self.reachable.allows(address)) {
            return Box::pin(std::future::ready(Err(Forbidden.into())));
        }
        let connecting = self.tcp.call(uri);
        Box::pin(async move { connecting.await.map_err(Into::into) })
    }
}
