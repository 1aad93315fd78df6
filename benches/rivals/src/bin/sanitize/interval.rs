//! How sure a rate is.

/// The 95 % interval of Wilson for `hits` of `n`, as shares of one.
pub(crate) fn wilson(hits: u32, n: u32) -> (f64, f64) {
    const Z: f64 = 1.959_964;
    let (hits, n) = (f64::from(hits), f64::from(n));
    let share = hits / n;
    let centre = share + Z * Z / (2.0 * n);
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (((centre - spread) / scale).max(0.0), ((centre + spread) / scale).min(1.0))
}
