//! Both ends of a connection byte by byte, and upstreams that misbehave on purpose.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::harness::*;

/// Nothing here waits so long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// One end of a connection that says exactly what it is told to.
pub struct Wire {
    stream: TcpStream,
    /// What came and was not taken.
    seen: Vec<u8>,
}

impl Wire {
    pub const fn new(stream: TcpStream) -> Self {
        Self { stream, seen: Vec::new() }
    }

    pub async fn to(house: &House) -> Self {
        Self::new(house.connect().await)
    }

    pub async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Says it if somebody still listens.
    pub async fn try_say(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// What comes until this text, with it. Less at the end of the connection.
    pub async fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(place) = self.seen.windows(text.len()).position(|window| window == text.as_bytes()) {
                return self.take(place + text.len());
            }
            if self.read().await == 0 {
                return self.take(self.seen.len());
            }
        }
    }

    /// A head, with its empty line; nothing at the end of the connection.
    pub async fn head(&mut self) -> Option<String> {
        Some(self.until("\r\n\r\n").await).filter(|head| head.ends_with("\r\n\r\n"))
    }

    /// So many bytes.
    pub async fn bytes(&mut self, count: usize) -> String {
        while self.seen.len() < count {
            assert_ne!(self.read().await, 0, "the connection ended after {:?}", String::from_utf8_lossy(&self.seen));
        }
        self.take(count)
    }

    /// Everything until the connection ends; a reset is an end.
    pub async fn rest(&mut self) -> String {
        while self.read().await > 0 {}
        self.take(self.seen.len())
    }

    /// Says that nothing follows, and still listens.
    pub async fn hang_up_half(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Ends the connection with a reset instead of an end.
    pub fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    async fn read(&mut self) -> usize {
        tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.seen)).await.expect("nothing came").unwrap_or(0)
    }

    fn take(&mut self, count: usize) -> String {
        let taken: Vec<u8> = self.seen.drain(..count).collect();
        String::from_utf8_lossy(&taken).into_owned()
    }
}

/// An upstream that the test plays: told each connection and its number, from 0.
pub async fn played<P, F>(play: P) -> String
where
    P: Fn(usize, Wire) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(play(number, Wire::new(stream)));
            number += 1;
        }
    });
    base
}

/// An upstream that answers `ok` to everything and tells the test each request as it came, head and body.
pub async fn plain() -> (String, mpsc::UnboundedReceiver<String>) {
    let (sender, requests) = mpsc::unbounded_channel();
    let base = played(move |_, mut wire| {
        let sender = sender.clone();
        async move {
            while let Some(head) = wire.head().await {
                let body = match value(&head, "content-length") {
                    Some(length) => wire.bytes(length.parse().unwrap()).await,
                    None if value(&head, "transfer-encoding").is_some() => wire.until("0\r\n\r\n").await,
                    None => String::new(),
                };
                if value(&head, "transfer-encoding").is_some() && !body.ends_with("0\r\n\r\n") {
                    // Broken off, so it was no request.
                    return;
                }
                let _ = sender.send(head + &body);
                wire.try_say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            }
        }
    })
    .await;
    (base, requests)
}

/// The value of a header in a head as it came.
pub fn value<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    lines.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}
