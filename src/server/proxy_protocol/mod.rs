//! The PROXY protocol, versions 1 and 2: a proxy that passes bytes on says first on whose behalf.
//!
//! The header is taken off the stream to the last byte and not one further, so that what follows, a TLS handshake or a request, finds the
//! socket untouched. That is why it is read here and not by a parser that wants a buffer: the framing is most of the work. Specified in
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>.

mod v1;
mod v2;

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, sink};
use tokio::net::TcpStream;

/// What the first bytes of version 2 are.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Why there is no usable header.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeaderError {
    /// Not what the protocol says: whoever sent it is no proxy that speaks it.
    #[error("no header of the PROXY protocol")]
    Malformed,
    /// The connection ended before the header did.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Takes the header. `None` when the proxy speaks for itself (a health check), or does not know an address for whom it speaks.
pub(super) async fn read(stream: &mut TcpStream) -> Result<Option<SocketAddr>, HeaderError> {
    // No header of either version is shorter.
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start == SIGNATURE { binary(stream).await } else { text(stream, &start).await }
}

async fn binary(stream: &mut TcpStream) -> Result<Option<SocketAddr>, HeaderError> {
    let mut fixed = [0; 4];
    stream.read_exact(&mut fixed).await?;
    let [command, family, high, low] = fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let source = v2::Source::announced(command, family).ok_or(HeaderError::Malformed)?;
    let mut addresses = [0; v2::LONGEST];
    let addresses = addresses.get_mut(..source.length()).filter(|room| room.len() <= length);
    let addresses = addresses.ok_or(HeaderError::Malformed)?;
    stream.read_exact(addresses).await?;
    // What follows are TLVs, none of which we need.
    let rest = (length - addresses.len()) as u64;
    if tokio::io::copy(&mut stream.take(rest), &mut sink()).await? < rest {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(source.parse(addresses))
}

async fn text(stream: &mut TcpStream, start: &[u8]) -> Result<Option<SocketAddr>, HeaderError> {
    if !start.starts_with(v1::PREFIX) {
        return Err(HeaderError::Malformed);
    }
    let mut line = [0; v1::LONGEST];
    let mut length = start.len();
    line[..length].copy_from_slice(start);
    while !line[..length].ends_with(b"\n") {
        // What is there up to the end of the line belongs to the header, whether the end is there or not.
        let room = line.get_mut(length..).filter(|room| !room.is_empty()).ok_or(HeaderError::Malformed)?;
        let seen = stream.peek(room).await?;
        let ours = room[..seen].iter().position(|byte| *byte == b'\n').map_or(seen, |end| end + 1);
        if ours == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        length += stream.read(&mut room[..ours]).await?;
    }
    v1::parse(&line[..length]).ok_or(HeaderError::Malformed)
}
