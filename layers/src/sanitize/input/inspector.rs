//! The sanitiser as an inspector of the layer.

use super::InputSanitizer;
use crate::sanitize::field::{Field, FieldKind};
use crate::sanitize::finding::{Finding, FindingKind};
use crate::sanitize::inspect::Inspect;

/// Finds attacks. U+0000 is found by the structural check of every value. What is merely not of its form, too long or in need of cleaning is
/// left to the handler, which can say so field by field.
impl Inspect for InputSanitizer {
    fn inspect(&self, field: &Field<'_>) -> Vec<Finding> {
        let result = match field.kind {
            FieldKind::Email => self.sanitize_email_advanced(field.bytes),
            kind => self.sanitize(kind, field.bytes),
        };
        let mut findings = result.rejected_patterns;
        findings.retain(|finding| is_attack(finding.kind));
        findings
    }
}

fn is_attack(kind: FindingKind) -> bool {
    matches!(kind, FindingKind::SqlInjection | FindingKind::Xss | FindingKind::PathTraversal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sanitize::field::Place;

    fn kinds(kind: FieldKind, value: &str) -> Vec<FindingKind> {
        let field = Field::new(Place::Body("/field"), kind, value.as_bytes());
        InputSanitizer::new().inspect(&field).into_iter().map(|finding| finding.kind).collect()
    }

    #[test]
    fn attacks_are_found_and_mistakes_are_left_to_the_handler() {
        assert_eq!(kinds(FieldKind::Name, "<script>alert(1)</script>"), [FindingKind::Xss]);
        assert_eq!(kinds(FieldKind::Text, "' or 1=1 --"), [FindingKind::SqlInjection]);
        assert_eq!(kinds(FieldKind::Path, "../etc/passwd"), [FindingKind::PathTraversal]);
        for (kind, honest) in [
            (FieldKind::Name, "O'Brien"),
            (FieldKind::Name, "  too   much space "),
            (FieldKind::Name, "control\u{1}"),
            (FieldKind::Email, "no address"),
            (FieldKind::Email, "o'hara+tag@x.ie"),
        ] {
            assert_eq!(kinds(kind, honest), [], "{honest:?}");
        }
    }
}
