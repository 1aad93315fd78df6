#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_layers::sanitize::{Field, FieldKind, FindingKind, InputSanitizer, Inspect, Place};

// What the layer asks for: only attacks, each inside the value.
fuzz_target!(|input: &[u8]| {
    for kind in [FieldKind::Email, FieldKind::Name, FieldKind::Text, FieldKind::Path] {
        for found in InputSanitizer::new().inspect(&Field::new(Place::Path, kind, input)) {
            let attack =
                matches!(found.kind, FindingKind::SqlInjection | FindingKind::Xss | FindingKind::PathTraversal);
            assert!(attack && found.start <= found.end && found.end <= input.len(), "{kind:?}: {found:?}");
        }
    }
});
