//! The trait that the layer asks about every value.

use super::field::Field;
use super::finding::Finding;

/// Judges one value at a time.
///
/// An inspector is a pure function of the field, takes time linear in its length and does not panic: it meets whatever a client sends.
/// Closures `Fn(&Field<'_>) -> Vec<Finding>` implement it.
pub trait Inspect {
    /// Everything that is wrong with `field`; empty, and so without an allocation, where nothing is.
    fn inspect(&self, field: &Field<'_>) -> Vec<Finding>;
}

impl<F> Inspect for F
where
    F: Fn(&Field<'_>) -> Vec<Finding>,
{
    fn inspect(&self, field: &Field<'_>) -> Vec<Finding> {
        self(field)
    }
}
