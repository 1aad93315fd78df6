//! The text of header values that are made anew for each request, without an allocation for each.

use std::cell::RefCell;
use std::thread::LocalKey;

use bytes::{Bytes, BytesMut};

/// What is allocated at a time: room for some forty values, and what one that is kept for long keeps from being freed.
const SIZE: usize = 2_048;

/// What is left of the memory that texts are cut from. Each layer has one per thread: nobody waits for it, and the count of its users
/// seldom leaves the cache of one core.
pub(crate) struct Chunk(RefCell<BytesMut>);

impl Chunk {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(BytesMut::new()))
    }

    /// A copy of `text`, next to those made before. Once all of these are gone their room is used again.
    pub(crate) fn copy(local: &'static LocalKey<Self>, text: &[u8]) -> Bytes {
        let cut = |Self(left): &Self| {
            let mut left = left.try_borrow_mut().ok()?;
            if left.capacity() < text.len() {
                left.reserve(SIZE.max(text.len()));
            }
            left.extend_from_slice(text);
            Some(left.split().freeze())
        };
        // A thread that ends has no chunk any more.
        local.try_with(cut).ok().flatten().unwrap_or_else(|| Bytes::copy_from_slice(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static CHUNK: Chunk = Chunk::new();
    }

    fn copy(text: &[u8]) -> Bytes {
        Chunk::copy(&CHUNK, text)
    }

    #[test]
    fn copies_stay_what_they_are_while_others_come_and_go() {
        let texts: Vec<_> = (0..1_000_u32).map(|number| format!("{number:050}")).collect();
        let copies: Vec<_> = texts.iter().map(|text| copy(text.as_bytes())).collect();
        assert!(texts.iter().zip(&copies).all(|(text, copy)| text == copy));
        let long = [b'x'; 2 * SIZE];
        assert_eq!(copy(&long), long[..]);
        assert_eq!(copy(b""), b""[..]);
    }

    #[test]
    fn copies_that_are_dropped_at_once_share_one_allocation() {
        drop(copy(b"first"));
        let change = allocation_counter::measure(|| {
            for _ in 0..10_000 {
                drop(copy(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"));
            }
        });
        assert_eq!(change.count_total, 0);
    }
}
