//! How many bytes the detectors read, so that a test can tell whether that grows with the text only. Costs nothing outside of tests.

#[cfg(test)]
thread_local! {
    static BYTES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// `bytes` more were read.
#[cfg(test)]
pub(super) fn add(bytes: usize) {
    BYTES.set(BYTES.get() + bytes);
}

#[cfg(not(test))]
#[inline]
pub(super) const fn add(_: usize) {}

/// What was read by this thread since the last time.
#[cfg(test)]
pub(super) fn take() -> usize {
    BYTES.take()
}
